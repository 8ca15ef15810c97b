"""Videos that are worked on while their clients do other things: a queue, one video at a time, results for a while."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from limbwise.errors import LimbwiseError
from limbwise.estimate.estimator import Estimator
from limbwise.web.clip_work import Stopped, work
from limbwise.web.folder import close_folder, open_folder
from limbwise.web.job import Job
from limbwise.web.options import ServeOptions
from limbwise.web.pipeline import Ask
from limbwise.web.refusal import Refusal, busy

LINGER = 10.0  # seconds in which a result may still be fetched when the server stops


class Jobs:
    """The videos of one server, in a folder of its own, which goes when the server stops."""

    def __init__(self, folder: Path, options: ServeOptions, estimators: Mapping[str, Estimator]) -> None:
        self.folder, self.options, self.estimators = open_folder(folder), options, estimators
        self._jobs: dict[str, Job] = {}
        self._coming = 0
        self._thread = ThreadPoolExecutor(1, "video")
        self._tasks: set[asyncio.Future[None]] = set()
        self._timers: dict[str, asyncio.TimerHandle] = {}

    @contextmanager
    def place(self, ask: Ask, track: bool) -> Iterator[Job]:
        """A job to be, whose clip is uploaded inside; after an exception nothing is left of it. Raises Refusal 503 where there are too
        many."""
        if self._coming + self.count["waiting"] + self.count["running"] >= self.options.max_jobs:
            raise busy(f"{self.options.max_jobs} videos are under way; come back later")
        number = secrets.token_hex(8)
        job = Job(number, self.folder / number, ask, track)
        job.folder.mkdir(mode=0o700)
        self._coming += 1
        try:
            yield job
        except BaseException:
            shutil.rmtree(job.folder, ignore_errors=True)
            raise
        finally:
            self._coming -= 1

    def start(self, job: Job) -> None:
        """Put a job whose clip is there into the queue."""
        self._jobs[job.id] = job
        task = asyncio.get_running_loop().run_in_executor(self._thread, self._run, job)
        self._tasks.add(task)
        task.add_done_callback(partial(self._ended, job))

    def _ended(self, job: Job, task: asyncio.Future[None]) -> None:
        """In the loop: the work is over, and the result goes after its time, whether somebody asks or not."""
        self._tasks.discard(task)
        if job.id in self._jobs:
            seconds = 60 * self.options.keep_minutes
            self._timers[job.id] = task.get_loop().call_later(seconds, self.remove, job)

    def __getitem__(self, number: str) -> Job:
        """The job of this number; raises Refusal 404."""
        if number not in self._jobs:
            raise Refusal(
                404,
                f"job: there is none of the number {number[:40]!r}; results are kept {self.options.keep_minutes:g} minutes",
            )
        return self._jobs[number]

    def remove(self, job: Job) -> None:
        """Cancel what is under way, and forget all of it."""
        job.cancelled.set()
        self._jobs.pop(job.id, None)
        if timer := self._timers.pop(job.id, None):
            timer.cancel()
        if job.state in ("waiting", "running"):
            job.state = "cancelled"  # its thread removes the folder
        else:
            shutil.rmtree(job.folder, ignore_errors=True)

    @property
    def count(self) -> Counter[str]:
        """How many jobs there are in each state."""
        states: Counter[str] = Counter(dict.fromkeys(("waiting", "running", "done", "failed", "cancelled"), 0))
        states.update(job.state for job in self._jobs.values())
        return states

    @property
    def idle(self) -> bool:
        """Whether nothing is worked on, and what ended just now was fetched, or has been there for long enough."""
        late = time.monotonic() - LINGER
        missed = (job for job in self._jobs.values() if job.state == "done" and not job.fetched)
        return not self._tasks and not any(job.ended is not None and job.ended > late for job in missed)

    def stop(self) -> None:
        """Videos that only wait are cancelled."""
        for job in self._jobs.values():
            if job.state == "waiting":
                job.cancelled.set()

    def close(self) -> None:
        """Cancel everything and remove the folder."""
        for job in self._jobs.values():
            job.cancelled.set()
        self._thread.shutdown()
        for timer in self._timers.values():
            timer.cancel()
        self._jobs.clear()  # no timer begins for work that ended just now
        close_folder(self.folder)

    def _run(self, job: Job) -> None:
        """In the thread: one video from beginning to end."""
        try:
            if job.cancelled.is_set():
                raise Stopped
            job.state = "running"
            work(job, self.estimators[job.ask.model], self.options)
            job.state = "done"
        except Stopped:
            job.state = "cancelled"
        except (LimbwiseError, Refusal) as error:
            job.state, job.error = "failed", str(error).replace(str(job.clip), "clip")
        except Exception as error:  # a fault of ours: said, and the next video goes on
            job.state, job.error = "failed", f"internal error, {type(error).__name__}"
        finally:
            job.ended = time.monotonic()
            job.clip.unlink(missing_ok=True)
            if job.id not in self._jobs:
                shutil.rmtree(job.folder, ignore_errors=True)
