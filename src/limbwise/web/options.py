"""What a server is started with: where it listens, which models it has, and how much it takes on."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from limbwise.errors import UsageError
from limbwise.estimate.estimator import ModelOptions
from limbwise.fields import option

KEY_VARIABLE = "LIMBWISE_API_KEY"
MB = 1_000_000


@dataclass(frozen=True)
class ServeOptions:
    """Where the server listens, and how much it takes on.

    Raises ValueError that names the field.
    """

    host: str = option("127.0.0.1", "address to listen on; 0.0.0.0 for all of this machine")
    port: int = option(8000, "port to listen on; 0: any that is free")
    origins: str = option("", "pages of other hosts that may ask (https://a.example,https://b.example, or *)")
    folder: Path | None = option(
        None, "folder for uploaded videos while they are worked on (default: in the user's cache)"
    )
    max_batch: int = option(1, "most pictures that go through the network together")
    max_wait_ms: float = option(0.0, "milliseconds that a picture waits for others to go with")
    max_body_mb: float = option(16.0, "largest image in megabytes")
    max_megapixels: float = option(32.0, "largest image, and frame of a video, in megapixels")
    max_waiting: int = option(128, "most images that wait or are worked on; more are told to come back (503)")
    seconds: float = option(30.0, "longest time of a request")
    max_video_mb: float = option(512.0, "largest video in megabytes")
    max_frames: int = option(50_000, "most frames of a video")
    max_video_seconds: float = option(1800.0, "longest video, in seconds of its own time")
    max_jobs: int = option(8, "most videos that are sent, wait or are worked on; one is worked on at a time")
    job_seconds: float = option(3600.0, "longest time of work on a video")
    keep_minutes: float = option(60.0, "minutes that the results of a video are kept")
    max_streams: int = option(8, "most live streams at a time")
    stop_seconds: float = option(60.0, "longest time that work under way gets when the server stops")

    def __post_init__(self) -> None:
        if not 0 <= self.port < 65536:
            raise ValueError(f"port: 0 to 65535, got {self.port}")
        for name in ("max_batch", "max_waiting", "max_frames", "max_jobs"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: at least 1 is needed, got {getattr(self, name)}")
        for limit in fields(self):
            value = getattr(self, limit.name)
            if isinstance(value, (int, float)) and not 0 <= value < 1e9:
                raise ValueError(f"{limit.name}: a number from 0 on is needed, got {value}")

    @property
    def max_body(self) -> int:
        """Bytes of the largest image."""
        return round(self.max_body_mb * MB)

    @property
    def max_video(self) -> int:
        """Bytes of the largest video."""
        return round(self.max_video_mb * MB)

    @property
    def max_pixels(self) -> int:
        """Pixels of the largest image."""
        return round(self.max_megapixels * 1_000_000)

    @property
    def allowed_origins(self) -> tuple[str, ...]:
        """The pages of other hosts that may ask."""
        return tuple(origin.strip().rstrip("/") for origin in self.origins.split(",") if origin.strip())


@dataclass(frozen=True)
class ServedModels(ModelOptions):
    """Which networks, on what, and how they look at a picture."""

    model: list[str] = field(  # type: ignore[assignment]  # several, with the same options
        default_factory=lambda: ["default"],
        metadata={"help": "name of a model, or path of a weights file; may be given several times"},
    )

    def each(self) -> dict[str, dict[str, Any]]:
        """The options of an Estimator, by the name under which its model is served; raises UsageError."""
        if len(self.model) > 1 and (self.spec or self.pairwise):
            raise UsageError(
                "--spec, --pairwise: belong to one model; put these files beside theirs where there are several"
            )
        named: dict[str, dict[str, Any]] = {}
        for model in self.model:
            name = Path(model).stem or model
            if name in named:
                raise UsageError(f"--model: two are called {name}; give one of the files another name")
            named[name] = {**asdict(self), "model": model}
        return named


def key_from_environment() -> str | None:
    """The key that clients must give, from LIMBWISE_API_KEY; None where nobody asks for one."""
    return os.environ.get(KEY_VARIABLE) or None


def cache_folder(options: ServeOptions) -> Path:
    """Where the server of this address keeps what it needs for a while: LIMBWISE_HOME/serve/ADDRESS, or in the user's cache."""
    from platformdirs import user_cache_dir

    if options.folder is not None:
        return options.folder
    home = Path(os.environ.get("LIMBWISE_HOME") or user_cache_dir("limbwise", appauthor=False))
    return home / "serve" / f"{options.host.replace(':', '_')}-{options.port}"
