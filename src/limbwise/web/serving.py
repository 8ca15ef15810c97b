"""What one server has and does at the moment; endpoints find it in the app's state."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from fastapi import Request, WebSocket

from limbwise.estimate.estimator import Estimator
from limbwise.web.jobs import Jobs
from limbwise.web.metrics import Metrics
from limbwise.web.options import ServeOptions
from limbwise.web.pipeline import Ask, Pipeline
from limbwise.web.refusal import Refusal


@dataclass
class Serving:
    """Models by their names, the first one the default; `key`: what clients must give, None: nothing; `requests` under way; `streams`
    that are open; `stopping`: set when nothing new is taken on any more."""

    options: ServeOptions
    key: str | None
    models: Mapping[str, Estimator]
    metrics: Metrics
    pipeline: Pipeline
    jobs: Jobs
    requests: int = 0
    streams: int = 0
    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def default(self) -> str:
        """The model of requests that name none."""
        return next(iter(self.models))

    def ask(self, model: str | None, threshold: float | None = None, max_people: int | None = None) -> Ask:
        """What a client wants; raises Refusal 404 for a model that this server does not have."""
        if model is not None and model not in self.models:
            raise Refusal(404, f"model: there is no {model!r}; there are {', '.join(self.models)}")
        return Ask(model or self.default, threshold, max_people)

    @contextmanager
    def one_stream(self) -> Iterator[None]:
        """A live stream is open inside."""
        self.streams += 1
        self.metrics.streams(self.streams)
        try:
            yield
        finally:
            self.streams -= 1
            self.metrics.streams(self.streams)

    def stop(self) -> None:
        """Take on nothing new; videos that only wait are cancelled."""
        self.stopping.set()
        self.jobs.stop()

    @property
    def idle(self) -> bool:
        """Whether nothing is under way, and nobody can be expected to fetch a result."""
        return not self.requests and not self.streams and self.jobs.idle


def serving_of(connection: Request | WebSocket) -> Serving:
    """The server that a request came to."""
    found: Any = connection.app.state.serving
    assert isinstance(found, Serving)
    return found
