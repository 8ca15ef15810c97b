"""`POST /v1/people`: an image in, its people out. `GET /v1/models`: who finds them."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from limbwise.estimate.estimator import Estimator
from limbwise.media.frame import Image
from limbwise.people import People
from limbwise.web.answers import Format, Times, answer, media_type
from limbwise.web.examples import COCO, OPENPOSE, PEOPLE, TABLE
from limbwise.web.refusal import Refusal, problems
from limbwise.web.serving import serving_of
from limbwise.web.upload import file_chunks

router = APIRouter()

Model = Annotated[
    str | None, Query(max_length=200, description="one of /v1/models; by default the first", examples=["default"])
]
Threshold = Annotated[
    float | None,
    Query(ge=0, le=1, description="least height of a keypoint's peak; by default the model's", examples=[0.2]),
]
MaxPeople = Annotated[int | None, Query(ge=0, le=10_000, description="most people; by default all", examples=[5])]

BYTES = {"schema": {"type": "string", "format": "binary"}}
FORM = {
    "schema": {
        "type": "object",
        "properties": {"file": {"type": "string", "format": "binary"}},
        "required": ["file"],
    }
}


def body_of(*types: str) -> dict[str, Any]:
    """The description of a body that is a file, as it is or as the field of a form."""
    content = {**dict.fromkeys(types, BYTES), "multipart/form-data": FORM}
    return {"requestBody": {"required": True, "content": content}}


FOUND: dict[str, Any] = {
    "description": "the people, in the form that was asked for",
    "content": {
        "application/json": {
            "schema": {"anyOf": [{"type": "object"}, {"type": "array"}]},
            "examples": {
                "limbwise": {"value": PEOPLE},
                "openpose": {"value": OPENPOSE},
                "coco": {"value": COCO},
            },
        },
        "text/csv": {"schema": {"type": "string"}, "example": TABLE},
        "image/png": BYTES,
    },
}


@router.post(
    "/v1/people",
    response_class=Response,
    responses={200: FOUND, **problems(400, 404, 408, 413)},
    openapi_extra=body_of("image/jpeg", "image/png", "image/webp", "application/octet-stream"),
)
async def find_people(
    request: Request,
    format: Annotated[
        Format, Query(description="form of the answer; png: the picture with the people drawn")
    ] = "limbwise",
    model: Model = None,
    threshold: Threshold = None,
    max_people: MaxPeople = None,
) -> Response:
    """The people of the image in the body, or in the field `file` of a form. Places are pixels of the image, (0, 0) the centre of its
    top left one; `keypoints` are [x, y, score] in the order of the model's skeleton, null where one is missing."""
    serving = serving_of(request)
    ask = serving.ask(model, threshold, max_people)

    def render(image: Image, people: People, times: Times) -> bytes:
        return answer(format, image, people, times)

    data = await read_body(request, serving.options.max_body, serving.options.seconds)
    content = await serving.pipeline.find(data, ask, render, request.is_disconnected)
    return Response(content, media_type=media_type(format))


async def read_body(request: Request, limit: int, seconds: float) -> bytes:
    """The whole file of a request; raises Refusal 413, 400, and 408 where it comes too slowly."""
    try:
        async with asyncio.timeout(seconds):
            return b"".join([chunk async for chunk in file_chunks(request, limit)])
    except TimeoutError:
        raise Refusal(408, f"the file: not all of it came within {seconds:g} s") from None


class SkeletonAnswer(BaseModel):
    """`limbs` are pairs of indices of keypoints, `flip` for each the index of its mirror image."""

    name: str = Field(examples=["coco_17"])
    keypoints: list[str] = Field(examples=[["nose", "left_eye", "right_eye"]])
    limbs: list[tuple[int, int]] = Field(examples=[[[0, 1], [0, 2]]])
    flip: list[int] = Field(examples=[[0, 2, 1]])


class ModelAnswer(BaseModel):
    """`size`: the shorter side of the network's input in pixels."""

    name: str = Field(examples=["default"])
    skeleton: SkeletonAnswer
    size: int = Field(examples=[368])


class ModelsAnswer(BaseModel):
    """The models of this server."""

    models: list[ModelAnswer]
    default: str = Field(examples=["default"])


@router.get("/v1/models", responses=problems())
async def list_models(request: Request) -> ModelsAnswer:
    """The models that this server was started with; `default` is taken where a request names none."""
    serving = serving_of(request)
    models = [_describe(name, estimator) for name, estimator in serving.models.items()]
    return ModelsAnswer(models=models, default=serving.default)


def _describe(name: str, estimator: Estimator) -> ModelAnswer:
    skeleton = estimator.spec.skeleton
    return ModelAnswer(
        name=name,
        size=estimator.spec.input.size.side,
        skeleton=SkeletonAnswer(
            name=skeleton.name,
            keypoints=list(skeleton.keypoints),
            limbs=list(skeleton.limbs),
            flip=skeleton.flip.tolist(),
        ),
    )
