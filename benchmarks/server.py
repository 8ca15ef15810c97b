"""What `limbwise serve` stands: many clients at a time, for a minute, beside what `limbwise benchmark` does with the same photos.

    python benchmarks/server.py [PHOTO...] [--clients 64] [--seconds 60] [--model default] [--serve "--max-batch 2"] \\
        [--json benchmarks/results/server.json]

The server is a process of its own, as `limbwise serve` starts it. Each client is a connection that sends the next photo when it has its
answer; all of them are one process that only moves prepared bytes, on the same cores as the server. `limbwise benchmark` runs before and
after, and the mean of both counts, so that a machine that gets slower or faster in between does not decide. A client that is told to come
back (503) waits as long as it is told. Memory is the server's resident set, looked at four times a second.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
import psutil

PHOTOS = Path(__file__).resolve().parents[2] / "shared" / "data" / "photos"
NAMES = ("ballet.jpg", "street_500x422.jpg", "couple_232x217.jpg")
COMMAND = [sys.executable, "-m", "limbwise"]
SETTLED = 20.0  # seconds after which the memory must not grow any more
SIGHTS = 20  # times that a size comes until its network is compiled for it (see engine/shapes.py)
RUNS = 5  # passes of `limbwise benchmark` through the photos


@dataclass
class Load:
    """What the clients saw: seconds of each answer, and answers by status; when it began and ended; seconds of the server's cores."""

    latencies: list[float] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    begin: float = 0.0
    end: float = 0.0
    cores: float = 0.0


@contextmanager
def server(model: str, flags: Sequence[str]) -> Iterator[tuple[int, psutil.Process]]:
    """The port and the process of a server that is ready."""
    command = [*COMMAND, "serve", "--port", "0", "--model", model, *flags]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = process.stderr.readline()
        port = re.search(r":(\d+)\s*$", said)
        if port is None:
            raise SystemExit(f"the server did not start: {said}")
        try:
            yield int(port[1]), psutil.Process(process.pid)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def request(photo: Path) -> bytes:
    """A whole request for the people of a photo."""
    data = photo.read_bytes()
    head = f"POST /v1/people HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
    return head.encode() + data


async def client(port: int, requests: Iterator[bytes], load: Load, until: float) -> None:
    """One connection: sends, waits for the answer, sends again."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for data in requests:
        if (start := time.perf_counter()) > until:
            break
        writer.write(data)
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head)
        assert length is not None
        await reader.readexactly(int(length[1]))
        status = head.split()[1].decode()
        load.statuses[status] += 1
        if status == "200":
            load.latencies.append(time.perf_counter() - start)
        elif wait := re.search(rb"retry-after: (\d+)", head):
            await asyncio.sleep(int(wait[1]))
    writer.close()


async def watch(process: psutil.Process, memory: list[tuple[float, int]], begin: float) -> None:
    """Memory of the server, again and again."""
    while True:
        memory.append((time.perf_counter() - begin, process.memory_info().rss))
        await asyncio.sleep(0.25)


def used(process: psutil.Process) -> float:
    """Seconds of cores that a process has had."""
    times = process.cpu_times()
    return float(times.user + times.system)


async def put_load(
    port: int, process: psutil.Process, photos: Sequence[Path], clients: int, seconds: float
) -> tuple[Load, list[tuple[float, int]]]:
    """All clients at once, for so many seconds; answers under way at the end are waited for."""
    requests = [request(photo) for photo in photos]
    load, memory = Load(begin=time.perf_counter()), list[tuple[float, int]]()
    watcher = asyncio.create_task(watch(process, memory, load.begin))
    until, cores = load.begin + seconds, used(process)
    await asyncio.gather(
        *(client(port, islice(cycle(requests), i % len(requests), None), load, until) for i in range(clients))
    )
    load.end, load.cores = time.perf_counter(), used(process) - cores
    watcher.cancel()
    return load, memory


def one_at_a_time(port: int, photos: Sequence[Path]) -> list[float]:
    """Seconds of each answer to a client that is alone, once the server's network has settled for the sizes."""
    requests, settling, load = [request(photo) for photo in photos], Load(), Load()
    asyncio.run(client(port, islice(cycle(requests), SIGHTS * len(requests)), settling, float("inf")))
    asyncio.run(client(port, islice(cycle(requests), RUNS * len(requests)), load, float("inf")))
    return load.latencies


def benchmark(model: str, photos: Sequence[Path]) -> dict[str, Any]:
    """The figures of `limbwise benchmark`."""
    command = [*COMMAND, "benchmark", *map(str, photos), "--model", model, "--runs", str(RUNS), "--json"]
    figures: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return figures


def growth(memory: Sequence[tuple[float, int]], seconds: float) -> float:
    """Megabytes by which the memory of the last seconds is above that of the first after it had settled."""
    first = [rss for at, rss in memory if SETTLED <= at < SETTLED + 5]
    last = [rss for at, rss in memory if seconds - 5 <= at]
    return (mean(last) - mean(first)) / 1e6 if first and last else float("nan")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", nargs="*", type=Path, default=[PHOTOS / name for name in NAMES])
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--model", default="default")
    parser.add_argument("--serve", default="", help="more flags for limbwise serve")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    before = benchmark(given.model, given.photos)
    with server(given.model, given.serve.split()) as (port, process):
        alone = one_at_a_time(port, given.photos)
        load, memory = asyncio.run(put_load(port, process, given.photos, given.clients, given.seconds))
    after = benchmark(given.model, given.photos)
    rate, stream = (
        len(load.latencies) / (load.end - load.begin),
        mean([before["frames_per_second"], after["frames_per_second"]]),
    )
    p50, p99 = (1000 * float(np.percentile(load.latencies, q)) for q in (50, 99))
    figures = {
        "machine": f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores",
        "model": given.model,
        "photos": [photo.name for photo in given.photos],
        "flags": given.serve,
        "clients": given.clients,
        "seconds": round(load.end - load.begin, 1),
        "answers": dict(load.statuses),
        "requests_per_second": round(rate, 2),
        "benchmark_frames_per_second": round(stream, 2),
        "benchmark_before_after": [round(run["frames_per_second"], 2) for run in (before, after)],
        "share_of_benchmark": round(rate / stream, 3),
        "p50_ms": round(p50, 1),
        "p99_ms": round(p99, 1),
        "alone_p50_ms": round(1000 * float(np.median(alone)), 1),
        "server_core_ms_per_request": round(1000 * load.cores / len(load.latencies), 1),
        "memory_mb": round(memory[-1][1] / 1e6, 1),
        "memory_growth_after_20_s_mb": round(growth(memory, given.seconds), 2),
    }
    print(json.dumps(figures, indent=1))
    if given.json:
        given.json.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
