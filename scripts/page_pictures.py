"""Pictures of the page for the docs: `python scripts/page_pictures.py URL` of a running `limbwise serve`, into docs/pictures/.

A photo, a clip and a fake camera, all of them the astronaut of scikit-image (public domain); needs Chromium and the extra `dev`.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import skimage
from playwright.sync_api import Page, sync_playwright

from limbwise.media.image import decode_image, read_image

PICTURES = Path(__file__).parents[1] / "docs" / "pictures"
PHOTO = Path(skimage.__file__).parent / "data" / "astronaut.png"
CHROMIUM = "/usr/bin/chromium"
QUIET = "--no-sandbox --disable-gpu --disable-background-networking --no-first-run --disable-component-update --disable-sync"
FAKE = "--use-fake-device-for-media-stream --use-fake-ui-for-media-stream --use-file-for-fake-video-capture="
FRAMES, WIDTH, HEIGHT = 75, 640, 480


def views() -> Iterator[np.ndarray[Any, Any]]:
    """A slow round over the photo, as RGB pictures (480, 640, 3)."""
    photo = read_image(PHOTO)
    for angle in np.linspace(0, 2 * np.pi, FRAMES):
        scale = 1.38 + 0.07 * np.cos(angle)
        left, top = 256 + 8 * np.sin(angle) - WIDTH / 2 / scale, 192 - 4 * np.cos(angle) - HEIGHT / 2 / scale
        matrix = np.array([[scale, 0, -left * scale], [0, scale, -top * scale]])
        yield cv2.warpAffine(photo, matrix, (WIDTH, HEIGHT), flags=cv2.INTER_CUBIC)


def write_clip(path: Path, codec: str, pixels: str, options: dict[str, str]) -> Path:
    """The round as a video."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options=options)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, pixels
        for view in views():
            container.mux(stream.encode(av.VideoFrame.from_ndarray(view, format="rgb24")))
        container.mux(stream.encode())
    return path


def photo(page: Page) -> None:
    for _ in range(2):  # the first of a size takes longer: its network is compiled
        page.set_input_files("#file", PHOTO)
        page.wait_for_selector('#view[data-people]:not([data-people="0"])')


def clip(page: Page, path: Path) -> None:
    page.check("[data-setting=boxes]")
    page.check("[value=person]")
    page.set_input_files("#file", path)
    page.wait_for_selector("#transport:not([inert])", timeout=120_000)
    page.wait_for_timeout(1500)


def camera(page: Page) -> None:
    page.check("[value=dimmed]")
    page.click("#camera")
    page.wait_for_selector("#view[data-frame]")
    page.check("[data-setting=step]")
    page.wait_for_timeout(4000)


def keep(page: Page, name: str) -> None:
    """The page as it looks, as a JPEG of at most 120 kB."""
    picture = decode_image(page.screenshot(), name)[..., ::-1]
    for quality in range(90, 40, -5):
        _, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
        if len(data) <= 120_000:
            break
    (PICTURES / f"page-{name}.jpg").write_bytes(data.tobytes())


def main(url: str) -> None:
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        film = write_clip(Path(folder) / "astronaut.mp4", "libx264", "yuv420p", {"crf": "16"})
        live = write_clip(Path(folder) / "live.mjpeg", "mjpeg", "yuvj420p", {"qmin": "2", "qmax": "3"})
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=[*QUIET.split(), *f"{FAKE}{live}".split()])
        steps = {
            "photo": ("light", photo),
            "clip": ("dark", lambda page: clip(page, film)),
            "camera": ("light", camera),
        }
        for name, (scheme, step) in steps.items():
            page = chromium.new_page(viewport={"width": 1200, "height": 790}, color_scheme=scheme)  # type: ignore[arg-type]
            page.goto(url)
            page.wait_for_selector("#model option", state="attached")
            step(page)
            keep(page, name)
            page.close()
        chromium.close()


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000")
