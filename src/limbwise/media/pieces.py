"""A video in pieces that can be read each on its own: cut where a key frame is, every frame in one of them, in order.

Where pieces begin is told from the encoded packets, without decoding. A piece knows the time stamps of its frames, and reading it
fails (`Unsplit`) where anything else comes out of the decoder: then the rest of the video is to be read in one, from its beginning.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import TYPE_CHECKING

from limbwise.errors import InputError
from limbwise.media.film import Film
from limbwise.media.frame import Frame
from limbwise.media.video import VideoReader

INTRA = 1  # AV_PICTURE_TYPE_I
BACK = (0, 2, 10)  # seconds: a key frame is sought from so much before it, since some formats find any frame instead

if TYPE_CHECKING:
    from av import VideoFrame


class Unsplit(Exception):
    """A piece cannot be read on its own; the rest of its video is to be read from the beginning."""


@dataclass(frozen=True)
class Piece:
    """Frames of a video from number `first` on. `stamps`: the time stamp of each, the first one a key frame's; None: all frames to the end,
    to be read from the beginning of the video. `last`: nothing comes after it."""

    first: int
    stamps: tuple[int, ...] | None
    last: bool

    @property
    def stop(self) -> int | None:
        """The number after its last frame; None where it goes to the end."""
        return None if self.stamps is None else self.first + len(self.stamps)

    def rest(self) -> Piece:
        """All frames from here on, read from the beginning of the video."""
        return Piece(self.first, None, True)


def split(path: str, least: int, start: int = 0, stop: int | None = None) -> Iterator[Piece]:
    """The pieces of a video that hold its frames from `start` on and before `stop`, each of `least` frames at least but for the last.

    Packets are read as pieces are asked for. What comes before `start` belongs to the first piece. Whatever is unusual about the file (no
    time stamps, damage, a file that cannot be opened) makes its rest one piece: reading that says what is wrong, if anything is.
    """
    first, held = 0, list[int]()  # the piece under way: the number of its first frame, the stamps of its frames
    for run in _runs(path):
        if run is None:
            yield Piece(first, None, True)
            return
        if len(held) >= least and first + len(held) > start:
            yield Piece(first, tuple(held), False)
            first, held = first + len(held), []
        held += run
        if stop is not None and first + len(held) > stop:
            break
    yield Piece(first, tuple(held) or None, True)


def _runs(path: str) -> Iterator[list[int] | None]:
    """The time stamps of the frames shown from one key frame up to the next, sorted; None instead of the rest where that cannot be told.

    Frames that are shown before a key frame may come after it in the file, but not after the next one.
    """
    waiting, keys, last = list[int](), list[int](), None
    for stamp, key in _packets(path):
        if stamp is None or (last is not None and stamp <= last):
            yield None
            return
        if key:
            keys.append(stamp)
        waiting.append(stamp)
        if len(keys) == 3:
            run, waiting = _before(keys.pop(0), keys[0], waiting)
            if run is None:
                yield None
                return
            yield run
            last = run[-1]
    while keys:
        run, waiting = _before(keys.pop(0), keys[0] if keys else None, waiting)
        yield run
        if run is None:
            return


def _before(key: int, following: int | None, waiting: list[int]) -> tuple[list[int] | None, list[int]]:
    """The sorted stamps up to the next key frame's, and the others; None where `key` is not the first of them or one comes twice."""
    run = sorted(stamp for stamp in waiting if following is None or stamp < following)
    sound = run[:1] == [key] and all(a < b for a, b in pairwise(run))
    return run if sound else None, [] if following is None else [stamp for stamp in waiting if stamp >= following]


def _packets(path: str) -> Iterator[tuple[int | None, bool]]:
    """(time stamp, whether it is a key frame) of every packet; the stamp None where there is none, or damage."""
    import av

    if "://" in path:
        yield None, False
        return
    try:
        film = Film(path)
    except InputError:
        yield None, False
        return
    try:
        for packet in film.container.demux(film.stream):
            if packet.size and not packet.is_discard:
                yield None if packet.is_corrupt else packet.pts, packet.is_keyframe
    except (av.FFmpegError, OSError, ValueError):
        yield None, False
    finally:
        film.close()


def read_piece(path: str, piece: Piece, start: int = 0, stop: int | None = None, step: int = 1) -> Iterator[Frame]:
    """Those of the frames `start`, `start + step`, ... before `stop` of the video that are in the piece: the same as VideoReader gives.

    Raises Unsplit where that is not sure; of a piece without stamps, InputError as VideoReader does.
    """
    begin = max(start, piece.first + (start - piece.first) % step)
    if piece.stamps is None:
        with VideoReader(path, begin, stop, step) as reader:
            yield from reader
        return
    try:
        film = Film(path)
    except InputError as error:
        raise Unsplit from error
    try:
        for index, (time, picture) in enumerate(_as_planned(film, piece, stop), piece.first):
            if index >= begin and (index - begin) % step == 0:
                yield Frame(film.pixels(picture), index, time)
    finally:
        film.close()


def _as_planned(film: Film, piece: Piece, stop: int | None) -> Iterator[tuple[float, VideoFrame]]:
    """The pictures of a piece with their times; raises Unsplit at the first that is not what it should be."""
    import av

    stamps = piece.stamps or ()
    pictures = film.pictures()
    try:
        if piece.first:
            next(pictures, None)  # from the first one all times count
            pictures = _from_key(film, stamps[0])
        for index, stamp in enumerate(stamps, piece.first):
            pair = next(pictures, None)
            if pair is None or pair[1].pts != stamp or (index == piece.first > 0 and not _whole(pair[1])):
                raise Unsplit
            if stop is not None and index >= stop:
                return
            yield pair
        if piece.last and next(pictures, None) is not None:  # which also says whether the file is cut short
            raise Unsplit
    except (InputError, av.FFmpegError, OSError, ValueError) as error:
        raise Unsplit from error


def _from_key(film: Film, stamp: int) -> Iterator[tuple[float, VideoFrame]]:
    """The pictures from a key frame on, by its time stamp."""
    for back in BACK:
        film.container.seek(stamp - round(back / (film.stream.time_base or 1)), stream=film.stream)
        pictures = (pair for pair in film.pictures() if (pair[1].pts or 0) >= stamp)
        first = next(pictures, None)
        if first is not None and first[1].pts == stamp:
            return chain([first], pictures)
    raise Unsplit


def _whole(picture: VideoFrame) -> bool:
    """Whether a picture is coded without any other: some encoders call a frame a key frame that takes others to be complete."""
    return bool(picture.key_frame) and picture.pict_type == INTRA
