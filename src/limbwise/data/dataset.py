"""Dataset: a labelled data set as the trainer and `data check` see it; Labels: what it says of one image."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from limbwise.data.images import Image, Images
from limbwise.errors import InputError
from limbwise.people import People
from limbwise.sample import HIDDEN, Sample
from limbwise.skeleton import Skeleton

SLACK = 2.0  # pixels by which a label may leave its image: annotators' rounding and boxes do


@dataclass(frozen=True, eq=False)
class Labels:
    """What a data set says of one image, as it stands there, sound or not.

    `name`: the image file. `xy` (N, K, 2) float32 and `visibility` (N, K) int8 as in Sample, coordinates of what is not marked
    are meaningless. `boxes` (N, 4) float32 xyxy, `areas` (N,) float32. `ids`: N annotation ids. `size`: (width, height) of the
    image as the data set states it, or None. `stated_boxes`: whether it states the boxes, or they are told from the keypoints.
    """

    name: str
    xy: npt.NDArray[np.float32]
    visibility: npt.NDArray[np.int8]
    boxes: npt.NDArray[np.float32]
    areas: npt.NDArray[np.float32]
    ids: tuple[int | str, ...] = ()
    size: tuple[int, int] | None = None
    stated_boxes: bool = True

    @property
    def marked(self) -> npt.NDArray[np.bool_]:
        """(N, K) whether a keypoint has a place: HIDDEN or SEEN."""
        return self.visibility >= HIDDEN


class Dataset(ABC):
    """A labelled data set: `len(dataset)` images, `load(i)` the i-th as a Sample on `skeleton`, `names` their files."""

    skeleton: Skeleton
    images: Images
    names: list[str]

    @property
    def image_ids(self) -> list[object]:
        """What the data set calls each image; the file name where it has no other."""
        return list(self.names)

    def __len__(self) -> int:
        return len(self.names)

    def image(self, i: int) -> Image:
        """The pixels of image i, (H, W, 3) uint8 RGB, as its labels mean them; raises InputError as `load` does."""
        labels = self.labels(i)
        return self.images.load(labels.name, labels.size)

    @abstractmethod
    def labels(self, i: int) -> Labels:
        """The labels of image i, read without its pixels."""

    @abstractmethod
    def ignore(self, i: int, size: tuple[int, int]) -> npt.NDArray[np.bool_]:
        """(H, W) where unlabelled people may be in image i of (width, height) `size`."""

    def has_ignored(self, i: int) -> bool:
        """Whether image i has annotations that are ignored, not taught (crowds, people without keypoints)."""
        return False

    def head_sizes(self, i: int) -> npt.NDArray[np.float32]:
        """(N,) float32 head sizes in pixels of the people of image i, as PCKh has them; NaN where the data set says none."""
        return np.full(len(self.labels(i).xy), np.nan, np.float32)

    def load(self, i: int) -> Sample:
        """Image i; raises InputError where the image is missing, broken or of another size than the data set says, or a label is not a
        number or outside the image."""
        labels = self.labels(i)
        where = self.images.where / labels.name
        if not np.isfinite(labels.xy[labels.marked]).all() or not np.isfinite(labels.boxes).all():
            raise InputError(f"{where}: a label is not a number; see `limbwise data check`")
        image = self.images.load(labels.name, labels.size)
        height, width = image.shape[:2]
        if outside(labels, (width, height)).any():
            raise InputError(f"{where}: a keypoint is outside the image; see `limbwise data check`")
        xy = np.where(labels.marked[..., None], labels.xy, np.float32("nan"))
        people = People(self.skeleton, xy, labels.marked.astype(np.float32))
        ignore = self.ignore(i, (width, height))
        return Sample(image, people, labels.visibility, labels.areas, labels.boxes, ignore, labels.name)

    def draw(self, rng: np.random.Generator) -> Sample:
        """Any image, drawn evenly; raises as `load` does."""
        return self.load(int(rng.integers(len(self))))


class Subset(Dataset):
    """Some images of a dataset, in the given order."""

    def __init__(self, dataset: Dataset, indices: npt.ArrayLike) -> None:
        self.dataset, self.indices = dataset, np.asarray(indices, np.intp)
        self.skeleton, self.images = dataset.skeleton, dataset.images
        self.names = [dataset.names[i] for i in self.indices]

    def labels(self, i: int) -> Labels:
        return self.dataset.labels(int(self.indices[i]))

    def ignore(self, i: int, size: tuple[int, int]) -> npt.NDArray[np.bool_]:
        return self.dataset.ignore(int(self.indices[i]), size)

    @property
    def image_ids(self) -> list[object]:
        return [self.dataset.image_ids[i] for i in self.indices]

    def has_ignored(self, i: int) -> bool:
        return self.dataset.has_ignored(int(self.indices[i]))

    def head_sizes(self, i: int) -> npt.NDArray[np.float32]:
        return self.dataset.head_sizes(int(self.indices[i]))


def outside(labels: Labels, size: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """(N, K) whether a marked keypoint lies more than SLACK pixels outside an image of (width, height) `size`."""
    beyond = (labels.xy < -SLACK) | (labels.xy > np.array(size) - 1 + SLACK)
    return np.asarray(labels.marked & beyond.any(-1))


def grown(boxes: npt.NDArray[np.float32], share: float | npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    """Boxes (N, 4) xyxy, each side moved out by `share` of the box's longer side."""
    by = np.asarray(share) * (boxes[:, 2:] - boxes[:, :2]).max(1, initial=0)
    return np.asarray(boxes + by[:, None] * np.array([-1, -1, 1, 1]), np.float32)
