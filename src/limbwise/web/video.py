"""`POST /v1/video`: a video in, a job out; `/v1/jobs/{job}`: how far it is, its result, and its end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi import Path as InPath
from fastapi.responses import FileResponse
from pydantic import BaseModel, Field

from limbwise.web.answers import media_type
from limbwise.web.clip import check_clip
from limbwise.web.clip_work import NAMES, ClipFormat, result
from limbwise.web.examples import CLIP, COCO, TABLE
from limbwise.web.job import Job
from limbwise.web.people import BYTES, Model, Threshold, body_of
from limbwise.web.refusal import Refusal, problems
from limbwise.web.serving import serving_of
from limbwise.web.upload import file_chunks

router = APIRouter()

PIECE = 1 << 20  # bytes that are written at a time
SLOWEST = 100_000  # bytes a second of an upload that is waited for

Number = Annotated[str, InPath(description="number of a job, as POST /v1/video gave it", max_length=100)]


class JobAnswer(BaseModel):
    """A video on its way. `total`: its frames, as far as the file tells; `error`: why it failed."""

    job: str = Field(examples=["8f1c0a5b3d2e4f60"])
    state: Literal["waiting", "running", "done", "failed", "cancelled"] = Field(examples=["running"])
    frames: int = Field(0, examples=[120])
    total: int | None = Field(None, examples=[512])
    error: str | None = Field(None, examples=[None])


class Begun(BaseModel):
    """A video that will be worked on."""

    job: str = Field(examples=["8f1c0a5b3d2e4f60"])
    state: Literal["waiting"] = "waiting"


@router.post(
    "/v1/video",
    status_code=202,
    responses=problems(400, 404, 408, 413),
    openapi_extra=body_of("video/mp4", "video/webm", "application/octet-stream"),
)
async def take_video(
    request: Request,
    model: Model = None,
    track: Annotated[bool, Query(description="follow people, so that they have ids")] = True,
    threshold: Threshold = None,
) -> Begun:
    """Take the video in the body, or in the field `file` of a form, and begin to look for people in it."""
    serving = serving_of(request)
    options = serving.options
    with serving.jobs.place(serving.ask(model, threshold), track) as job:
        seconds = options.seconds + options.max_video / SLOWEST
        try:
            async with asyncio.timeout(seconds):
                await _save(file_chunks(request, options.max_video), job.clip)
        except TimeoutError:
            raise Refusal(408, f"the file: not all of it came within {seconds:g} s") from None
        await asyncio.to_thread(check_clip, job.clip, options)
    serving.jobs.start(job)
    return Begun(job=job.id)


async def _save(chunks: AsyncIterator[bytes], path: Path) -> None:
    """What comes, into a file, a megabyte at a time; written in a thread, since disks may be slow."""
    with path.open("xb") as file:
        piece = bytearray()
        async for chunk in chunks:
            piece += chunk
            if len(piece) >= PIECE:
                await asyncio.to_thread(file.write, bytes(piece))
                piece.clear()
        await asyncio.to_thread(file.write, bytes(piece))


@router.get("/v1/jobs/{job}", responses=problems(404))
async def get_job(request: Request, job: Number) -> JobAnswer:
    """How far a video is."""
    return _answer(serving_of(request).jobs[job])


def _answer(job: Job) -> JobAnswer:
    return JobAnswer(job=job.id, state=job.state, frames=job.frames, total=job.total, error=job.error)


@router.get(
    "/v1/jobs/{job}/result",
    response_class=FileResponse,
    responses={
        200: {
            "description": "the people of every frame, in the form that was asked for",
            "content": {
                "application/json": {
                    "schema": {"anyOf": [{"type": "object"}, {"type": "array"}]},
                    "examples": {"limbwise": {"value": CLIP}, "coco": {"value": COCO}},
                },
                "text/csv": {"schema": {"type": "string"}, "example": TABLE},
                "application/zip": BYTES,
            },
        },
        **problems(404, 409),
    },
)
async def get_result(
    request: Request,
    job: Number,
    format: Annotated[
        ClipFormat, Query(description="form of the result; openpose: a zip of one file a frame")
    ] = "limbwise",
) -> FileResponse:
    """The people of a video that is done."""
    found = serving_of(request).jobs[job]
    if found.state != "done":
        raise Refusal(409, f"job: is {found.state}, not done" + (f" ({found.error})" if found.error else ""))
    path = await asyncio.to_thread(result, found, format)
    found.fetched = True
    kind = media_type("zip" if format == "openpose" else format)
    return FileResponse(path, media_type=kind, filename=NAMES[format])


@router.delete("/v1/jobs/{job}", status_code=204, response_class=Response, responses=problems(404))
async def remove_job(request: Request, job: Number) -> Response:
    """Stop the work on a video, if it goes on, and forget it with its results."""
    jobs = serving_of(request).jobs
    jobs.remove(jobs[job])
    return Response(status_code=204)
