"""`limbwise data view`: a row of pictures for each training scene."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import limbwise.cli.data
from limbwise.draw.sheet import sheet


@pytest.mark.parametrize(("limbs", "columns"), [([], 6), ([[1, 2]], 8)])
def test_a_skeleton_without_limbs_has_no_picture_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limbs: list[list[int]], columns: int
) -> None:
    sheets: list[tuple[int, int, list[str]]] = []

    def watched(pictures: list[Any], columns: int, captions: list[str]) -> Any:
        sheets.append((len(pictures), columns, captions[: columns // 2]))
        return sheet(pictures, columns, captions)

    monkeypatch.setattr(limbwise.cli.data, "sheet", watched)
    cv2.imwrite(str(tmp_path / "a.png"), np.full((60, 80, 3), 90, np.uint8))
    row = {"id": 1, "image_id": 1, "category_id": 1, "keypoints": [20, 20, 2, 50, 40, 2], "bbox": [10, 10, 50, 40]}
    category = {"id": 1, "name": "stick", "keypoints": ["top", "bottom"], "skeleton": limbs}
    table = {"images": [{"id": 1, "file_name": "a.png"}], "annotations": [row], "categories": [category]}
    (tmp_path / "labels.json").write_text(json.dumps(table))
    limbwise.cli.data.view(tmp_path, tmp_path / "out" / "view.png", None, 2, 64)
    assert (tmp_path / "out" / "view.png").is_file()
    ((count, across, captions),) = sheets
    assert (count, across) == (columns, columns)
    assert ("PAFs" in captions) == bool(limbs)
    assert captions[-1] == "left out of the loss"
