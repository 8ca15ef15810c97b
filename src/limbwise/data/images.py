"""Images: the image files of a data set, in a folder or in a zip, by their names."""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from limbwise.errors import InputError
from limbwise.fields import read_table

Image = npt.NDArray[np.uint8]

EXIF = (b"Exif", b"eXIf", b"EXIF")  # how it begins in JPEG, PNG and WebP
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")


class Images:
    """Image files by name, in a folder or straight from a zip.

    A zip is opened anew in each process, so that forked and spawned workers can share one object; within a process threads
    may share it. `keep` holds every decoded image in memory: fill it before workers are forked and they share the pages.
    Raises InputError where `where` is neither a folder nor a zip that can be read.
    """

    def __init__(self, where: str | Path, keep: bool = False) -> None:
        self.where = Path(where)
        self._kept: dict[tuple[str, tuple[int, int] | None], Image] | None = {} if keep else None
        self._zip: zipfile.ZipFile | None = None
        self._process = -1
        if not self.where.is_dir():
            self._open()

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_zip": None, "_process": -1}

    def names(self) -> list[str]:
        """The image files there are, sorted; below a folder as paths with /."""
        if self.where.is_dir():
            found = [path.relative_to(self.where).as_posix() for path in self.where.rglob("*")]
        else:
            found = self._open().namelist()
        return sorted(name for name in found if name.lower().endswith(SUFFIXES))

    def __contains__(self, name: str) -> bool:
        if self.where.is_dir():
            return (self.where / name).is_file()
        return name in self._open().NameToInfo

    def read(self, name: str) -> bytes:
        """The bytes of a file; raises InputError where it is missing or cannot be read."""
        try:
            if self.where.is_dir():
                return (self.where / name).read_bytes()
            return self._open().read(name)
        except (KeyError, FileNotFoundError):
            raise InputError(f"{self.where / name}: the image is missing") from None
        except (OSError, zipfile.BadZipFile, zlib.error) as error:
            raise InputError(f"{self.where / name}: cannot be read ({error})") from error

    def load(self, name: str, size: tuple[int, int] | None = None) -> Image:
        """(H, W, 3) uint8 RGB, not turned by EXIF (labels are in stored pixels) unless only so it has the (width, height) `size` that
        the labels state; raises InputError as `read` and `decode` do, and for another size."""
        if self._kept is not None and (name, size) in self._kept:
            return self._kept[name, size]
        data, where = self.read(name), str(self.where / name)
        image = decode(data, where)
        if size is not None and size != image.shape[1::-1]:
            stored, image = image, decode(data, where, as_seen=True)
            if size != image.shape[1::-1]:
                (height, width), stated = stored.shape[:2], "{} x {}".format(*size)
                raise InputError(f"{where}: other size: is {width} x {height}, the labels say {stated}")
        if self._kept is not None:
            image.setflags(write=False)
            self._kept[name, size] = image
        return image

    def stored(self, name: str) -> tuple[Image, bool]:
        """The pixels as they are stored, and whether EXIF turns them, so that labels in them are not where they are seen; raises
        InputError as `load` does."""
        data, where = self.read(name), str(self.where / name)
        image = decode(data, where)
        may_turn = any(mark in data for mark in EXIF)
        return image, may_turn and not np.array_equal(image, decode(data, where, as_seen=True))

    def _open(self) -> zipfile.ZipFile:
        """This process's own handle: a forked one would share the file position with its parent."""
        if self._zip is None or self._process != os.getpid():
            try:
                self._zip, self._process = zipfile.ZipFile(self.where), os.getpid()
            except FileNotFoundError:
                raise InputError(f"{self.where}: no such folder or zip of images") from None
            except (OSError, zipfile.BadZipFile) as error:
                raise InputError(f"{self.where}: not a zip that can be read ({error})") from error
        return self._zip


def find_images(labels: Path, table: Mapping[str, Any] | None = None) -> Path:
    """Where the images of a COCO json are: the first that has its first image of a zip of the same name (without _labels), a folder
    `images` beside it, its own folder, the folder above, and, as COCO lies, a folder there that ends the json's name
    (`annotations/person_keypoints_train2017.json` and `train2017/`, also in `images/`). `table`: what is in the json, where it is
    known."""
    above, last = labels.absolute().parent.parent, labels.stem.rpartition("_")[2]
    zipped = labels.with_name(labels.stem.removesuffix("_labels") + ".zip")
    folders = (labels.parent / "images", labels.parent, above / last, above / "images" / last, above)
    there = [place for place in (zipped, *folders) if place.is_file() or place.is_dir()]
    images = (read_table(labels) if table is None else table).get("images")
    first = images[0].get("file_name") if isinstance(images, list) and images and isinstance(images[0], dict) else None
    has_it = (place for place in there if first is not None and str(first) in Images(place))
    return next(has_it, there[0])


def decode(data: bytes, name: str, as_seen: bool = False) -> Image:
    """(H, W, 3) uint8 RGB of an encoded image, `as_seen` turned by EXIF; raises InputError that names `name` where it is cut short or
    no image."""
    import cv2

    if not complete(data):
        raise InputError(f"{name}: the image is cut short")
    flags = cv2.IMREAD_COLOR if as_seen else cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), flags) if data else None
    except cv2.error:
        image = None
    if image is None:
        raise InputError(f"{name}: not an image that can be decoded")
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)


def complete(data: bytes) -> bool:
    """Whether a JPEG, PNG or WebP has its end; decoders fill what is missing with grey and say nothing. Others: True."""
    if data[:2] == b"\xff\xd8":
        return data.rfind(b"\xff\xd9", len(data) // 2) >= 0  # cameras append things; a thumbnail's end comes early
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return len(data) >= int.from_bytes(data[4:8], "little") + 8
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        return b"IEND" in data[-64:]
    return True
