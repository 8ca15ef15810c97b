"""What other programs wrote: JSON files and folders of them, the format of each told from its content."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from limbwise.checked import read_json, table
from limbwise.errors import InputError
from limbwise.estimate.recording import NUMBER, Recorded, read_coco_file, read_openpose_files, read_posetrack_file
from limbwise.skeleton import Skeleton
from limbwise.skeletons import COCO_17


def find_files(paths: Iterable[Path]) -> list[Path]:
    """JSON files, those of folders with their sub folders, hidden ones left out; each once. Raises InputError where there is none."""
    found: list[Path] = []
    for path in paths:
        inside = sorted(p for p in path.rglob("*.json") if not p.name.startswith(".")) if path.is_dir() else [path]
        if not inside or not path.exists():
            raise InputError(f"{path}: {'holds no JSON files' if path.is_dir() else 'no such file or folder'}")
        found += inside
    return list(dict.fromkeys(found))


def read_recorded(
    paths: Sequence[Path], skeleton: Skeleton | None, out: Path | None = None
) -> tuple[list[Recorded], list[InputError]]:
    """Everything in files and folders, formats told from the content, and what could not be read.

    What lies in `out`, a folder of results below one of the paths, is left out, and what predict tells of a run. `skeleton`: what
    keypoints are where a file does not say (COCO results: COCO_17; OpenPose: told from their number).
    """
    base = paths[0] if len(paths) == 1 and paths[0].is_dir() else None
    recorded: list[Recorded] = []
    problems: list[InputError] = []
    single: dict[tuple[Path, str], list[Path]] = {}
    results = out if out is not None and not any(_is_in(path, out) for path in paths) else None
    for path in find_files(paths):
        if path.name == "run.json" or (results is not None and _is_in(path, results)):
            continue
        try:
            content = read_json(path)
            if isinstance(content, dict) and "people" in content:
                single.setdefault((path.parent, NUMBER.sub("", path.stem)), []).append(path)
            elif not path.name.endswith("_images.json"):
                recorded.append(_read_file(path, content, skeleton, base))
        except InputError as problem:
            problems.append(problem)
    for (folder, stem), files in single.items():
        try:
            recorded.append(read_openpose_files(folder, stem, files, skeleton, base, problems))
        except InputError as problem:
            problems.append(problem)
    return recorded, problems


def _is_in(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())


def _read_file(path: Path, content: Any, skeleton: Skeleton | None, base: Path | None) -> Recorded:
    """A file that holds many frames."""
    if isinstance(content, list):
        return read_coco_file(path, skeleton or COCO_17, base)
    if "annolist" in table(content, str(path)) or "images" in content:
        return read_posetrack_file(path, content, base)
    raise InputError(f"{path}: neither OpenPose (people), COCO results (a list) nor PoseTrack (annolist, images)")
