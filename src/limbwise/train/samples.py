"""From data sets to numbered training examples: data -> augment -> target, everything a function of (seed, number)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from limbwise.augment.scene import More, SceneOptions, augment
from limbwise.data.coco import CocoOptions
from limbwise.data.dataset import Dataset, Subset
from limbwise.data.find import open_dataset
from limbwise.data.lsp import LspDataset
from limbwise.errors import InputError, UsageError
from limbwise.sample import Sample
from limbwise.spec import ModelSpec
from limbwise.target import deepercut
from limbwise.target.deepercut import DiscOptions
from limbwise.target.openpose import TargetOptions, Targets, targets
from limbwise.target.refiner import Corruptions
from limbwise.train.batches import Example


@dataclass(frozen=True)
class DataOptions:
    """What is trained on.

    `root`: a data set (a folder or a COCO json; see data.find), `also`: further ones, from which `also_share` of the samples comes.
    `held_out`: so many last images of each set are never trained on (None: a tenth, 500 at most; LSP and LSPE: always the last 1,000).
    `coco`: how COCO jsons are read. `faces`: pseudo-labels
    of face points for an LSP `root` (npz). `validate`: a COCO json to validate on (default: the held out images of the first set
    that has such a json), at most `validate_images` of it, and as many of LSP's held out
    ones, at a shorter side of `validate_side` pixels. `scene`, `target`, `discs` (of DeeperCut and the refiner), `corrupt` (of the
    refiner): see augment and target.
    """

    root: str = ""
    also: tuple[str, ...] = ()
    also_share: float = 0.4
    held_out: int | None = None
    coco: CocoOptions = field(default_factory=CocoOptions)
    faces: str = ""
    validate: str = ""
    validate_images: int = 100
    validate_side: int = 256
    scene: SceneOptions = field(default_factory=SceneOptions)
    target: TargetOptions = field(default_factory=TargetOptions)
    discs: DiscOptions = field(default_factory=DiscOptions)
    corrupt: Corruptions = field(default_factory=Corruptions)

    def __post_init__(self) -> None:
        if not 0 <= self.also_share <= 1 or (self.held_out or 0) < 0:
            raise ValueError("also_share: between 0 and 1; held_out: from 0")


def open_training(options: DataOptions, spec: ModelSpec) -> list[Dataset]:
    """The parts of the data sets that are trained on, `root` first.

    Raises UsageError where none is given or one has no keypoint of the spec's, InputError where one is empty.
    """
    if not options.root:
        raise UsageError("data.root is not set; give a data set: --set data.root=FOLDER")
    parts = [(path, _training_part(path, options)) for path in (options.root, *options.also)]
    for path, part in parts:
        if not (spec.skeleton.map_from(part.skeleton) >= 0).any():
            names = ", ".join(part.skeleton.keypoints[:3])
            raise UsageError(
                f"{path}: none of its keypoints ({names}, ...) is one of {spec.skeleton.name}, which is trained; to train on its own: "
                "--set skeleton=FILE.toml"
            )
    return [part for _, part in parts]


def _training_part(path: str, options: DataOptions) -> Dataset:
    source = open_dataset(path, coco=options.coco)
    back = held_back(len(source), options.held_out)
    if isinstance(source, LspDataset):
        faces = options.faces if options.faces and path == options.root else None
        part: Dataset = LspDataset(path, "train", faces=faces)
    else:
        part = Subset(source, np.arange(len(source) - back))
    if not len(part):
        raise InputError(f"{path}: no image is left to train on ({len(source)} in all, data.held_out = {back})")
    return part


class SceneMaker:
    """Makes example `number` of a run: draws a set and its next image, composes a scene, draws its targets.

    Within each set the images come in an order shuffled anew each time round, so that none is seen twice before all were seen
    once; what is composed with them is drawn at random. Raises InputError for a damaged sample.
    """

    def __init__(self, sources: list[Dataset], spec: ModelSpec, options: DataOptions, seed: int) -> None:
        self.sources, self.spec, self.options, self.seed = sources, spec, options, seed
        self._orders: OrderedDict[tuple[int, int], npt.NDArray[np.intp]] = OrderedDict()

    def __call__(self, number: int, attempt: int, size: int) -> Example:
        scene = self.scene(number, attempt, size)
        maps, masks = draw_targets(scene, self.spec, self.options)
        image = scene.image if self.spec.input.colour == "RGB" else scene.image[..., ::-1]
        return Example(np.ascontiguousarray(image), maps, masks, scene.name)

    def scene(self, number: int, attempt: int, size: int) -> Sample:
        """The scene of example `number`, `size` pixels a side, on the spec's skeleton."""
        rng = np.random.default_rng((self.seed, number, attempt))
        source, position = self._place(number)
        sample = source.load(self._index(source, position)) if attempt == 0 else source.draw(rng)
        more = More(lambda: self._draw_set(rng).draw(rng), lambda: self.sources[0].draw(rng))
        return augment(sample, more, self.spec.skeleton, self._scene_options(size), rng)

    def _place(self, number: int) -> tuple[Dataset, int]:
        """The set that sample `number` comes from and how many came from it before: sets alternate by share, evenly."""
        share = self.options.also_share if len(self.sources) > 1 else 0.0
        others, before = int((number + 1) * share), int(number * share)
        if others == before:
            return self.sources[0], number - before
        rest = self.sources[1:]
        return rest[before % len(rest)], before // len(rest)

    def _index(self, source: Dataset, position: int) -> int:
        """The image at a position of the endless shuffled order of a set."""
        turn, place = divmod(position, len(source))
        key = (self.sources.index(source), turn)
        if key not in self._orders:
            self._orders[key] = np.random.default_rng((self.seed, *key)).permutation(len(source))
            if len(self._orders) > 2 * len(self.sources):
                self._orders.popitem(last=False)
        return int(self._orders[key][place])

    def _draw_set(self, rng: np.random.Generator) -> Dataset:
        """A set by its share."""
        rest = self.sources[1:]
        if rest and rng.random() < self.options.also_share:
            return rest[rng.integers(len(rest))]
        return self.sources[0]

    def _scene_options(self, size: int) -> SceneOptions:
        scene = self.options.scene
        spatial = replace(scene.spatial, size=(size, size), least=scene.spatial.least)
        return replace(scene, spatial=spatial)


Maps = Mapping[str, npt.NDArray[np.float32]]


def draw_targets(scene: Sample, spec: ModelSpec, options: DataOptions) -> tuple[Maps, Maps]:
    """Targets and masks by the spec's heads, as its method wants them."""
    if spec.method == "deepercut":
        discs = deepercut.targets(scene, spec, options.discs)
        return discs.maps, discs.masks
    maps, masks = by_head(targets(scene, spec, options.target))
    return {name: maps[name] for name in spec.heads}, {name: masks[name] for name in spec.heads}


def by_head(wanted: Targets) -> tuple[Maps, Maps]:
    """Targets and masks by the names of the spec's heads."""
    maps = {"heatmaps": wanted.heatmaps, "pafs": wanted.pafs}
    count = len(wanted.heatmaps)
    return maps, {"heatmaps": wanted.mask[:count], "pafs": wanted.mask[count:]}


def make_samples(options: DataOptions, spec: ModelSpec, seed: int) -> SceneMaker:
    """The maker for a recipe's data; raises UsageError and InputError as `open_training` does."""
    return SceneMaker(open_training(options, spec), spec, options, seed)


def held_out(source: Dataset, count: int | None) -> Dataset:
    """The part of a data set that training leaves out."""
    if isinstance(source, LspDataset):
        return LspDataset(source.root, "val")
    return Subset(source, np.arange(len(source) - held_back(len(source), count), len(source)))


def held_back(total: int, count: int | None) -> int:
    """How many of `total` images are not trained on: `count`, or a tenth, 500 at most."""
    return min(500, -(-total // 10)) if count is None else min(count, total)
