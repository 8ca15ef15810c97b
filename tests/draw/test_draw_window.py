"""The live window: under SDL's dummy driver with posted events, and once on a real (virtual) screen with a screenshot."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pygame", reason="the extra `show` (pygame) is not installed")

from limbwise.draw.window import Window, fit_size
from limbwise.errors import LimbwiseError

IMAGE = np.random.default_rng(0).integers(0, 256, (120, 160, 3), np.uint8)


@pytest.fixture
def window(monkeypatch: pytest.MonkeyPatch) -> Iterator[Window]:
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    with Window("test") as opened:
        yield opened


def press(key: int) -> None:
    import pygame

    pygame.event.post(pygame.event.Event(pygame.KEYDOWN, key=key))


def on_screen() -> np.ndarray:
    import pygame

    return pygame.surfarray.array3d(pygame.display.get_surface()).transpose(1, 0, 2)


def test_the_picture_is_shown_as_it_is(window: Window) -> None:
    assert window.show(IMAGE)
    assert np.array_equal(on_screen(), IMAGE)
    assert window.show(IMAGE[::-1])
    assert np.array_equal(on_screen(), IMAGE[::-1])


@pytest.mark.parametrize("key", ["K_q", "K_ESCAPE", "QUIT"])
def test_q_esc_and_closing_end_it(window: Window, key: str) -> None:
    import pygame

    assert window.show(IMAGE)
    if key == "QUIT":
        pygame.event.post(pygame.event.Event(pygame.QUIT))
    else:
        press(getattr(pygame, key))
    assert not window.show(IMAGE)
    assert not window.show(IMAGE)


def test_tab_switches_the_overlay_and_other_keys_nothing(window: Window) -> None:
    import pygame

    seen = []
    for key in (pygame.K_a, pygame.K_TAB, pygame.K_SPACE, pygame.K_TAB):
        assert window.show(IMAGE)
        press(key)
        assert window.show(IMAGE)
        seen.append(window.overlay)
    assert seen == [False, True, True, False]


def test_large_pictures_are_made_to_fit_and_other_aspects_get_borders(window: Window) -> None:
    import pygame

    assert window.show(np.full((6000, 8000, 3), 200, np.uint8))
    wide, high = pygame.display.get_surface().get_size()
    screen = pygame.display.get_desktop_sizes()[0]
    assert (wide <= screen[0], high <= screen[1], wide / high == pytest.approx(4 / 3, rel=0.01)) == (True,) * 3
    assert window.show(np.full((100, 100, 3), 200, np.uint8))
    shown = on_screen()
    assert (shown[high // 2, wide // 2] == 200).all()
    assert (shown[high // 2, [0, -1]] == 0).all()


@pytest.mark.parametrize(
    ("room", "enlarge", "size"),
    [
        ((320, 240), True, (320, 240)),
        ((320, 240), False, (160, 120)),
        ((80, 500), True, (80, 60)),
        ((1, 1), True, (1, 1)),
    ],
)
def test_fit_size_keeps_the_aspect(room: tuple[int, int], enlarge: bool, size: tuple[int, int]) -> None:
    assert fit_size(IMAGE, room, enlarge) == size


def test_windows_can_be_opened_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    for _ in range(2):
        with Window() as window:
            assert window.show(IMAGE)


def test_no_screen_is_an_error_for_people(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SDL_VIDEODRIVER", "x11")
    monkeypatch.setenv("DISPLAY", ":987")
    with pytest.raises(LimbwiseError, match="no window can be opened here"), Window() as window:
        window.show(IMAGE)


def test_pygame_does_not_greet() -> None:
    code = "from limbwise.draw.window import Window\nwith Window(): pass"
    environment = {**os.environ, "SDL_VIDEODRIVER": "dummy"}
    environment.pop("PYGAME_HIDE_SUPPORT_PROMPT", None)
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")


CHILD = """
import sys, numpy as np
from limbwise.draw.window import Window
image = np.zeros((240, 320, 3), np.uint8)
image[:, :160], image[:, 160:], image[100:140, 150:170] = (255, 0, 0), (0, 0, 255), (0, 255, 0)
with Window("screenshot") as window:
    for _ in range(20):
        window.show(image)
    print("shown", flush=True)
    sys.stdin.readline()
"""


@pytest.mark.skipif(not shutil.which("Xvfb"), reason="Xvfb, the X server without a screen, is not installed")
def test_a_screenshot_of_a_real_window(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    command = [
        "Xvfb",
        "-displayfd",
        str(writer),
        "-screen",
        "0",
        "800x600x24",
        "-fbdir",
        str(tmp_path),
        "-nolisten",
        "tcp",
    ]
    with subprocess.Popen(command, pass_fds=[writer], stderr=subprocess.DEVNULL) as server:
        os.close(writer)
        try:
            with os.fdopen(reader) as numbers:
                display = ":" + numbers.readline().strip()
            shot = screenshot_of_child(display, tmp_path / "Xvfb_screen0")
        finally:
            server.terminate()
    y, x = np.nonzero((shot == (0, 255, 0)).all(-1))
    assert (np.ptp(y) + 1, np.ptp(x) + 1, len(y)) == (40, 20, 800)
    top, left = y.min() - 100, x.min() - 150
    part = shot[top : top + 240, left : left + 320]
    assert (part[:90, :150] == (255, 0, 0)).all()
    assert (part[:90, 170:] == (0, 0, 255)).all()


def screenshot_of_child(display: str, framebuffer: Path) -> np.ndarray:
    """What the screen shows while another process keeps the window open."""
    environment = {**os.environ, "DISPLAY": display, "SDL_VIDEODRIVER": "x11"}
    command = [sys.executable, "-c", CHILD]
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "shown\n"
        deadline = time.monotonic() + 10
        while True:  # the X server paints a moment after the program has asked it to
            shot = read_xwd(framebuffer.read_bytes())
            if (shot == (0, 255, 0)).all(-1).sum() == 800 or time.monotonic() > deadline:
                break
            time.sleep(0.05)
        child.communicate("\n", timeout=20)
    return shot


def read_xwd(dump: bytes) -> np.ndarray:
    """(H, W, 3) RGB of an X window dump of 32 bits a pixel, blue first, as Xvfb keeps its screen."""
    header = struct.unpack(">25I", dump[:100])
    size, wide, high, line, colours = header[0], header[4], header[5], header[12], header[19]
    assert header[11] == 32
    start = size + 12 * colours
    rows = np.frombuffer(dump, np.uint8, high * line, start).reshape(high, line)[:, : 4 * wide]
    return rows.reshape(high, wide, 4)[..., 2::-1]
