"""Cover parts of a sample: boxes and discs of colour, noise or a piece of another place. What they hide becomes HIDDEN."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from limbwise.sample import ABSENT, HIDDEN, Sample

Image = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class CoverOptions:
    """`chance` that a sample is covered at all; then 1 to `most` shapes, whose sides are a `share` of a random person's box's longer
    side, evenly."""

    chance: float = 0.3
    most: int = 3
    share: tuple[float, float] = (0.1, 0.4)


def cover(sample: Sample, options: CoverOptions, rng: np.random.Generator) -> Sample:
    """The sample with random shapes over random people."""
    if not len(sample.people) or rng.random() >= options.chance:
        return sample
    image, covered = sample.image.copy(), np.zeros(sample.image.shape[:2], bool)
    for _ in range(rng.integers(1, options.most + 1)):
        left, top, width, height = _draw_place(sample, options, rng)
        window = (slice(top, top + height), slice(left, left + width))
        shape = _shape(height, width, rng)
        filling = _filling(sample, height, width, rng)
        image[window] = np.where(shape[..., None], filling, image[window])
        covered[window] |= shape
    return replace(hide(sample, covered), image=image)


def hide(sample: Sample, covered: Mask, most: float = 0.6) -> Sample:
    """Keypoints within the mask (H, W) become HIDDEN; of a person of whom more than the share `most` is covered they become ABSENT:
    who sees only a hand cannot tell where the knees are, and annotators do not mark them."""
    height, width = covered.shape
    marked = sample.visibility >= HIDDEN
    xy = np.where(marked[..., None], sample.people.xy, 0)
    x, y = np.clip(xy.round().astype(int), 0, (width - 1, height - 1)).transpose(2, 0, 1)
    under = covered[y, x] & marked
    if not under.any():
        return sample
    gone = under & (under.sum(1) > most * marked.sum(1))[:, None]
    visibility = np.where(gone, ABSENT, np.where(under, HIDDEN, sample.visibility)).astype(np.int8)
    people = sample.people
    if gone.any():
        people = replace(people, xy=np.where(gone[..., None], np.float32("nan"), people.xy))
    return replace(sample, people=people, visibility=visibility)


def _draw_place(sample: Sample, options: CoverOptions, rng: np.random.Generator) -> tuple[int, int, int, int]:
    """Left, top, width, height of a window inside the image, about a place in a random person's box."""
    rows, columns = sample.image.shape[:2]
    left, top, right, bottom = sample.boxes[rng.integers(len(sample.people))]
    sides = rng.uniform(*options.share, 2) * max(right - left, bottom - top)
    width, height = (int(np.clip(side, 2, bound // 2)) for side, bound in zip(sides, (columns, rows), strict=True))
    x, y = rng.uniform((left, top), (right, bottom)) - (width / 2, height / 2)
    return int(np.clip(x, 0, columns - width)), int(np.clip(y, 0, rows - height)), width, height


def _shape(height: int, width: int, rng: np.random.Generator) -> Mask:
    """A box or, as often, an ellipse that fills it."""
    if rng.random() < 0.5:
        return np.ones((height, width), bool)
    y, x = np.ogrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    return np.asarray(x**2 + y**2 <= 1)


def _filling(sample: Sample, height: int, width: int, rng: np.random.Generator) -> Image:
    """Pixels of a place of the same image where nobody is labelled or ignored; else one colour, of the image or any."""
    rows, columns = sample.image.shape[:2]
    for _ in range(4 if rng.random() < 0.7 else 0):
        top, left = int(rng.integers(rows - height + 1)), int(rng.integers(columns - width + 1))
        apart = (sample.boxes[:, 0] > left + width) | (sample.boxes[:, 2] < left)
        apart |= (sample.boxes[:, 1] > top + height) | (sample.boxes[:, 3] < top)
        window = (slice(top, top + height), slice(left, left + width))
        if apart.all() and not sample.ignore[window].any():
            return sample.image[window]
    colour = sample.image[rng.integers(rows), rng.integers(columns)]
    if rng.random() < 0.3:
        colour = rng.integers(0, 256, 3, dtype=np.uint8)
    return np.broadcast_to(colour, (height, width, 3))
