"""`WS /v1/stream`: frames in, their people out with ids that stay; only the newest frame waits, late ones are dropped."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import APIRouter, Query, WebSocket, WebSocketDisconnect

from limbwise.errors import LimbwiseError
from limbwise.estimate.follow import Follower
from limbwise.media.frame import Image
from limbwise.people import People
from limbwise.track.tracker import TrackOptions
from limbwise.web.answers import Times, people_answer
from limbwise.web.people import Model, Threshold
from limbwise.web.pipeline import Ask
from limbwise.web.refusal import Refusal, as_answer, busy
from limbwise.web.serving import Serving, serving_of
from limbwise.write.writer import compact

router = APIRouter()

LIVE = TrackOptions(fill=0.0, strangers=True)  # nothing waits for what comes later; who has no id yet is shown, too
TOO_BIG, GOING_AWAY = 1009, 1001  # codes of RFC 6455


@dataclass
class _Mailbox:
    """The newest frame that waits, and the numbers of frames received and dropped."""

    note: Callable[[], None]
    received: int = 0
    dropped: int = 0
    _newest: tuple[int, bytes] | None = None
    _there: asyncio.Event = field(default_factory=asyncio.Event)

    def put(self, data: bytes) -> None:
        """One frame more; the one that waits is dropped."""
        if self._newest is not None:
            self.dropped += 1
            self.note()
        self._newest = (self.received, data)
        self.received += 1
        self._there.set()

    async def get(self) -> tuple[int, bytes]:
        """Number and bytes of the newest frame, when there is one."""
        await self._there.wait()
        self._there.clear()
        newest, self._newest = self._newest, None
        assert newest is not None
        return newest


@router.websocket("/v1/stream")
async def stream(
    socket: WebSocket,
    model: Model = None,
    track: Annotated[bool, Query()] = True,
    threshold: Threshold = None,
) -> None:
    """Frames (binary messages: JPEG, PNG, WebP) in; a JSON text for each that was looked at out."""
    serving = serving_of(socket)
    try:
        ask = serving.ask(model, threshold)
        if serving.streams >= serving.options.max_streams:
            raise busy(f"{serving.streams} live streams are open; come back later")
    except Refusal as refusal:
        await socket.send_denial_response(as_answer(refusal.status, refusal.message, refusal.headers))
        return
    await socket.accept()
    with serving.one_stream():
        await _serve(socket, serving, ask, Follower(LIVE) if track else None)


async def _serve(socket: WebSocket, serving: Serving, ask: Ask, follower: Follower | None) -> None:
    """Receive and answer side by side, until one of them ends or the server stops."""
    mailbox = _Mailbox(serving.metrics.dropped)
    tasks = [
        asyncio.create_task(_receive(socket, mailbox, serving.options.max_body)),
        asyncio.create_task(_answer(socket, serving, ask, follower, mailbox)),
        asyncio.create_task(serving.stopping.wait()),
    ]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    stopping = tasks[2].done()
    for task in tasks:
        task.cancel()
    for done in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(done, Exception) and not isinstance(done, (WebSocketDisconnect, RuntimeError)):
            raise done
    if stopping:
        with suppress(RuntimeError):  # closed already
            await socket.close(GOING_AWAY, "the server stops")


async def _receive(socket: WebSocket, mailbox: _Mailbox, limit: int) -> None:
    while True:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            return
        data = message.get("bytes")
        if data is None:
            data = b""  # a text is no image, and is answered as such
        if len(data) > limit:
            await socket.close(TOO_BIG, f"a frame of more than {limit / 1e6:g} MB")
            return
        mailbox.put(data)


async def _answer(socket: WebSocket, serving: Serving, ask: Ask, follower: Follower | None, mailbox: _Mailbox) -> None:
    while True:
        number, data = await mailbox.get()
        now = time.monotonic()

        def render(image: Image, people: People, times: Times, now: float = now) -> dict[str, Any]:
            return people_answer(image, people if follower is None else follower.push(people, now)[0][1], times)

        try:
            found = await serving.pipeline.find(data, ask, render)
        except (Refusal, LimbwiseError) as error:
            await socket.send_text(compact({"frame": number, "error": str(error)}))
            continue
        await socket.send_text(compact({"frame": number, **found, "dropped": mailbox.dropped}))
