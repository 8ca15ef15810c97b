"""A refiner's training examples, made of scenes and false poses in them, and its validation: PCK of poses before and after."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from limbwise.augment.spatial import warp
from limbwise.data.dataset import Dataset, Subset
from limbwise.data.find import open_dataset
from limbwise.data.lsp import LspDataset
from limbwise.decode.refiner import decode_refiner
from limbwise.engine.posed import draw_discs, find_window, pose_size, posed_batch, spread
from limbwise.geometry import Matrix, apply, compose, invert, pad, resize
from limbwise.metric.pck import PckTally
from limbwise.sample import HIDDEN, SEEN, Sample
from limbwise.spec import ModelSpec
from limbwise.target.deepercut import targets
from limbwise.target.refiner import Corruptions, corrupt, marked
from limbwise.train.batches import Example
from limbwise.train.samples import DataOptions, SceneMaker, held_out, open_training

Floats = npt.NDArray[np.floating]

ROOM = 1.4  # the scene that a window is cut from is so much larger than the window
LEAST = 4  # labelled keypoints of a person worth refining
TRIES = 20  # scenes in a row without such a person after which the scene is taken as background
JITTER = 0.1  # standard deviation of the logarithm by which the scale of a window is off
SHIFT = 0.08  # how far, as a share of the window, the pose may lie from its middle


class PoseMaker(SceneMaker):
    """Makes example `number` of a refiner's run: a scene, one of its people, a false pose of that person, the window that the refiner would
    look at (square, of `size` pixels), and the true pose's targets there."""

    def __call__(self, number: int, attempt: int, size: int) -> Example:
        rng = np.random.default_rng((self.seed, number, attempt, 1))
        for again in range(TRIES):
            scene = self.scene(number, attempt + 1000 * again, round(ROOM * size))
            people = marked(scene, LEAST)
            if people:
                return self._example(scene, int(rng.choice(people)), size, rng)
        return self._example(scene, 0, size, rng) if len(scene.people) else self._background(scene, size)

    def _example(self, scene: Sample, person: int, size: int, rng: np.random.Generator) -> Example:
        xy = np.where((scene.visibility >= HIDDEN)[..., None], scene.people.xy, np.nan).astype(np.float64)
        others = np.delete(xy, person, axis=0)
        true = xy[person]
        false = corrupt(true, others, spread(true), self.spec.skeleton, self.options.corrupt, rng)
        return self._shown(scene, person, false, self._frame(false, size, rng), size)

    def _frame(self, pose: Floats, size: int, rng: np.random.Generator) -> Matrix:
        """From the scene to a window around a pose."""
        shown = self.spec.input.pose
        assert shown is not None
        scale = shown.size / pose_size(pose, self.spec.skeleton, shown) * np.exp(rng.normal(0, JITTER))
        scale = float(np.clip(scale, 0.25, 4))
        frame = resize(scale, scale)
        points = apply(frame, pose[~np.isnan(pose[:, 0])])
        middle = (points.min(0) + points.max(0)) / 2 if len(points) else np.zeros(2)
        return compose(frame, pad(*((size - 1) / 2 - middle + rng.uniform(-SHIFT, SHIFT, 2) * size)))

    def _shown(self, scene: Sample, person: int, false: Floats, frame: Matrix, size: int) -> Example:
        one = [person]
        alone = replace(scene, people=scene.people[one], visibility=scene.visibility[one], areas=scene.areas[one],
                        boxes=scene.boxes[one])  # fmt: skip
        window = warp(alone, frame, (size, size), self.spec.input.pad)
        return self._stacked(window, apply(frame, false), size)

    def _background(self, scene: Sample, size: int) -> Example:
        empty = np.full((len(self.spec.skeleton), 2), np.nan)
        return self._stacked(warp(scene, pad(0, 0), (size, size), self.spec.input.pad), empty, size)

    def _stacked(self, window: Sample, false: Floats, size: int) -> Example:
        assert self.spec.input.pose is not None
        discs = draw_discs(false, (size, size), self.spec.input.pose.radius)
        image = window.image if self.spec.input.colour == "RGB" else window.image[..., ::-1]
        wanted = targets(window, self.spec, self.options.discs)
        stacked = np.concatenate([image, discs.transpose(1, 2, 0)], axis=2)
        return Example(np.ascontiguousarray(stacked), wanted.maps, wanted.masks, window.name)


@dataclass(frozen=True)
class PoseValidation:
    """Calling it with a refiner gives PCK@0.2 of the first person of each image of `source`: of true poses, refined ("pck_true"), and of
    false ones before ("pck_false") and after ("pck"); "score" is "pck" less five times what true poses lose beyond a hundredth."""

    spec: ModelSpec
    source: Dataset
    corruptions: Corruptions
    seed: int = 0

    def __call__(self, net: nn.Module) -> dict[str, float]:
        was_training = net.training
        net.eval()
        tallies = {
            name: PckTally(self.spec.skeleton, self.source.skeleton) for name in ("pck", "pck_true", "pck_false")
        }
        own, theirs = self.spec.skeleton, self.source.skeleton
        order = own.map_from(theirs)
        for i in range(len(self.source)):
            labels = self.source.labels(i)
            given = np.where(labels.marked[0][:, None], labels.xy[0], np.nan)
            true = np.where((order >= 0)[:, None], given[order], np.nan).astype(np.float64)
            rng = np.random.default_rng((self.seed, i))
            false = corrupt(true, np.zeros((0, *true.shape)), spread(true), own, self.corruptions, rng)
            refined = self._refined(net, self.source.image(i), [true, false])
            seen = labels.visibility[0] >= SEEN
            for name, pose in zip(tallies, (refined[1], refined[0], false), strict=True):
                tallies[name].add(pose, labels.xy[0], seen)
        net.train(was_training)
        numbers = {name: tally.numbers().pck for name, tally in tallies.items()}
        return {**numbers, "score": numbers["pck"] - 5 * max(0.0, 0.99 - numbers["pck_true"])}

    @torch.inference_mode()
    def _refined(self, net: nn.Module, image: npt.NDArray[np.uint8], poses: list[Floats]) -> list[Floats]:
        """The poses (K, 2) of a picture refined, in its pixels; one without a window stays."""
        pose = self.spec.input.pose
        assert pose is not None
        windows = [find_window(xy, self.spec.skeleton, pose, (image.shape[1], image.shape[0])) for xy in poses]
        refined = list(poses)
        for n, window in enumerate(windows):
            if window is None:
                continue
            batch = posed_batch(image, [poses[n]], [window], self.spec.input)
            outputs = net(torch.from_numpy(batch).to(next(net.parameters()).device))[-1]
            maps = {name: self.spec.heads[name].meant(value.float().cpu().numpy()) for name, value in outputs.items()}
            found, _ = decode_refiner(maps, self.spec, [(window.width, window.height)])
            refined[n] = apply(invert(window.frame), found[0])
        return refined


def make_poses(options: DataOptions, spec: ModelSpec, seed: int) -> PoseMaker:
    """The maker for a refiner's recipe; raises UsageError and InputError as `open_training` does."""
    return PoseMaker(open_training(options, spec), spec, options, seed)


def pose_validation(options: DataOptions, spec: ModelSpec) -> PoseValidation | None:
    """Validation on the held out images of the first set that is LSP or LSPE (PCK is by the torso); None where there is none."""
    for path in (options.validate, options.root, *options.also):
        if path and isinstance(whole := open_dataset(path), LspDataset):
            source = held_out(whole, options.held_out)
            chosen = Subset(source, np.arange(min(len(source), options.validate_images)))
            return PoseValidation(spec, chosen, replace(options.corrupt, clean=0.0))
    return None
