"""Job: one video that a client gave the server, and how far the work on it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Lock
from typing import Literal

from limbwise.web.pipeline import Ask

State = Literal["waiting", "running", "done", "failed", "cancelled"]


@dataclass(eq=False)
class Job:
    """One video. `folder` holds the upload until the work ends, then the journal of its people, and results that were asked for.

    `total`: frames as the file says, None where it does not. `ended`: when the work ended (time.monotonic).
    """

    id: str
    folder: Path
    ask: Ask
    track: bool
    state: State = "waiting"
    frames: int = 0
    total: int | None = None
    error: str | None = None
    ended: float | None = None
    fetched: bool = False
    cancelled: Event = field(default_factory=Event)
    writing: Lock = field(default_factory=Lock)

    @property
    def clip(self) -> Path:
        """Where the upload lies."""
        return self.folder / "clip"
