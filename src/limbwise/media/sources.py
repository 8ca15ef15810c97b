"""What a user names on the command line, as a list of images, videos and cameras, each with a name for its results."""

from __future__ import annotations

import glob
import os
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from limbwise.errors import InputError
from limbwise.media.header import is_image

LONGEST = 160  # bytes of a name; disks allow 255 with what is added (12 digits, "_keypoints", ".part")
Kind = Literal["image", "video", "camera"]

IMAGE_SUFFIXES = frozenset(
    ".jpg .jpeg .jpe .jfif .png .apng .bmp .dib .webp .tif .tiff .ppm .pgm .pbm .pnm .pam .pfm .gif .avif .jp2 .j2k .jpf .jpx .hdr .pic "
    ".exr .sr .ras".split()
)
VIDEO_SUFFIXES = frozenset(
    ".mp4 .m4v .mov .mkv .webm .avi .mpg .mpeg .ts .mts .m2ts .wmv .asf .flv .f4v .3gp .3g2 .ogv .vob .y4m .h264 .264 .hevc .mjpeg "
    ".mjpg .mxf .divx".split()
)


@dataclass(frozen=True)
class Source:
    """One thing to look at: `path` is a file, a URL, or a camera's number; `name` tells its results from all others of the call.

    The name is a relative path with forward slashes and without suffix ("sub/a"); it never leads out of the folder of results.
    """

    kind: Kind
    path: str
    name: str


def find_sources(arguments: Sequence[str | Path]) -> tuple[list[Source], list[InputError]]:
    """The sources that the arguments name, in their order, and one InputError for each argument that names none.

    An argument is an image or video file (by its suffix, else by its content), a folder (with its sub folders; sorted as people
    count; hidden files and other kinds of files left out), a pattern with * ? [ ] ** (files only), the number of a camera (unless a
    file or folder is called so), or a URL: one that ends like a video file is read whole, any other is watched live. A file named
    twice comes once.

    The second of two sources with the same name is told apart by its suffix, then its folder, then a number; this depends on the
    arguments and what they hold alone, not on what was written before.
    """
    found: dict[str, tuple[Kind, str, str]] = {}
    problems: list[InputError] = []
    for argument in map(str, arguments):
        try:
            for kind, path, stem in list(_expand(argument)):
                found.setdefault(
                    path if kind == "camera" or "://" in path else os.path.abspath(path), (kind, path, stem)
                )
        except InputError as problem:
            problems.append(problem)
    return _named(found.values()), problems


def _expand(argument: str) -> Iterator[tuple[Kind, str, str]]:
    """Kind, path and wished name of all that one argument names."""
    path = Path(argument)
    if "://" in argument:
        yield _url(argument)
    elif argument.isdecimal() and argument.isascii() and not path.exists():
        yield "camera", str(int(argument)), f"camera{int(argument)}"
    elif not argument:
        raise InputError(
            "an empty argument names nothing; give a file, a folder, a pattern, a camera's number or a URL"
        )
    elif path.is_dir():
        yield from _some(_in_folder(path), f"{argument}: holds no image and no video, in its sub folders neither")
    elif path.exists():
        yield _kind_of(path), argument, path.stem
    elif glob.has_magic(argument):
        yield from _some(
            _matching(argument), f"{argument}: no image and no video is named like this; check the pattern"
        )
    else:
        raise InputError(f"{argument}: no such file or folder; check the path")


def _some(found: Iterator[tuple[Kind, str, str]], otherwise: str) -> list[tuple[Kind, str, str]]:
    several = list(found)
    if not several:
        raise InputError(otherwise)
    return several


def _in_folder(folder: Path) -> Iterator[tuple[Kind, str, str]]:
    return _media([Path(root, file) for root, _, files in os.walk(folder) for file in files], folder)


def _matching(pattern: str) -> Iterator[tuple[Kind, str, str]]:
    parts = Path(pattern).parts
    fixed = next(i for i, part in enumerate(parts) if glob.has_magic(part))
    return _media([Path(path) for path in glob.iglob(pattern, recursive=True)], Path(*parts[:fixed]))


def _media(paths: Iterable[Path], base: Path) -> Iterator[tuple[Kind, str, str]]:
    """Those with a known suffix that are not hidden below `base`, sorted, each folder's before those of the folders in it; named by where
    they lie below it."""
    for path in sorted(paths, key=lambda path: (*_natural(path.parent.relative_to(base)), *_natural(Path(path.name)))):
        below, kind = path.relative_to(base), _by_suffix(path)
        if kind and path.is_file() and not any(part.startswith(".") for part in below.parts):
            yield kind, str(path), below.with_name(below.stem).as_posix()


def _natural(path: Path) -> tuple[list[list[tuple[int, int, str]]], str]:
    """Keys that sort as people count: a2 before a10; capitals beside their small letters."""
    return [
        [(0, int(run), run) if run.isdecimal() else (1, 0, run) for run in re.split(r"(\d+)", part.casefold()) if run]
        for part in path.parts
    ], str(path)


def _by_suffix(path: Path) -> Kind | None:
    suffix = path.suffix.lower()
    return "image" if suffix in IMAGE_SUFFIXES else "video" if suffix in VIDEO_SUFFIXES else None


def _kind_of(path: Path) -> Kind:
    """By suffix; else by content, since the file was named on purpose."""
    kind = _by_suffix(path)
    if kind:
        return kind
    try:
        with path.open("rb") as file:
            if is_image(file.read(64)):
                return "image"
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    from limbwise.media.film import Film

    try:
        Film(str(path)).close()
    except InputError as error:
        raise InputError(f"{path}: is neither an image nor a video that can be read") from error
    return "video"


def _url(url: str) -> tuple[Kind, str, str]:
    """A URL with a name of its host and path, without user, password and query."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError as error:
        raise InputError(f"{url}: is not a URL ({error})") from error
    path = Path(parts.path)
    kind = _by_suffix(path)
    if kind == "image":
        raise InputError(f"{url}: images are read from files; download it first")
    words = re.sub(r"[^\w.-]+", "-", f"{host}{path.with_suffix('') if kind else path}").strip("-.")
    return kind or "camera", url, words or parts.scheme


def _named(found: Iterable[tuple[Kind, str, str]]) -> list[Source]:
    taken: set[str] = set()
    sources = []
    for kind, path, stem in found:
        name = next(name for name in _names(path, stem) if name.casefold() not in taken)
        taken.add(name.casefold())
        sources.append(Source(kind, path, name))
    return sources


def _short(stem: str) -> str:
    """A name whose files, with what is added to it, no disk finds too long; other long names with the same beginning have other ends."""
    above, _, name = stem.rpartition("/")
    if len(os.fsencode(name)) <= LONGEST:
        return stem
    cut = os.fsencode(name)[: LONGEST - 9].decode("utf-8", "ignore")
    return f"{above}/"[not above :] + f"{cut}_{zlib.crc32(os.fsencode(name)):08x}"


def _names(path: str, stem: str) -> Iterator[str]:
    """The wished name, then ever more telling ones, without end."""
    where, stem = Path(path), _short(stem)
    yield stem
    yield f"{stem}_{where.suffix.lstrip('.')}" if where.suffix else f"{stem}_2"
    if where.parent.name:
        yield f"{where.parent.name}_{stem.replace('/', '_')}"
    number = 2
    while True:
        yield f"{stem}_{number}"
        number += 1
