"""Arguments to sources: order, kinds, names without collisions, and problems that do not stop the rest."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from limbwise.errors import InputError
from limbwise.media.image import write_image
from limbwise.media.sources import find_sources
from limbwise.media.video_writer import VideoWriter


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Files that need no content, since their suffix tells."""
    for name in (
        "photos/a10.jpg photos/a2.JPG photos/a2.png photos/B1.webp photos/notes.txt photos/.hidden.jpg photos/.cache/x.jpg "
        "photos/sub/a2.jpg photos/sub/deep/clip.MP4 more/a2.jpg more/A10.png empty/readme.md odd/[1].jpg odd/7 plain"
    ).split():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def named(*arguments: str) -> list[tuple[str, str, str]]:
    sources, problems = find_sources(arguments)
    assert not problems
    return [(source.kind, Path(source.path).as_posix(), source.name) for source in sources]


def test_a_folder_gives_its_media_sorted_as_people_count(tree: Path) -> None:
    assert named("photos") == [
        ("image", "photos/a2.JPG", "a2"),
        ("image", "photos/a2.png", "a2_png"),
        ("image", "photos/a10.jpg", "a10"),
        ("image", "photos/B1.webp", "B1"),
        ("image", "photos/sub/a2.jpg", "sub/a2"),
        ("video", "photos/sub/deep/clip.MP4", "sub/deep/clip"),
    ]


@pytest.mark.parametrize(
    ("pattern", "paths", "names"),
    [
        ("photos/*.jpg", ["photos/a10.jpg"], ["a10"]),
        (
            "photos/*",
            ["photos/a2.JPG", "photos/a2.png", "photos/a10.jpg", "photos/B1.webp"],
            ["a2", "a2_png", "a10", "B1"],
        ),
        ("photos/**/*.jpg", ["photos/a10.jpg", "photos/sub/a2.jpg"], ["a10", "sub/a2"]),
        ("*/a2.jpg", ["more/a2.jpg"], ["more/a2"]),
        ("odd/[[]1].jpg", ["odd/[1].jpg"], ["[1]"]),
        ("odd/[1].jpg", ["odd/[1].jpg"], ["[1]"]),
    ],
)
def test_patterns(tree: Path, pattern: str, paths: list[str], names: list[str]) -> None:
    found = named(pattern)
    assert [path for _, path, _ in found] == paths
    assert [name for _, _, name in found] == names


def test_names_never_collide_and_nothing_is_lost(tree: Path) -> None:
    arguments = ["photos/a2.png", "photos/a2.JPG", "more/a2.jpg", "photos/sub/a2.jpg", "more", "photos"]
    found = named(*arguments)
    assert [(path, name) for _, path, name in found] == [
        ("photos/a2.png", "a2"),
        ("photos/a2.JPG", "a2_JPG"),
        ("more/a2.jpg", "more_a2"),
        ("photos/sub/a2.jpg", "sub_a2"),
        ("more/A10.png", "A10"),
        ("photos/a10.jpg", "a10_jpg"),
        ("photos/B1.webp", "B1"),
        ("photos/sub/deep/clip.MP4", "sub/deep/clip"),
    ]
    assert found == named(*arguments)
    assert len({name.casefold() for _, _, name in found}) == len(found)


def test_a_name_that_another_file_really_has_is_not_taken_twice(tmp_path: Path) -> None:
    for name in ("x/a.jpg", "x/a.png", "y/a_png.jpg", "z/a.png", "z/x/a.png", "w/x/a.png", "w/z/a.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    files = [str(path) for path in sorted(tmp_path.rglob("*.*"))]
    sources, problems = find_sources(files)
    assert not problems
    assert sorted(source.path for source in sources) == files
    assert len({source.name for source in sources}) == len(files)


def test_images_of_a_folder_come_together(tmp_path: Path) -> None:
    """As a sequence to follow people in: none of another folder is between them."""
    names = ["a.jpg", "b/1.jpg", "b/x/1.jpg", "b/2.jpg", "c.jpg", "B/3.jpg"]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    sources, _ = find_sources([tmp_path])
    assert [s.name for s in sources] == ["a", "c", "B/3", "b/1", "b/2", "b/x/1"]


@pytest.mark.parametrize("letter", ["b", "写"])
def test_long_names_are_cut_so_that_results_fit_on_the_disk(tmp_path: Path, letter: str) -> None:
    long = letter * ((255 - 5) // len(letter.encode()))
    for end in "12":
        (tmp_path / f"{long[:-1]}{end}.jpg").write_bytes(b"")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / f"{long}.jpg").write_bytes(b"")
    sources, _ = find_sources([tmp_path])
    names = [Path(s.name) for s in sources]
    assert len(set(names)) == 3
    assert names[-1].parent == Path("sub")
    for name in names:
        assert name.name.startswith(letter)
        (tmp_path / f".{name.name}_000000000012_keypoints.part.json").write_bytes(b"")
    assert find_sources([tmp_path])[0] == sources


def test_a_file_named_twice_comes_once(tree: Path) -> None:
    assert len(named("more", "./more/a2.jpg", str(tree / "more" / "a2.jpg"), "more/../more", "0", "0")) == 3


@pytest.mark.parametrize(
    ("argument", "kind", "name"),
    [
        ("0", "camera", "camera0"),
        ("12", "camera", "camera12"),
        ("rtsp://user:secret@10.0.0.7:554/live/main?channel=1", "camera", "10.0.0.7-live-main"),
        ("http://cam.example/mjpg", "camera", "cam.example-mjpg"),
        ("https://example.org/films/dance.mp4?key=1", "video", "example.org-films-dance"),
        ("udp://@:1234", "camera", "udp"),
    ],
)
def test_cameras_and_urls(argument: str, kind: str, name: str) -> None:
    sources, problems = find_sources([argument])
    assert not problems
    assert [(source.kind, source.path, source.name) for source in sources] == [(kind, argument, name)]


def test_a_file_that_looks_like_a_number_is_meant_with_its_folder(tree: Path) -> None:
    write_image(tree / "odd" / "7.png", np.zeros((4, 4, 3), np.uint8))
    (tree / "odd" / "7.png").rename(tree / "odd" / "7")
    assert named("odd/7", "7") == [("image", "odd/7", "7"), ("camera", "7", "camera7")]


def test_a_folder_called_by_a_number_is_no_camera(tree: Path) -> None:
    write_image(tree / "2024" / "a.png", np.zeros((4, 4, 3), np.uint8))
    assert [source[:2] for source in named("2024", "2025")] == [("image", "2024/a.png"), ("camera", "2025")]


def test_an_unknown_suffix_is_told_by_content(tmp_path: Path) -> None:
    write_image(tmp_path / "a.png", np.zeros((4, 4, 3), np.uint8))
    with VideoWriter(tmp_path / "b.mp4", (64, 48), 30) as writer:
        writer.write(np.zeros((48, 64, 3), np.uint8))
    image, video = (tmp_path / "a.png").rename(tmp_path / "a.download"), (tmp_path / "b.mp4").rename(tmp_path / "b")
    sources, problems = find_sources([str(image), str(video)])
    assert not problems
    assert [source.kind for source in sources] == ["image", "video"]
    assert len(find_sources([str(tmp_path)])[1]) == 1  # in a folder only suffixes count


@pytest.mark.parametrize(
    ("argument", "says"),
    [
        ("nowhere.jpg", r"^nowhere\.jpg: no such file or folder"),
        ("nowhere", "no such file or folder"),
        ("empty", "^empty: holds no image and no video"),
        ("photos/*.mov", r"^photos/\*\.mov: no image and no video is named like this"),
        ("plain", "^plain: is neither an image nor a video"),
        ("photos/notes.txt", r"notes\.txt: is neither"),
        ("", "empty argument"),
        ("http://example.org/a.jpg", "download it first"),
        ("http://[broken", "is not a URL"),
    ],
)
def test_problems_are_collected_and_the_rest_goes_on(tree: Path, argument: str, says: str) -> None:
    sources, problems = find_sources(["photos/a10.jpg", argument, "more/a2.jpg"])
    assert [source.name for source in sources] == ["a10", "a2"]
    assert len(problems) == 1
    with pytest.raises(InputError, match=says):
        raise problems[0]


@pytest.mark.parametrize("argument", ["../photos", "more/../photos", "."])
def test_names_stay_inside_the_folder_of_results(tree: Path, monkeypatch: pytest.MonkeyPatch, argument: str) -> None:
    monkeypatch.chdir(tree / "more")
    sources, _ = find_sources([argument] if argument != "more/../photos" else ["../more/../photos"])
    assert sources
    for source in sources:
        assert ".." not in Path(source.name).parts
        assert not Path(source.name).is_absolute()
