"""What the server says when it cannot do what it was asked: a status and one line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from limbwise.errors import InputError, LimbwiseError, UsageError

RETRY = {"Retry-After": "1"}


class Refusal(Exception):
    """An answer that is not what was asked for: HTTP `status` and one line for people."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.headers = status, message, dict(headers or {})


def busy(message: str) -> Refusal:
    """Too much to do: come back in a moment."""
    return Refusal(503, message, RETRY)


class Problem(BaseModel):
    """What went wrong, in one line."""

    error: str = Field(
        examples=["image: is not an image of a known format; JPEG, PNG, WebP, TIFF and BMP are read, among others"]
    )


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The refusals of an endpoint, for its description."""
    return {
        status: {"model": Problem, "description": MEANING[status]} for status in (401, 403, 422, 500, 503, *statuses)
    }


MEANING = {
    400: "the request cannot be understood",
    401: "a key is needed",
    403: "the page that asks is of another host",
    404: "there is no such thing",
    408: "the upload took too long",
    409: "not now",
    413: "too large",
    422: "a value that cannot be meant, or a file that cannot be read",
    500: "a fault of the server",
    503: "too much to do, or about to stop",
}


def as_answer(status: int, message: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """The one line as JSON."""
    return JSONResponse({"error": " ".join(message.split())}, status, dict(headers or {}))


def status_of(error: LimbwiseError) -> int:
    """HTTP's word for an error of ours: what the client sent is 422, what it asked for 400, the rest is ours."""
    return 422 if isinstance(error, InputError) else 400 if isinstance(error, UsageError) else 500


def install(app: FastAPI) -> None:
    """Every error of the app leaves it as `{"error": "one line"}`."""

    @app.exception_handler(Refusal)
    async def refused(request: Request, error: Refusal) -> JSONResponse:
        return as_answer(error.status, error.message, error.headers)

    @app.exception_handler(LimbwiseError)
    async def failed(request: Request, error: LimbwiseError) -> JSONResponse:
        return as_answer(status_of(error), str(error))

    @app.exception_handler(HTTPException)
    async def not_found(request: Request, error: HTTPException) -> JSONResponse:
        return as_answer(error.status_code, f"{request.url.path}: {error.detail}", error.headers)

    @app.exception_handler(RequestValidationError)
    async def not_valid(request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        return as_answer(422, f"{'.'.join(map(str, first['loc'][1:])) or first['loc'][0]}: {first['msg']}")
