"""A batch followed: videos and folders of images, the order of steps, and going on after a break."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from dots import DOTS, some_people

from limbwise.errors import InputError
from limbwise.estimate.follow import follow
from limbwise.estimate.sequences import follow_steps, sequence_of
from limbwise.estimate.step import Step
from limbwise.media.frame import Frame
from limbwise.media.sources import Source
from limbwise.people import People
from limbwise.track.tracker import TrackOptions

IMAGE = np.zeros((4, 4, 3), np.uint8)


def found(n: int) -> People:
    """Two dot people, one of whom is away in every fourth frame."""
    xy = some_people(1) + np.array([2 * n, 0])
    people = People(DOTS, xy, np.full(xy.shape[:2], 0.9))
    return people[[0]] if n % 4 == 3 else people[[1, 0]] if n % 2 else people


def images(folder: str, count: int, first: int = 0) -> list[Step]:
    steps = []
    for n in range(first, first + count):
        source = Source("image", f"{folder}/{n:03d}.png", f"{folder}/{n:03d}")
        steps += [Step(source, Frame(IMAGE, 0, 0.0), people=found(n)), Step(source)]
    return steps


def video(name: str, count: int) -> list[Step]:
    source = Source("video", f"{name}.mp4", name)
    return [*(Step(source, Frame(IMAGE, n, n / 25), people=found(n)) for n in range(count)), Step(source)]


def ids(steps: list[Step]) -> list[list[int]]:
    return [sorted(step.people.ids.tolist()) for step in steps if step.frame is not None and step.people is not None]


def test_every_video_and_folder_counts_from_0_and_steps_keep_their_order() -> None:
    given = [*video("a", 9), *video("b", 7), *images("x", 6), *images("y", 1), *video("c", 1)]
    out = list(follow_steps(given, TrackOptions(), 1.0))
    assert [(s.source, s.frame is None) for s in out] == [(s.source, s.frame is None) for s in given]
    assert ids(out)[:9] == [[0, 1]] * 9  # gaps are filled: both are in every frame
    assert [ids(out)[n] for n in (9, 16, 22, 23)] == [[0, 1]] * 4
    assert sequence_of(given[0].source) != sequence_of(given[10].source)


def test_a_camera_waits_for_nothing() -> None:
    source = Source("camera", "0", "camera0")
    pushed = 0

    def steps() -> object:
        nonlocal pushed
        for n in range(5):
            pushed += 1
            yield Step(source, Frame(IMAGE, n, n / 25), people=found(n))

    for n, _ in enumerate(follow_steps(steps(), TrackOptions(), 1.0)):
        assert pushed == n + 1


@pytest.mark.parametrize("broken_after", [1, 4, 7, 10])
def test_images_go_on_after_a_break_as_if_there_had_been_none(broken_after: int) -> None:
    given = images("x", 12)
    whole = list(follow_steps(given, TrackOptions(), 1.0))
    ends = [step for step in whole if step.frame is None]
    note = json.loads(json.dumps(ends[broken_after - 1].note.to_plain()))
    rest = list(follow_steps(given[2 * broken_after :], TrackOptions(), 1.0, note))
    for one, other in zip(whole[2 * broken_after :], rest, strict=True):
        if one.frame is not None:
            np.testing.assert_array_equal(one.people.ids, other.people.ids)
            np.testing.assert_array_equal(one.people.xy, other.people.xy)


@pytest.mark.parametrize(
    "note", [{"tracks": 3}, {"x": 1}, {"tracks": {"limbwise_tracks": 1}, "sightings": None, "frame": 1, "time": 1}]
)
def test_a_damaged_note_is_refused_in_words(note: dict[str, object]) -> None:
    with pytest.raises(InputError, match="--overwrite"):
        list(follow_steps(images("x", 2), TrackOptions(), 1.0, note))


def test_times_that_stand_still_are_moved_on() -> None:
    out = list(follow(((n, found(n), time) for n, time in enumerate([0.0, 0.04, 0.04, 0.03, 0.2])), TrackOptions()))
    assert [n for n, _ in out] == [0, 1, 2, 3, 4]
    assert [sorted(people.ids.tolist()) for _, people in out] == [[0, 1]] * 5


def test_the_stream_of_an_estimator(tmp_path: Path, dots_model: Path) -> None:
    from dots import draw_dots

    from limbwise.decode.options import OpenPoseOptions
    from limbwise.estimate.estimator import Estimator
    from limbwise.media.video_writer import VideoWriter

    with VideoWriter(tmp_path / "clip.mp4", (320, 240), 25) as writer:
        for n in range(6):
            writer.write(draw_dots(some_people(1) + np.array([n, 0])), n / 25)
    estimator = Estimator(dots_model, decode=OpenPoseOptions(min_parts=2))
    frames = [
        (frame.index, sorted(people.ids.tolist()))
        for frame, people in estimator.stream(str(tmp_path / "clip.mp4"), track=True)
    ]
    assert frames == [(n, [0, 1]) for n in range(6)]
