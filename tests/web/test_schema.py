"""schemathesis against the server's own description: whatever the description allows, and what it does not, gets an answer that the
description knows, and never a fault of the server."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from web.conftest import Running, picture

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed")

OPERATIONS = (
    ("POST", "/v1/people"),
    ("POST", "/v1/video"),
    ("GET", "/v1/models"),
    ("GET", "/v1/jobs/{job}"),
    ("DELETE", "/v1/jobs/{job}"),
    ("GET", "/v1/jobs/{job}/result"),
    ("GET", "/healthz"),
    ("GET", "/metrics"),
)


WITH_PARAMETERS = [
    (method, path) for method, path in OPERATIONS if path.startswith(("/v1/people", "/v1/video", "/v1/jobs"))
]
TRIES = settings(
    max_examples=10,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def schema(served: Running, clip: bytes) -> Any:
    """The description; bodies of these types are real now and then, so that what comes after the door is tried as well."""
    for kind, data in (("image/png", picture()), ("image/jpeg", picture(suffix=".jpg")), ("video/mp4", clip)):
        schemathesis.openapi.media_type(kind, st.sampled_from([data, data[:-9]]) | st.binary(max_size=2000))
    return schemathesis.openapi.from_url(f"{served.url}/openapi.json")


def test_all_operations_are_tried(schema: Any) -> None:
    found = {(operation.ok().method.upper(), operation.ok().path) for operation in schema.get_all_operations()}
    assert found == set(OPERATIONS)


def try_out(operation: Any, mode: str) -> Counter[int]:
    """How often each status was answered."""
    from schemathesis.specs.openapi import checks

    statuses: Counter[int] = Counter()
    expected = [
        schemathesis.checks.not_a_server_error, checks.status_code_conformance, checks.content_type_conformance,
        checks.response_schema_conformance,
    ]  # fmt: skip

    @seed(7)
    @TRIES
    @given(case=operation.as_strategy(generation_mode=schemathesis.GenerationMode(mode)))
    def tried(case: Any) -> None:
        statuses[case.call_and_validate(checks=expected).status_code] += 1

    tried()
    return statuses


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_what_the_description_allows(method: str, path: str, schema: Any) -> None:
    statuses = try_out(schema[path][method], "positive")
    assert (202 if path == "/v1/video" else 404 if "{job}" in path else 200) in statuses
    assert max(statuses) < 500


@pytest.mark.parametrize(("method", "path"), WITH_PARAMETERS)
def test_what_the_description_does_not_allow(method: str, path: str, schema: Any) -> None:
    statuses = try_out(schema[path][method], "negative")
    assert statuses.total() >= 5
    assert max(statuses) < 500
