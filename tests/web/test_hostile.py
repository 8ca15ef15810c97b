"""Two hundred hostile uploads, and what schemathesis makes of the server's own description: no fault of the server, ever."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest
from web.conftest import picture
from web.hostile import uploads

BACK = 60_000_000  # bytes by which the memory may have grown for good: caches of decoders, arenas of threads


@dataclass
class Process:
    """`limbwise serve` as a program of its own."""

    http: httpx.Client
    process: subprocess.Popen[str]
    folder: Path

    @property
    def memory(self) -> int:
        return int(psutil.Process(self.process.pid).memory_info().rss)


@pytest.fixture(scope="module")
def alone(dots_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    folder = tmp_path_factory.mktemp("serve") / "own"
    command = [
        sys.executable,
        "-m",
        "limbwise",
        "serve",
        "--port",
        "0",
        "--model",
        dots_model,
        "--folder",
        folder,
        "--min-parts",
        "2",
    ]
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    env.pop("LIMBWISE_API_KEY", None)
    with subprocess.Popen([str(part) for part in command], stderr=subprocess.PIPE, text=True, env=env) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        url = re.search(r"http://127\.0\.0\.1:\d+", line)
        assert url, line
        with httpx.Client(base_url=url[0], timeout=30) as http:
            yield Process(http, process, folder)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        assert process.stderr.read() == ""
    assert not folder.exists()


def test_two_hundred_hostile_uploads(alone: Process) -> None:
    for _ in range(5):
        assert len(alone.http.post("/v1/people", content=picture()).json()["people"]) == 2
    before, slowest, sent = alone.memory, 0.0, list(uploads())
    assert len(sent) == 200
    for upload in sent:
        start = time.perf_counter()
        answer = alone.http.post(upload.path, **upload.arguments)
        took = time.perf_counter() - start
        slowest = max(slowest, took)
        assert 400 <= answer.status_code < 500, f"{upload.name}: {answer.status_code} {answer.text[:200]}"
        assert took < 2, f"{upload.name}: {took:.1f} s"
        error = answer.json()["error"]
        assert "\n" not in error
        assert str(alone.folder) not in error
    assert len(alone.http.post("/v1/people", content=picture()).json()["people"]) == 2
    assert alone.memory < before + BACK, f"{before / 1e6:.0f} MB before, {alone.memory / 1e6:.0f} MB after"
    assert [path.name for path in alone.folder.iterdir()] == [".limbwise-serve"]
    print(f"slowest {slowest:.2f} s, memory {before / 1e6:.0f} -> {alone.memory / 1e6:.0f} MB")
