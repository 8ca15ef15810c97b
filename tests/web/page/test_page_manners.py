"""How the page behaves: errors are said, keys are enough, small screens and both schemes are readable, nobody else is asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from browsing import KEY, Watch, give, people_drawn

# Contrast of every text that can be read, as WCAG 2 counts it, against the first opaque ground behind it.
CONTRASTS = """() => {
    const sheet = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    const pixel = (colour) => {
        sheet.clearRect(0, 0, 1, 1);
        sheet.fillStyle = colour;
        sheet.fillRect(0, 0, 1, 1);
        return sheet.getImageData(0, 0, 1, 1).data;
    };
    const light = ([r, g, b]) => [r, g, b].map((v) => v / 255).map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
        .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
    const ground = (element) => {
        for (let e = element; e; e = e.parentElement) {
            const found = pixel(getComputedStyle(e).backgroundColor);
            if (found[3] === 255) return found;
        }
        return [255, 255, 255];
    };
    const own = (element) => [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    return [...document.querySelectorAll("body *")]
        .filter((e) => own(e) && e.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && !e.closest(":disabled, [inert]"))
        .filter((e) => e.getBoundingClientRect().width > 2)
        .map((e) => {
            const [a, b] = [light(pixel(getComputedStyle(e).color)), light(ground(e))];
            return [e.textContent.trim(), (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)];
        });
}"""


def test_a_file_of_another_kind_is_refused_in_words(page: Any) -> None:
    give(page, "notes.txt", b"no picture", "drop", "text/plain")
    page.wait_for_selector("[role=alert]:has-text('notes.txt is neither a picture nor a clip.')")
    page.click("#note-close")
    assert page.is_hidden("#note")
    assert page.is_visible("text=Drop a photo or a clip")


def test_the_server_says_what_is_wrong_with_a_file(page: Any, watch: Watch) -> None:
    watch.expected = ("422",)
    give(page, "photo.jpg", b"no picture", "drop", "image/jpeg")
    page.wait_for_selector("[role=alert][data-kind=error]:has-text('image')")
    assert page.is_disabled("[data-save=png]")
    give(page, "clip.mp4", b"no clip", "drop", "video/mp4")
    page.wait_for_selector("[role=alert][data-kind=error]:has-text('clip')")


def test_a_server_that_is_gone_is_named_and_may_come_back(page: Any, watch: Watch, ski: Path) -> None:
    watch.expected = ("ERR_INTERNET_DISCONNECTED",)
    page.context.set_offline(True)
    page.set_input_files("#file", ski)
    page.wait_for_selector("[role=alert]:has-text('The server does not answer.')")
    page.context.set_offline(False)
    page.click("text=Try again")
    people_drawn(page)
    assert page.is_hidden("#note")


def test_the_key_is_asked_for_until_it_fits(new_page: Callable[..., Any], watch: Watch, ski: Path) -> None:
    watch.expected = ("401",)
    page = new_page(key=None)
    page.wait_for_selector("text=This server wants a key")
    page.fill("[type=password]", "wrong")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=That key does not fit.")
    page.fill("[type=password]", KEY)
    page.click("text=Use it")
    page.wait_for_selector("#model option", state="attached")
    page.set_input_files("#file", ski)
    people_drawn(page)
    page.click("#camera-again")
    page.wait_for_selector("#view[data-frame]")


def test_a_page_that_comes_back_shows_its_start(page: Any, ski: Path) -> None:
    page.set_input_files("#file", ski)
    people_drawn(page)
    page.evaluate("void dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }))")
    page.wait_for_selector("text=Drop a photo or a clip")
    assert page.is_disabled("[data-save=png]")
    page.set_input_files("#file", ski)
    people_drawn(page)


def test_the_keyboard_is_enough(page: Any, ski: Path) -> None:
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "choose"
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.on("filechooser", lambda chooser: chooser.set_files(ski))
    page.evaluate("0")  # an answer says that the browser knows of the listener; a key may overtake it
    page.keyboard.press("Enter")
    people_drawn(page)
    reached = []
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate(
                "document.activeElement.dataset.setting ?? document.activeElement.dataset.save ?? document.activeElement.id"
            )
        )
    wanted = set("limbs joints boxes picture colours model threshold png openpose coco csv close".split())
    assert wanted <= set(reached)
    page.focus("[data-setting=boxes]")
    page.keyboard.press("Space")
    assert page.is_checked("[data-setting=boxes]")
    page.focus("[data-setting=picture]:checked")
    page.keyboard.press("ArrowRight")
    assert page.is_checked("[value=dimmed]")
    page.focus("#close")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "choose"


def test_every_control_has_a_name(page: Any) -> None:
    unnamed = page.evaluate(
        """[...document.querySelectorAll("button, input, select")].filter((e) => !e.closest("[hidden]") && !e.ariaLabel
            && !e.textContent.trim() && ![...(e.labels ?? [])].some((label) => label.textContent.trim())).map((e) => e.outerHTML)"""
    )
    assert not unnamed


def test_a_phone_is_wide_enough(new_page: Callable[..., Any], ski: Path, shared: Path) -> None:
    page = new_page(viewport={"width": 360, "height": 740}, is_mobile=True, has_touch=True, device_scale_factor=2)
    for name in (None, "photos/ski.jpg", "video/posetrack_5frames.mp4"):
        if name is not None:
            page.set_input_files("#file", shared / "data" / name)
            page.wait_for_selector("#view[data-people]")
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        beyond = "[...document.querySelectorAll('button, select, h2')].filter((e) => e.getBoundingClientRect().right > 360).length"
        assert page.evaluate(beyond) == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read(new_page: Callable[..., Any], scheme: str, ski: Path) -> None:
    page = new_page(color_scheme=scheme, reduced_motion="reduce")
    for opened in (False, True):
        if opened:
            page.set_input_files("#file", ski)
            people_drawn(page)
            give(page, "notes.txt", b"no picture", "drop", "text/plain")
        contrasts = dict(page.evaluate(CONTRASTS))
        assert len(contrasts) > 20
        assert not {text: ratio for text, ratio in contrasts.items() if ratio < 4.5}


def test_nothing_moves_by_itself(page: Any, ski: Path, shared: Path) -> None:
    """Layout shifts that no key or click asked for, as Chromium counts them."""
    page.evaluate(
        """() => { window.shift = 0; new PerformanceObserver((list) => list.getEntries().forEach((e) => {
            if (!e.hadRecentInput) window.shift += e.value; })).observe({ type: "layout-shift", buffered: true }); }"""
    )
    page.set_input_files("#file", shared / "data" / "video" / "posetrack_5frames.mp4")
    before = page.evaluate("JSON.stringify(document.querySelector('.bar').getBoundingClientRect())")
    page.wait_for_selector("#transport:not([inert])")
    assert page.evaluate("JSON.stringify(document.querySelector('.bar').getBoundingClientRect())") == before
    assert page.evaluate("window.shift") < 0.1
