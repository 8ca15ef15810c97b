"""Which data set a path means."""

from __future__ import annotations

from pathlib import Path

from limbwise.data.dataset import Dataset
from limbwise.errors import InputError


def open_dataset(where: str | Path, keep: bool = False) -> Dataset:
    """The data set in a folder or a COCO json; `keep` holds its decoded images in memory (see images.Images).

    A folder with `lspe_labels.npz` or `joints.mat` is LSP, one with `mpii_human_pose*.mat` MPII, with `dataset.mat` (or that file
    itself) DeeperCut's form, with `labels` and `frames` Penn Action (of MPII and Penn Action the training part). Otherwise it holds
    one COCO json, whose images lie in a zip of the same name (without _labels), in `images`, or beside it; a single .toml beside
    the json is its skeleton. Raises InputError that says what was looked for.
    """
    where = Path(where)
    if (where / "lspe_labels.npz").is_file() or (where / "joints.mat").is_file():
        from limbwise.data.lsp import LspDataset

        return LspDataset(where, keep=keep)
    if where.suffix == ".mat" or (where / "dataset.mat").is_file() or any(where.glob("mpii_human_pose*.mat")):
        return _matlab(where, keep)
    if (where / "labels").is_dir() and (where / "frames").is_dir():
        from limbwise.data.penn import PennDataset

        return PennDataset(where, keep=keep)
    return _coco(where if where.suffix == ".json" else _single(where, ".json"), keep)


def _matlab(where: Path, keep: bool) -> Dataset:
    from limbwise.data.deepcut import DeepcutDataset
    from limbwise.data.mpii import MpiiDataset

    if where.name.startswith("mpii_human_pose") or (where.is_dir() and not (where / "dataset.mat").is_file()):
        return MpiiDataset(where, keep=keep)
    return DeepcutDataset(where, keep=keep)


def _coco(path: Path, keep: bool) -> Dataset:
    from limbwise.data.coco import CocoDataset
    from limbwise.skeletons import read_skeleton

    zipped, folder = path.with_name(path.stem.removesuffix("_labels") + ".zip"), path.parent / "images"
    images = zipped if zipped.is_file() else folder if folder.is_dir() else path.parent
    tables = sorted(path.parent.glob("*.toml"))
    return CocoDataset(path, images, read_skeleton(tables[0]) if len(tables) == 1 else None, keep=keep)


def _single(folder: Path, suffix: str) -> Path:
    """The one file of that kind in a folder."""
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder or .json file")
    found = sorted(folder.glob(f"*{suffix}"))
    if len(found) != 1:
        raise InputError(
            f"{folder}: lspe_labels.npz, joints.mat, mpii_human_pose*.mat, dataset.mat, or one {suffix} file is expected, "
            f"found {len(found)} {suffix}"
        )
    return found[0]
