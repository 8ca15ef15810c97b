"""What `limbwise serve` stands: many clients at a time, for a minute, in turns with a stream of the same photos.

    python benchmarks/server.py [PHOTO...] [--clients 64] [--seconds 60] [--model default] [--serve "--max-batch 2"] \\
        [--json benchmarks/results/server.json]

The server is a process of its own, as `limbwise serve` starts it. Each client is a connection that sends the next photo when it has its
answer; all of them are one process that only moves prepared bytes, on the same cores as the server. The load comes in turns of ten seconds;
before and after each a third process runs the stream whose pace `limbwise benchmark` reports, from file to people with the stages side by
side: whatever else the machine does falls on both. The share is the median over the turns. `limbwise benchmark` itself runs at the
beginning. A client that is told to come back (503) waits as long as it is told. Memory is the server's resident set, looked at four times a
second of load.
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
from statistics import mean, median
from typing import Any

import numpy as np
import psutil

from limbwise.estimate.estimator import Estimator
from limbwise.media.frame import Frame
from limbwise.media.image import read_image

PHOTOS = Path(__file__).resolve().parents[2] / "shared" / "data" / "photos"
NAMES = ("ballet.jpg", "street_500x422.jpg", "couple_232x217.jpg")
COMMAND = [sys.executable, "-m", "limbwise"]
TURN, PASS = 10.0, 4.0  # seconds of load, and of the stream, in turns
SETTLED = 20.0  # seconds of load after which the memory must not grow any more
SIGHTS = 20  # times that a size comes until its network is compiled for it (see engine/shapes.py)
RUNS = 5  # passes of `limbwise benchmark` through the photos


@dataclass
class Load:
    """What the clients saw: seconds of each answer, and answers by status; `rates`: answers a second of each turn; seconds of load so
    far, and the server's memory in bytes at such times; seconds of the server's cores."""

    latencies: list[float] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    rates: list[float] = field(default_factory=list)
    seconds: float = 0.0
    memory: list[tuple[float, int]] = field(default_factory=list)
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


async def watch(process: psutil.Process, load: Load) -> None:
    """Memory of the server, again and again."""
    begin = time.perf_counter()
    while True:
        load.memory.append((load.seconds + time.perf_counter() - begin, process.memory_info().rss))
        await asyncio.sleep(0.25)


def used(process: psutil.Process) -> float:
    """Seconds of cores that a process has had."""
    times = process.cpu_times()
    return float(times.user + times.system)


async def turn(port: int, process: psutil.Process, requests: Sequence[bytes], clients: int, load: Load) -> None:
    """All clients at once, for a turn; answers under way at its end are waited for."""
    begin, cores, before = time.perf_counter(), used(process), len(load.latencies)
    watcher = asyncio.create_task(watch(process, load))
    photos = [islice(cycle(requests), i % len(requests), None) for i in range(clients)]
    await asyncio.gather(*(client(port, each, load, begin + TURN) for each in photos))
    watcher.cancel()
    seconds = time.perf_counter() - begin
    load.rates.append((len(load.latencies) - before) / seconds)
    load.seconds += seconds
    load.cores += used(process) - cores


class Stream:
    """A process that runs the stream of `limbwise benchmark` when it is asked."""

    def __init__(self, model: str, photos: Sequence[Path]) -> None:
        command = [sys.executable, __file__, "--model", model, "--stream", *map(str, photos)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.pace()  # the first one settles it

    def pace(self) -> float:
        """Frames a second, now."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print("now", file=self.process.stdin, flush=True)
        return float(self.process.stdout.readline())

    def close(self) -> None:
        """No more of it."""
        self.process.communicate()


def _in_circles(photos: Sequence[Path], until: float) -> Iterator[Path]:
    """The photos again and again until the clock says `until`."""
    for path in cycle(photos):
        if time.perf_counter() >= until:
            return
        yield path


def stream(model: str, photos: Sequence[Path]) -> None:
    """What that process does: a pass, and its frames a second, for each line that comes; see estimate/timing.py."""
    estimator, seconds = Estimator(model), 3 * PASS
    for _ in sys.stdin:
        begin = time.perf_counter()
        until = begin + seconds
        frames = (Frame(read_image(path), i, 0.0) for i, path in enumerate(_in_circles(photos, until)))
        count = sum(1 for _, maps in estimator.watch(frames) if estimator.group(maps) is not None)
        print(count / (time.perf_counter() - begin), flush=True)
        seconds = PASS


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


def growth(memory: Sequence[tuple[float, int]]) -> float:
    """Megabytes by which the memory of the last seconds is above that of the first after it had settled."""
    end = memory[-1][0]
    first = [rss for at, rss in memory if SETTLED <= at < SETTLED + 5]
    last = [rss for at, rss in memory if end - 5 <= at]
    return (mean(last) - mean(first)) / 1e6 if first and last else float("nan")


def measure(model: str, photos: Sequence[Path], clients: int, seconds: float, flags: Sequence[str]) -> dict[str, Any]:
    """Load and stream in turns."""
    load, requests = Load(), [request(photo) for photo in photos]
    beside = Stream(model, photos)
    with server(model, flags) as (port, process):
        alone = one_at_a_time(port, photos)
        paces = [beside.pace()]
        while load.seconds < seconds:
            asyncio.run(turn(port, process, requests, clients, load))
            paces.append(beside.pace())
    beside.close()
    shares = [rate / mean(paces[i : i + 2]) for i, rate in enumerate(load.rates)]
    p50, p99 = (1000 * float(np.percentile(load.latencies, q)) for q in (50, 99))
    return {
        "seconds_of_load": round(load.seconds, 1),
        "answers": dict(load.statuses),
        "requests_per_second": round(len(load.latencies) / load.seconds, 2),
        "stream_frames_per_second": round(mean(paces), 2),
        "share_of_stream": round(median(shares), 3),
        "shares": [round(share, 3) for share in shares],
        "p50_ms": round(p50, 1),
        "p99_ms": round(p99, 1),
        "alone_p50_ms": round(1000 * median(alone), 1),
        "server_core_ms_per_request": round(1000 * load.cores / len(load.latencies), 1),
        "memory_mb_every_5_s": [round(rss / 1e6, 1) for _, rss in load.memory[::20]],
        "memory_growth_after_20_s_mb": round(growth(load.memory), 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", nargs="*", type=Path, default=[PHOTOS / name for name in NAMES])
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--model", default="default")
    parser.add_argument("--serve", default="", help="more flags for limbwise serve")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--stream", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.stream:
        return stream(given.model, given.photos)
    figures = {
        "machine": f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores",
        "others_that_wanted_a_core": round(os.getloadavg()[0], 1),
        "model": given.model,
        "photos": [photo.name for photo in given.photos],
        "flags": given.serve,
        "clients": given.clients,
        "benchmark_frames_per_second": round(benchmark(given.model, given.photos)["frames_per_second"], 2),
        **measure(given.model, given.photos, given.clients, given.seconds, given.serve.split()),
    }
    print(json.dumps(figures, indent=1))
    if given.json:
        given.json.write_text(json.dumps(figures, indent=1) + "\n")
    return None


if __name__ == "__main__":
    main()
