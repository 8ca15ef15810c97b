"""Machines: a Ray cluster begun on this one or joined, and its cores shared out among workers."""

from __future__ import annotations

import logging
import os
import secrets
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from limbwise.errors import LimbwiseError, UsageError, require
from limbwise.fields import option

STORE = 256 << 20  # bytes of Ray's shared memory on this machine; results are small
# Ray sends nothing anywhere, and says nothing on the terminal.
QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_DEDUP_LOGS_SKIP_REGEX": ".*", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}
# Where `ray start` keeps the key of a cluster.
KEYS, KEY_FILE = {"RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"}, Path("~/.ray/auth_token")


@dataclass(frozen=True)
class ClusterOptions:
    """Many machines."""

    cluster: str | None = option(
        None, "find people on Ray: local (the cores of this machine), auto, HOST:PORT or ray://HOST:PORT"
    )
    workers: int = option(0, "workers of the cluster, each with a network of its own; 0: one for two cores")

    def __post_init__(self) -> None:
        if self.workers < 0:
            raise ValueError(f"workers: a number from 0 on is needed, got {self.workers}")
        if self.workers and self.cluster is None:
            raise ValueError("workers: are a cluster's; add --cluster local or an address")


def load_ray(local: bool) -> Any:
    """Ray, silent; raises MissingExtra.

    A cluster of this machine alone has a key of its own, so that nobody else can use it; any other is asked with the user's key, where
    there is one. Ray reads which kind of key it is when it is imported; who has imported it before has chosen.
    """
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    if "RAY_AUTH_MODE" not in os.environ and "ray" not in sys.modules:
        if local:
            os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
        elif KEYS & os.environ.keys() or KEY_FILE.expanduser().is_file():
            os.environ["RAY_AUTH_MODE"] = "token"
    return require("ray", "cluster")


def connect(ray: Any, options: ClusterOptions) -> None:
    """A new cluster on this machine, or a part in one that is there; raises LimbwiseError."""
    address = str(options.cluster)
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.CRITICAL}
    try:
        if address == "local":
            cores = max(_cores(), options.workers)
            ray.init("local", num_cpus=cores, include_dashboard=False, object_store_memory=STORE, **quiet)
        else:
            _reach(address)
            ray.init(address, **quiet)
    except ImportError as error:  # of the client for ray://
        raise LimbwiseError(f"{address}: {error}") from error
    except (OSError, RuntimeError, ValueError, TimeoutError, UserWarning) as error:
        reason = str(error).strip().split("\n")[0]
        raise LimbwiseError(f"cluster {address}: cannot be joined ({reason})") from error


def _reach(address: str) -> None:
    """Raises OSError where nobody listens at an address: Ray would try for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host, int(port)), timeout=10).close()
    elif address != "auto":
        raise UsageError(f"--cluster {address}: local, auto, HOST:PORT or ray://HOST:PORT is meant")


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def machines(ray: Any) -> list[dict[str, float]]:
    """What each machine has: CPU, GPU, ..."""
    return [node["Resources"] for node in ray.nodes() if node["Alive"]]


def share(nodes: Sequence[dict[str, float]], workers: int, gpus: int) -> tuple[int, int]:
    """(workers, cores of each) on machines: as many cores each as all of the wished workers can have.

    0 wished: one for two cores, on a machine with less than four one for each but two at most; with `gpus`, one for each GPU. Raises
    UsageError where there are too few.
    """
    cores = [int(node.get("CPU", 0)) for node in nodes]
    cards = [int(node.get("GPU", 0)) for node in nodes]

    def places(each: int) -> int:
        return sum(min(c // each, g) if gpus else c // each for c, g in zip(cores, cards, strict=True))

    wished = workers or (places(1) if gpus else sum(max(c // 2, min(c, 2)) for c in cores))
    if not wished or places(1) < wished:
        what = f"{sum(cards)} GPUs" if gpus else f"{sum(cores)} cores"
        raise UsageError(f"--workers {wished}: the cluster has {what} on {len(nodes)} machines")
    return wished, max(each for each in range(1, max(cores) + 1) if places(each) >= wished)
