"""The journal: cut it anywhere and go on, and the end is the same."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from limbwise.errors import InputError, LimbwiseError, UsageError
from limbwise.people import People
from limbwise.skeleton import Skeleton
from limbwise.skeletons import COCO_17
from limbwise.write import FORMATS, Journal, Record, open_writer

PRINT = {"model": "default", "options": {"scale": 368, "parts": [1, 2.5, None]}}
DOG = Skeleton("dog", ("nose", "tail"), ((0, 1),), (0.03, 0.08), {"body": (0, 2)})
NOSE = Skeleton("nose", ("nose",), (), (0.03,))
SOURCES = ["a", "clip", "bad", "sub/ö \udcff", "other"]


def frames(name: str, crowd: Any) -> list[tuple[Record, People]]:
    """What is found in each source: a video of three frames, a file that breaks after one, another skeleton."""
    first, skeleton = 10 * SOURCES.index(name), DOG if name == "other" else COCO_17
    if name in ("clip", "bad"):
        count = 3 if name == "clip" else 1
        return [
            (Record(name, f"{name}.mp4", first + i, i, i / 30, 64, 48), crowd(first + i, skeleton))
            for i in range(count)
        ]
    return [(Record(name, f"{name}.jpg", first, None, None, 64, 48), crowd(first, skeleton))]


def run(journal: Journal, crowd: Any) -> None:
    """What a batch does: every source that is not finished."""
    for name in SOURCES:
        if name not in journal.finished:
            for record, people in frames(name, crowd):
                journal.add(record, people)
            journal.finish(name, "bad.mp4: breaks off" if name == "bad" else None)


def whole(path: Path, crowd: Any) -> bytes:
    with Journal(path, PRINT) as journal:
        run(journal, crowd)
    return path.read_bytes()


def same(found: People, expected: People) -> bool:
    ids = found.ids is expected.ids is None or np.array_equal(found.ids, expected.ids)  # type: ignore[arg-type]  # neither is None here
    names = ("xy", "scores", "person_scores")
    return ids and all(getattr(found, n).tobytes() == getattr(expected, n).tobytes() for n in names)


def test_replay_gives_every_bit_back(tmp_path: Path, crowd: Any) -> None:
    with Journal(tmp_path / "j.jsonl", PRINT) as journal:
        run(journal, crowd)
        assert journal.finished == set(SOURCES)
        assert journal.errors == {"bad": "bad.mp4: breaks off"}
        expected = [frame for name in SOURCES for frame in frames(name, crowd)]
        for (record, people), (same_record, same_people) in zip(journal.replay(), expected, strict=True):
            assert record == same_record
            assert people.skeleton == same_people.skeleton
            assert people.skeleton.limbs == same_people.skeleton.limbs
            assert same(people, same_people)


def test_cut_at_every_byte_and_resumed_it_ends_the_same(tmp_path: Path, crowd: Any) -> None:
    def small(seed: int, skeleton: Skeleton) -> People:
        return crowd(seed, NOSE if skeleton == COCO_17 else skeleton)

    content, cut = whole(tmp_path / "whole.jsonl", small), tmp_path / "cut.jsonl"
    ends = {name: content.index(b'{"done":' + encoded(name)) for name in SOURCES}
    ends = {name: content.index(b"\n", at) + 1 for name, at in ends.items()}
    for size in range(len(content) + 1):
        cut.write_bytes(content[:size])
        with Journal(cut, PRINT, resume=True) as journal:
            assert journal.finished == {name for name, end in ends.items() if end <= size}, size
            assert ("bad" in journal.errors) == ("bad" in journal.finished)
            assert {record.name for record, _ in journal.replay()} == journal.finished
            if size % 97 == 0:
                run(journal, small)
                assert [r for r, _ in journal.replay()] == [r for name in SOURCES for r, _ in frames(name, small)]
        if size % 97 == 0:
            assert cut.read_bytes() == content


def encoded(name: str) -> bytes:
    return json.dumps(name).encode()


def test_random_damage_never_ends_in_anything_but_an_error_of_ours(tmp_path: Path, crowd: Any) -> None:
    content, path = whole(tmp_path / "j.jsonl", crowd), tmp_path / "damaged.jsonl"
    random = np.random.default_rng(0)
    outcomes = set()
    for _ in range(1500):
        damaged = bytearray(content)
        for _ in range(random.integers(1, 4)):
            damaged[random.integers(len(damaged))] = random.integers(256)
        path.write_bytes(damaged)
        try:
            with Journal(path, PRINT, resume=True) as journal:
                assert journal.finished <= {*SOURCES, *journal.finished}
                outcomes.add(len(list(journal.replay())))
        except LimbwiseError as error:
            outcomes.add(type(error).__name__)
    assert {0, 1, 4, 5, 6, 7, "InputError"} <= outcomes


def test_gathered_files_are_the_same_bytes_after_a_resume(tmp_path: Path, crowd: Any) -> None:
    def gather(journal: Journal, folder: Path) -> dict[str, bytes]:
        for format in FORMATS:
            with open_writer(format, folder) as writer:
                for record, people in journal.replay():
                    if people.skeleton == COCO_17:
                        writer.add(record, people)
        return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}

    content = whole(tmp_path / "j.jsonl", crowd)
    with Journal(tmp_path / "j.jsonl", PRINT, resume=True) as journal:
        unbroken = gather(journal, tmp_path / "unbroken")
    (tmp_path / "j.jsonl").write_bytes(content[: len(content) // 2])
    with Journal(tmp_path / "j.jsonl", PRINT, resume=True) as journal:
        run(journal, crowd)
        assert gather(journal, tmp_path / "resumed") == unbroken
    assert len(unbroken) == 6 + 2 + 1 + 3 + 3


def test_other_settings_are_refused_with_what_differs(tmp_path: Path, crowd: Any) -> None:
    content = whole(tmp_path / "j.jsonl", crowd)
    other = {"model": "big", "options": PRINT["options"], "flip": True}
    with pytest.raises(UsageError, match='flip was null and is true, model was "default" and is "big"; begin anew'):
        Journal(tmp_path / "j.jsonl", other, resume=True)
    assert (tmp_path / "j.jsonl").read_bytes() == content
    with Journal(tmp_path / "j.jsonl", other) as journal:
        assert journal.finished == set()
        assert list(journal.replay()) == []


@pytest.mark.parametrize(
    "text", ["a photo album\n1\n", "{}\n", "[]\n", '{"limbwise":99,"fingerprint":{}}\n', "\n", "\xff\n"]
)
def test_a_file_that_is_no_journal_is_left_alone(tmp_path: Path, text: str) -> None:
    (tmp_path / "j.jsonl").write_text(text)
    with pytest.raises(InputError, match="not a journal"):
        Journal(tmp_path / "j.jsonl", PRINT, resume=True)
    assert (tmp_path / "j.jsonl").read_text() == text


def test_a_folder_in_the_way_is_one_line(tmp_path: Path) -> None:
    for resume in (True, False):
        with pytest.raises(LimbwiseError, match="cannot be"):
            Journal(tmp_path, PRINT, resume=resume)


def test_replay_holds_one_frame_at_a_time(tmp_path: Path, crowd: Any) -> None:
    people = crowd(1, COCO_17)
    with Journal(tmp_path / "j.jsonl", PRINT) as journal:
        for i in range(1000):
            journal.add(Record("clip", "clip.mp4", i, i, None, 64, 48), people)
        tracemalloc.start()
        assert sum(1 for _ in journal.replay()) == 1000
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 300_000 < (tmp_path / "j.jsonl").stat().st_size


KILLED = """
import os, signal, sys
import numpy as np
from limbwise.people import People
from limbwise.skeletons import COCO_17
from limbwise.write import Journal, Record
journal = Journal(sys.argv[1], {}, resume=True)
people = People(COCO_17, np.ones((2, 17, 2), np.float32), np.ones((2, 17), np.float32))
for name in "abc":
    journal.add(Record(name, name + ".jpg", 0, None, None, 64, 48), people)
    if name != "c":
        journal.finish(name)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGKILL")
def test_a_killed_process_has_lost_nothing_it_finished(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    done = subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False)
    assert done.returncode == -signal.SIGKILL
    with Journal(path, {}, resume=True) as journal:
        assert journal.finished == {"a", "b"}
        assert [record.name for record, _ in journal.replay()] == ["a", "b"]
