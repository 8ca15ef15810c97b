"""What tests of the page share: the server that it talks to, what may not happen in it, what it shows and saves."""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from limbwise.media.frame import Image
from limbwise.media.image import decode_image

KEY = "a key for the tests"


@dataclass
class Site:
    """A running server."""

    url: str

    def ask(self, path: str, body: bytes | None = None) -> bytes:
        """The answer to a request with the key."""
        with urlopen(Request(f"{self.url}/{path}", body, {"X-API-Key": KEY}), timeout=30) as answer:
            return bytes(answer.read())


@dataclass
class Watch:
    """What went on in a page: requests to anybody else, and errors that nobody expected."""

    base: str
    others: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    expected: tuple[str, ...] = ()

    def see(self, page: Any) -> None:
        own = (self.base, self.base.replace("http", "ws", 1), "blob:", "data:")
        page.on("request", lambda request: None if request.url.startswith(own) else self.others.append(request.url))
        page.on("websocket", lambda socket: None if socket.url.startswith(own) else self.others.append(socket.url))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda said: self.errors.append(said.text) if said.type == "error" else None)

    def check(self) -> None:
        assert not self.others
        assert not [error for error in self.errors if not any(word in error for word in self.expected)]


def saved(page: Any, format: str) -> tuple[str, bytes]:
    """Press a button of "Save": name and bytes of the file."""
    with page.expect_download() as download:
        page.click(f"[data-save={format}]")
    return download.value.suggested_filename, Path(download.value.path()).read_bytes()


def people_drawn(page: Any) -> None:
    """Wait until there is somebody on the canvas."""
    page.wait_for_selector('#view[data-people]:not([data-people="0"])')


def shown(page: Any) -> Image:
    """What the canvas shows after the next picture of the screen, (H, W, 3) uint8, in its own pixels."""
    return picture(
        page.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(() => done(view.toDataURL()))))")
    )


def picture(url: str) -> Image:
    """The picture in a data URL."""
    return decode_image(b64decode(url.partition(",")[2]), "canvas")


def give(page: Any, name: str, data: bytes, how: str, kind: str = "") -> None:
    """Paste a file ("paste"), hold it over the page ("dragenter") or let it go ("drop")."""
    script = """([name, text, how, type]) => {
        const transfer = new DataTransfer();
        transfer.items.add(new File([Uint8Array.from(atob(text), (c) => c.charCodeAt(0))], name, { type }));
        const event = how === "paste" ? new ClipboardEvent(how, { clipboardData: transfer, bubbles: true })
            : new DragEvent(how, { dataTransfer: transfer, bubbles: true, cancelable: true });
        document.body.dispatchEvent(event);
    }"""
    page.evaluate(script, [name, b64encode(data).decode(), how, kind])
