"""The app: models opened, endpoints put together, everything closed again at the end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

import numpy as np
from fastapi import FastAPI, Request, Response
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel
from starlette.middleware.cors import CORSMiddleware

from limbwise import __version__
from limbwise.draw.people import draw_people
from limbwise.estimate.estimator import Estimator
from limbwise.web import people, refusal, stream, video
from limbwise.web.examples import STREAM
from limbwise.web.gate import Gate
from limbwise.web.jobs import Jobs
from limbwise.web.metrics import Metrics
from limbwise.web.options import ServeOptions, cache_folder
from limbwise.web.pipeline import Pipeline
from limbwise.web.serving import Serving, serving_of
from limbwise.write.writer import compact

PAGE = Path(__file__).parent / "page"
DESCRIPTION = f"""People in images, videos and live pictures.

A WebSocket, `/v1/stream?model=&track=true&threshold=`, takes binary messages, each an image (JPEG, PNG, WebP), and answers each that it
looked at with a text: `{compact(STREAM)}`. `frame` is the number of the message, counted from 0; only the newest picture waits, late ones
are `dropped`. A message that is no image is answered with `{{"frame": 17, "error": "..."}}`."""


def create_app(
    estimators: Mapping[str, Estimator], options: ServeOptions | None = None, key: str | None = None
) -> FastAPI:
    """The server of these models (the first is the default) as an ASGI app; `key`: what clients must give, None: nothing.

    Its folder is made at the start and removed at the end of its lifespan. `app.state.serving` is what it has and does.
    """
    options = options or ServeOptions()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.serving = serving  # also after a restart
        yield
        serving.stop()
        serving.pipeline.close()
        serving.jobs.close()

    metrics = Metrics()
    jobs = Jobs(cache_folder(options), options, estimators)
    pipeline = Pipeline(estimators, options, metrics)
    serving = Serving(options, key, estimators, metrics, pipeline, jobs)
    metrics.watch(lambda: pipeline.waiting, lambda: jobs.count)
    app = FastAPI(
        title="limbwise", version=__version__, description=DESCRIPTION, docs_url=None, redoc_url=None, lifespan=lifespan
    )
    app.state.serving = serving
    refusal.install(app)
    for router in (people.router, video.router, stream.router):
        app.include_router(router)
    _add_rest(app)
    app.add_middleware(Gate, serving=serving)
    if options.allowed_origins:
        _let_others_ask(app, options)
    return app


def _let_others_ask(app: FastAPI, options: ServeOptions) -> None:
    app.add_middleware(
        CORSMiddleware,
        allow_origins=list(options.allowed_origins),
        allow_methods=["GET", "POST", "DELETE"],
        allow_headers=["Authorization", "X-API-Key", "Content-Type"],
    )


class Health(BaseModel):
    """The server is well."""

    status: Literal["ok"] = "ok"


def _add_rest(app: FastAPI) -> None:
    """The page, its files, health, metrics, and the description."""

    @app.get("/healthz", responses={503: refusal.problems()[503]})
    async def healthz() -> Health:
        """Whether the server takes on work; 503 when it is about to stop."""
        return Health()

    @app.get(
        "/metrics",
        response_class=Response,
        responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
    )
    async def metrics(request: Request) -> Response:
        """Counts and times, as Prometheus reads them."""
        return Response(serving_of(request).metrics.text(), media_type=CONTENT_TYPE_LATEST)

    @app.get("/", include_in_schema=False)
    async def page() -> FileResponse:
        return FileResponse(PAGE / "index.html")

    app.mount("/page", StaticFiles(directory=PAGE, check_dir=False), name="page")


def warm_up(estimator: Estimator) -> None:
    """Everything once, so that the first client does not wait for compilers: 640 x 480, whatever is in it."""
    image = np.zeros((480, 640, 3), np.uint8)
    inputs = estimator.prepare(image)
    for engine in (estimator.engine, estimator.wide_engine):
        draw_people(image, estimator.group(estimator.look(inputs, image.shape, engine)))
