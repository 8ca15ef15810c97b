"""`limbwise serve` as the pages start it: in a process of its own, asked until it answers, stopped when the page is done."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import time
import urllib.request
from pathlib import Path


class Servers:
    """At most one server a page; a new one takes the place of the old."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, command: str, environment: dict[str, str]) -> None:
        """Begin a documented `limbwise serve ...` in the folder that we are in, and wait until it is healthy."""
        self.stop()
        words = shlex.split(command)
        log = Path("server.log").open("wb")  # noqa: SIM115  # the process keeps it
        with log:
            self.process = subprocess.Popen([sys.executable, "-m", *words], env=environment, stdout=log, stderr=log)
        port = re.search(r"--port[ =](\d+)", command)
        self._await(f"http://127.0.0.1:{port[1] if port else 8000}/healthz", command)

    def _await(self, address: str, command: str) -> None:
        for _ in range(150):
            assert self.process is not None
            assert self.process.poll() is None, f"{command}: ended: {Path('server.log').read_text()}"
            try:
                with urllib.request.urlopen(address, timeout=2):
                    return
            except OSError:
                time.sleep(0.2)
        raise AssertionError(f"{command}: {address} does not answer")

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(30)
            self.process = None
