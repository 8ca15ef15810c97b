"""Which data set a path means."""

from __future__ import annotations

from pathlib import Path

from limbwise.data.coco import CocoOptions
from limbwise.data.dataset import Dataset
from limbwise.errors import InputError
from limbwise.fields import read_table


def open_dataset(where: str | Path, keep: bool = False, coco: CocoOptions | None = None) -> Dataset:
    """The data set in a folder or a COCO json; `keep` holds its decoded images in memory (see images.Images), `coco` is for jsons.

    A folder with `lspe_labels.npz` or `joints.mat` is LSP, one with `mpii_human_pose*.mat` MPII, with `dataset.mat` (or that file
    itself) DeeperCut's form, with `labels` and `frames` Penn Action (of MPII and Penn Action the training part). Otherwise it holds
    one COCO json (or COCO's own of training in `annotations`), whose images are where images.find_images says; a .toml with
    keypoints beside the json is its skeleton. Raises InputError that says what was looked for.
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
    return _coco(where if where.suffix == ".json" else _single(where, ".json"), keep, coco)


def _matlab(where: Path, keep: bool) -> Dataset:
    from limbwise.data.deepcut import DeepcutDataset
    from limbwise.data.mpii import MpiiDataset

    if where.name.startswith("mpii_human_pose") or (where.is_dir() and not (where / "dataset.mat").is_file()):
        return MpiiDataset(where, keep=keep)
    return DeepcutDataset(where, keep=keep)


def _coco(path: Path, keep: bool, options: CocoOptions | None) -> Dataset:
    from limbwise.data.coco import CocoDataset
    from limbwise.skeletons import read_skeleton

    tables = [table for table in sorted(path.parent.glob("*.toml")) if "keypoints" in read_table(table)]
    if len(tables) > 1:
        names = ", ".join(table.name for table in tables)
        raise InputError(f"{path.parent}: {names} are skeletons, all of them; leave one beside {path.name}")
    return CocoDataset(path, None, read_skeleton(tables[0]) if tables else None, options, keep)


def _single(folder: Path, suffix: str) -> Path:
    """The one file of that kind in a folder."""
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder or .json file")
    found = sorted(folder.glob(f"*{suffix}")) or sorted(folder.glob("annotations/person_keypoints_train*.json"))
    if len(found) != 1:
        raise InputError(
            f"{folder}: lspe_labels.npz, joints.mat, mpii_human_pose*.mat, dataset.mat, or one {suffix} file is expected, "
            f"found {len(found)} {suffix}"
        )
    return found[0]
