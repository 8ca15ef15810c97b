"""Images in folders and zips, over forks and threads, and broken ones refused."""

from __future__ import annotations

import multiprocessing
import pickle
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image as Pillow

from limbwise.data.images import Images, complete, decode
from limbwise.errors import InputError

NAMES = [f"{i:03d}.png" for i in range(24)]


def encoded(value: int, suffix: str = ".png", size: tuple[int, int] = (24, 32)) -> bytes:
    image = np.random.default_rng(value).integers(0, 256, (*size, 3), dtype=np.uint8)
    image[0, 0] = (value, 2 * value, 3 * value)  # RGB
    return bytes(cv2.imencode(suffix, image[..., ::-1])[1])


@pytest.fixture(params=["folder", "zip"])
def images(request: pytest.FixtureRequest, tmp_path: Path) -> Images:
    if request.param == "folder":
        for i, name in enumerate(NAMES):
            (tmp_path / name).write_bytes(encoded(i))
        return Images(tmp_path)
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for i, name in enumerate(NAMES):
            archive.writestr(name, encoded(i))
    return Images(tmp_path / "all.zip")


def values(images: Images, names: list[str]) -> list[list[int]]:
    return [images.load(name)[0, 0].tolist() for name in names]


WANTED = [[i, 2 * i, 3 * i] for i in range(24)]


def test_names_and_pixels(images: Images) -> None:
    assert images.names() == NAMES
    assert NAMES[3] in images
    assert "no.png" not in images
    assert values(images, NAMES) == WANTED


def in_child(images: Images, names: list[str], queue: multiprocessing.Queue[list[list[int]]]) -> None:
    queue.put(values(images, names))


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_forked_workers_read_at_once(images: Images) -> None:
    images.load(NAMES[0])  # the handle is open before the fork
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    children = [context.Process(target=in_child, args=(images, NAMES * 5, queue)) for _ in range(3)]
    for child in children:
        child.start()
    for _ in children:
        assert queue.get(timeout=20) == WANTED * 5
    for child in children:
        child.join()


def test_threads_and_pickles_share(images: Images) -> None:
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda _: values(images, NAMES), range(8))) == [WANTED] * 8
    assert values(pickle.loads(pickle.dumps(images)), NAMES) == WANTED


def test_kept_images_are_the_same_and_locked(images: Images) -> None:
    kept = Images(images.where, keep=True)
    assert kept.load(NAMES[1]) is kept.load(NAMES[1])
    assert not kept.load(NAMES[1]).flags.writeable


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.7, 0.97])
def test_cut_images_are_refused(suffix: str, share: float) -> None:
    data = encoded(1, suffix, (64, 64))
    assert complete(data)
    with pytest.raises(InputError, match=r"a\.jpg"):
        decode(data[: int(len(data) * share)], "a.jpg")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: None, "no such folder or zip"),
        (lambda path: path.write_bytes(b"PK nothing"), "not a zip"),
    ],
)
def test_what_is_no_set_of_images(make, message: str, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    make(tmp_path / "x.zip")
    with pytest.raises(InputError, match=message):
        Images(tmp_path / "x.zip")


def test_missing_and_damaged_files_are_named(images: Images) -> None:
    with pytest.raises(InputError, match=r"nobody\.png: the image is missing"):
        images.load("nobody.png")


def test_a_damaged_zip_member_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.png", encoded(1))
    data = bytearray(path.read_bytes())
    data[200:220] = bytes(20)
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"a\.png: cannot be read"):
        Images(path).load("a.png")


def turned(folder: Path) -> Images:
    """A picture of 80 x 40 pixels, its left half white, that is to be seen turned clockwise."""
    exif = Pillow.Exif()
    exif[0x0112] = 6
    pixels = np.zeros((40, 80, 3), np.uint8)
    pixels[:, :40] = 255
    Pillow.fromarray(pixels).save(folder / "a.jpg", exif=exif)
    return Images(folder)


@pytest.mark.parametrize("size", [None, (80, 40)])
def test_labels_in_stored_pixels_get_a_picture_as_it_is_stored(tmp_path: Path, size: tuple[int, int] | None) -> None:
    image = turned(tmp_path).load("a.jpg", size)
    assert image.shape == (40, 80, 3)
    assert image[:, :30].min() > 200 > 50 > image[:, 50:].max()


def test_labels_of_the_turned_size_get_a_picture_as_it_is_seen(tmp_path: Path) -> None:
    image = turned(tmp_path).load("a.jpg", (40, 80))
    assert image.shape == (80, 40, 3)
    assert image[:30].min() > 200 > 50 > image[50:].max()


def test_a_picture_of_another_size_than_stated_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.jpg: other size: is 80 x 40, the labels say 60 x 40"):
        turned(tmp_path).load("a.jpg", (60, 40))
