"""What the server counts, for Prometheus: requests, seconds of each stage, what waits, jobs, people."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """The counters of one server, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._requests = Counter("limbwise_requests", "Requests answered.", ("path", "status"), registry=self.registry)
        self._seconds = Histogram(
            "limbwise_request_seconds", "Seconds from the first byte of a request to the last of its answer.", ("path",),
            registry=self.registry, buckets=BUCKETS,
        )  # fmt: skip
        self._stages = Histogram(
            "limbwise_stage_seconds", "Seconds of each stage of a picture; wait: before the first one.", ("stage",),
            registry=self.registry, buckets=BUCKETS,
        )  # fmt: skip
        self._batches = Histogram(
            "limbwise_batch_pictures", "Pictures that went through the network together.",
            registry=self.registry, buckets=(1, 2, 4, 8, 16, 32),
        )  # fmt: skip
        self._people = Counter("limbwise_people", "People found.", registry=self.registry)
        self._dropped = Counter(
            "limbwise_frames_dropped", "Frames of live streams that came too late.", registry=self.registry
        )
        self._streams = Gauge("limbwise_streams", "Live streams that are open.", registry=self.registry)

    def watch(self, waiting: Callable[[], int], jobs: Callable[[], Mapping[str, int]]) -> None:
        """What is asked for when somebody looks: pictures that wait or are worked on, and jobs by their state."""
        self.registry.register(_Now(waiting, jobs))

    def request(self, path: str, status: int, seconds: float) -> None:
        """One request answered."""
        self._requests.labels(path, status).inc()
        self._seconds.labels(path).observe(seconds)

    def stages(self, milliseconds: Mapping[str, float]) -> None:
        """One picture done."""
        for stage, value in milliseconds.items():
            self._stages.labels(stage).observe(value / 1000)

    def batch(self, pictures: int) -> None:
        """One run of the network."""
        self._batches.observe(pictures)

    def people(self, count: int) -> None:
        """So many people found."""
        self._people.inc(count)

    def dropped(self) -> None:
        """One frame of a live stream left out."""
        self._dropped.inc()

    def streams(self, count: int) -> None:
        """So many live streams are open."""
        self._streams.set(count)

    def text(self) -> bytes:
        """Everything, as Prometheus reads it."""
        return generate_latest(self.registry)


class _Now(Collector):
    """What is not counted but looked up."""

    def __init__(self, waiting: Callable[[], int], jobs: Callable[[], Mapping[str, int]]) -> None:
        self._waiting, self._jobs = waiting, jobs

    def collect(self) -> list[GaugeMetricFamily]:
        """The two families."""
        waiting = GaugeMetricFamily("limbwise_waiting", "Pictures that wait or are worked on.", value=self._waiting())
        jobs = GaugeMetricFamily("limbwise_jobs", "Videos by their state.", labels=("state",))
        for state, count in self._jobs().items():
            jobs.add_metric((state,), count)
        return [waiting, jobs]
