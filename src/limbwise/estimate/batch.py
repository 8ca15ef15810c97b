"""A batch: many sources to many files; a bad file is reported and the rest goes on; what is done stays done."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from limbwise.errors import InputError
from limbwise.estimate.estimator import Estimator
from limbwise.estimate.frames import Cut, open_frames
from limbwise.estimate.grouping import group_with_candidates
from limbwise.estimate.outputs import Outputs, file_names, image_ids, record_of
from limbwise.estimate.sequences import follow_steps, sequence_of
from limbwise.estimate.step import Look, Step, Wanted
from limbwise.estimate.stream import Abreast, overlap
from limbwise.media.sources import Source
from limbwise.media.video import VideoReader
from limbwise.track.tracker import TrackOptions


def wanted_by(outputs: Outputs | None) -> Wanted:
    """What the outputs need; whoever watches (no outputs) needs the pictures."""
    if outputs is None:
        return Wanted(maps=False)
    asked = outputs.options
    maps = asked.save_maps is not None or (asked.draw and asked.overlay != "none")
    return Wanted(asked.draw, maps, asked.part_candidates)


def look_here(estimator: Estimator) -> Look:
    """People are found in this process; a camera's as soon as can be, of anything else as many frames a second as can be."""

    def look(sources: Sequence[Source], cut: Cut, wanted: Wanted) -> Iterator[Step]:
        live = any(source.kind == "camera" for source in sources)
        return look_steps(estimator, read_steps(sources, cut), wanted, live)

    return look


def look_steps(estimator: Estimator, steps: Iterator[Step], wanted: Wanted, live: bool = False) -> Iterator[Step]:
    """The same steps with their people. Reading, preparing, network and grouping run in threads of their own, the network on several
    frames at a time unless they are `live`."""
    engine = estimator.engine if live else estimator.wide_engine

    def grouped(step: Any) -> Step:
        people = estimator.complete(step.frame.image, estimator.group(step.maps))
        done: Step = replace(step, people=people)
        return done

    def with_candidates(step: Any) -> Step:
        found, candidates = group_with_candidates(
            step.maps, estimator.decode_options, estimator.threshold, estimator.terms
        )
        people = estimator.complete(step.frame.image, found)
        order = people.skeleton.map_from(found.skeleton)
        none = np.zeros((0, 3), np.float32)
        done: Step = replace(step, people=people, candidates=[candidates[k] if k >= 0 else none for k in order])
        return done

    def seen(step: Any) -> Step:
        done: Step = replace(step, maps=estimator.look(step.inputs, step.frame.image.shape, engine), inputs=None)
        return done

    return overlap(
        steps,
        _timed("prepare", lambda step: replace(step, inputs=estimator.prepare(step.frame.image))),
        Abreast(_timed("network", seen), engine.width),
        _timed("group", with_candidates if wanted.candidates else grouped),
    )


def run_batch(
    look: Look,
    sources: Sequence[Source],
    cut: Cut,
    outputs: Outputs | None,
    tracking: TrackOptions | None = None,
    trail: float = 0.0,
) -> Iterator[Step]:
    """Every frame of every source with its people, in order, after it was written; then each source's end.

    `look` finds the people, here or on a cluster. With `outputs`, sources that an interrupted run finished are left out, and the files
    that hold everything are written at the end. With `tracking` people are followed, and steps carry trails of `trail` seconds.
    """
    if outputs is not None and outputs.complete:
        return
    ids, names = image_ids(sources), file_names(sources)
    known = {source.name: (ids[source.name], names[source.name]) for source in sources}
    waiting = [source for source in sources if outputs is None or source.name not in outputs.journal.finished]
    steps = _without_empty(look(waiting, cut, wanted_by(outputs)), cut)
    if tracking is not None:
        steps = follow_steps(steps, tracking, trail, _note_before(waiting, sources, outputs))
    for step in steps:
        kept = step if outputs is None else _keep(step, outputs, known, tracking is not None)
        yield replace(kept, maps=None)
    if outputs is not None:
        outputs.conclude()


def _without_empty(steps: Iterator[Step], cut: Cut) -> Iterator[Step]:
    """The same steps; a video that ends before the first frame that is wanted has failed."""
    seen: Source | None = None
    for step in steps:
        if step.frame is None and step.error is None and step.source != seen and step.source.kind == "video":
            step = replace(step, error=InputError(f"{step.source.path}: has no frame {cut.start}; begin earlier"))
        seen = step.source
        yield step


def _note_before(
    waiting: Sequence[Source], sources: Sequence[Source], outputs: Outputs | None
) -> dict[str, Any] | None:
    """How people were followed up to the first image that waits, where an interrupted run left off amid the images of a folder."""
    first = sources.index(waiting[0]) if waiting else 0
    if first == 0 or outputs is None or sequence_of(sources[first]) != sequence_of(sources[first - 1]):
        return None
    return outputs.note_after(sources[first - 1])


def read_steps(sources: Sequence[Source], cut: Cut) -> Generator[Step]:
    """The frames of all sources one after the other, and the end of each."""
    for source in sources:
        try:
            with open_frames(source, cut) as frames:
                for frame in frames:
                    yield Step(source, frame)
            yield Step(source)
        except InputError as error:
            yield Step(source, error=error)


def _keep(step: Step, outputs: Outputs, known: dict[str, tuple[int, str]], followed: bool) -> Step:
    """A step, written, with the image id and the name of its source; only the writing may tell of an error of its source."""
    if step.frame is None:
        return replace(step, error=outputs.end(step.source, step.error, step.note))
    if step.people is not None:
        record = record_of(step.source, step.frame, *known[step.source.name], followed)
        outputs.add(step.source, record, step.frame, step.maps, step.people, step.candidates, step.trails)
    return step


def _timed(name: str, stage: Callable[[Any], Step]) -> Callable[[Step], Step]:
    """A stage that leaves ends and errors alone and notes how long it took."""

    def run(step: Step) -> Step:
        if step.frame is None:
            return step
        start = time.perf_counter()
        done = stage(step)
        return replace(done, times=(*done.times, (name, 1000 * (time.perf_counter() - start))))

    return run


def count_frames(sources: Sequence[Source], cut: Cut) -> int | None:
    """How many frames there will be, as far as the files say; None where one is a camera or does not say."""
    counts = [_count(source, cut) for source in sources]
    return None if None in counts else sum(count for count in counts if count)


def _count(source: Source, cut: Cut) -> int | None:
    if source.kind != "video":
        return 1 if source.kind == "image" else None
    try:
        with VideoReader(source.path, cut.start, cut.stop, cut.step) as reader:
            return reader.frame_count
    except InputError:
        return 0
