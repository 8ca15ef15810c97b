"""The page in a real browser: a server of its own with the default model, Chromium with a fake camera, pages that are watched."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from browsing import KEY, Site, Watch
from clips import write_clip

CHROMIUM = Path("/usr/bin/chromium")
QUIET = "--no-sandbox --disable-gpu --disable-background-networking --no-first-run --disable-component-update --disable-sync"
FAKE_CAMERA = "--use-fake-device-for-media-stream --use-fake-ui-for-media-stream --use-file-for-fake-video-capture="


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """`limbwise serve` with the default model, which wants a key."""
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is not here")
    for module in ("playwright.sync_api", "fastapi", "uvicorn"):
        pytest.importorskip(module)
    home = tmp_path_factory.mktemp("home")
    environment = {**os.environ, "LIMBWISE_API_KEY": KEY, "LIMBWISE_HOME": str(home)}
    command = [sys.executable, "-m", "limbwise", "serve", "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as server:
        assert server.stderr is not None
        first = next((line for line in server.stderr if "http://" in line), "")
        threading.Thread(target=server.stderr.read, daemon=True).start()  # so that its pipe is never full
        try:
            assert first, "the server did not start"
            yield Site("http://" + first.partition("http://")[2].strip())
        finally:
            server.terminate()
            server.wait(30)


@pytest.fixture(scope="session")
def camera_clip(tmp_path_factory: pytest.TempPathFactory, shared: Path) -> Path:
    """A real clip as a fake camera plays it."""
    path = tmp_path_factory.mktemp("camera") / "camera.mjpeg"
    write_clip(path, shared / "data" / "video" / "solo_dance.mp4", frames=40)
    return path


@pytest.fixture(scope="module")
def browser(camera_clip: Path) -> Iterator[Any]:
    """Chromium; it goes with each file of tests, since an event loop that runs on would disturb others' tests."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        arguments = [*QUIET.split(), *f"{FAKE_CAMERA}{camera_clip}".split()]
        chromium = playwright.chromium.launch(executable_path=str(CHROMIUM), args=arguments)
        yield chromium
        chromium.close()


@pytest.fixture
def watch(site: Site) -> Iterator[Watch]:
    """Watches every page of a test; at the end nothing may have gone wrong."""
    watch = Watch(site.url)
    yield watch
    watch.check()


@pytest.fixture
def new_page(site: Site, browser: Any, watch: Watch) -> Iterator[Callable[..., Any]]:
    """Opens a page, by default with the key and ready to use; what it takes is what a browser's context takes."""
    contexts = []

    def open_page(key: str | None = KEY, **options: Any) -> Any:
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
        contexts.append(context)
        context.set_default_timeout(20_000)
        if key is not None:
            context.add_init_script(f"sessionStorage.setItem('limbwise.key', {key!r})")
        page = context.new_page()
        watch.see(page)
        page.goto(site.url)
        if key is not None:
            page.wait_for_selector("#model option", state="attached")
        return page

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture
def page(new_page: Callable[..., Any]) -> Any:
    """A page that is ready to use."""
    return new_page()


@pytest.fixture(scope="session")
def ski(shared: Path) -> Path:
    """A photo of people."""
    return shared / "data" / "photos" / "ski.jpg"
