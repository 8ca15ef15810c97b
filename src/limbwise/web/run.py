"""Running the app: a socket, uvicorn, and a stop that lets what is under way come to its end."""

from __future__ import annotations

import logging
import signal
import socket
import time
from types import FrameType

import uvicorn
from fastapi import FastAPI

from limbwise.errors import LimbwiseError
from limbwise.web.options import ServeOptions
from limbwise.web.serving import Serving

BACKLOG = 2048  # connections that wait to be taken


def open_socket(options: ServeOptions) -> socket.socket:
    """A socket that listens where the options say; raises LimbwiseError where it cannot."""
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((options.host, options.port))
        listener.listen(BACKLOG)  # who comes while models are opened waits
    except OSError as error:
        listener.close()
        raise LimbwiseError(
            f"{options.host}:{options.port}: cannot be listened on ({error.strerror or error}); give another --host or --port"
        ) from error
    return listener


def _is_fault(record: logging.LogRecord) -> bool:
    """Not what uvicorn says of every live stream that is refused with an answer."""
    return "without completing handshake" not in record.getMessage()


class Server(uvicorn.Server):
    """uvicorn that stops in two steps: at the first signal new work is refused (503) and what is under way ends, in the time that the
    options give it; then, or at the second signal, the connections are closed."""

    def __init__(self, app: FastAPI, options: ServeOptions) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                log_level="warning",
                access_log=False,
                server_header=False,
                lifespan="on",
                ws_max_size=options.max_body,
                ws_per_message_deflate=False,  # pictures do not get smaller
                timeout_graceful_shutdown=5,
            )
        )
        logging.getLogger("uvicorn.error").addFilter(_is_fault)
        self.options = options
        self._serving: Serving = app.state.serving
        self._since: float | None = None  # when the first signal came

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A signal: the first begins the stop, the second ends it."""
        if self._since is None:
            self._since = time.monotonic()
        else:
            self.should_exit, self.force_exit = True, self.should_exit and sig == signal.SIGINT

    async def on_tick(self, counter: int) -> bool:
        """Called ten times a second; true when the connections shall be closed."""
        if await super().on_tick(counter):
            return True
        if self._since is None:
            return False
        if not self._serving.stopping.is_set():
            self._serving.stop()
        return self._serving.idle or time.monotonic() > self._since + self.options.stop_seconds


def answer(app: FastAPI, options: ServeOptions, listener: socket.socket) -> None:
    """Answer on a socket until a signal says stop."""
    Server(app, options).run(sockets=[listener])
