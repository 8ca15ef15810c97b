"""Reading JSON that others wrote: every value is checked, and what is wrong is named by file and field."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from limbwise.errors import InputError


def read_json(path: str | Path) -> Any:
    """What is in a JSON file; raises InputError where it cannot be read or is not JSON."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    except (ValueError, RecursionError) as error:  # bad UTF-8 and bad JSON are both ValueErrors
        raise InputError(f"{path}: not valid JSON ({error})") from error


def table(value: Any, where: str) -> dict[str, Any]:
    """`value` as a JSON object; raises InputError that names `where`."""
    if not isinstance(value, dict):
        raise InputError(f"{where}: an object is expected, not {_what(value)}")
    return value


def items(value: Any, where: str) -> list[Any]:
    """`value` as a list; raises InputError that names `where`."""
    if not isinstance(value, list):
        raise InputError(f"{where}: a list is expected, not {_what(value)}")
    return value


def number(value: Any, where: str) -> float:
    """`value`, or the one value of a list, as a number; null is NaN. Raises InputError that names `where`."""
    value = only(value)
    if value is None:
        return math.nan
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise InputError(f"{where}: a number is expected, not {_what(value)}")
    try:
        return float(value)
    except OverflowError:
        return math.inf


def optional(value: Any, where: str) -> float | None:
    """As `number`, but None for null and an empty list."""
    return None if value in (None, []) else number(value, where)


def whole_number(value: Any, where: str) -> int | None:
    """`value`, or the one value of a list, as an integer of 64 bits; null and an empty list are None."""
    if value in (None, []):
        return None
    found = number(value, where)
    if not (math.isfinite(found) and found == int(found) and abs(found) < 2**63):
        raise InputError(f"{where}: a whole number is expected, not {found:g}")
    return only(value) if isinstance(only(value), int) else int(found)


def numbers(value: Any, where: str) -> npt.NDArray[np.float64]:
    """(n,) a list of numbers, NaN for null; raises InputError that names `where`."""
    listed = items(value, where)
    if {*map(type, listed)} <= {float, int}:
        with suppress(OverflowError):
            return np.array(listed, np.float64)
    return np.array([number(one, where) for one in listed], np.float64)


def points(value: Any, where: str) -> npt.NDArray[np.float64]:
    """(K, 3) from a flat list of x, y and score (or visibility); NaN where a keypoint is missing.

    Missing is what has a score of 0 or less (0, 0, 0 and -1, -1, 0 alike) or a number that is not finite.
    """
    flat = numbers(value, where)
    if len(flat) % 3:
        raise InputError(f"{where}: {len(flat)} numbers are not triples of x, y, score")
    found = flat.reshape(-1, 3)
    found[~np.isfinite(found).all(1) | (found[:, 2] <= 0)] = (np.nan, np.nan, 0)
    return found


def person_categories(content: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Of a COCO table the first category that names keypoints, and all with the same ones; none where none names any."""
    named = [c for c in content.get("categories") or [] if isinstance(c, dict) and c.get("keypoints")]
    return [category for category in named if category["keypoints"] == named[0]["keypoints"]]


def is_person(annotation: Mapping[str, Any], categories: list[dict[str, Any]]) -> bool:
    """Whether an annotation is of one of the `person_categories`, or does not say of which; any where there are none."""
    return not categories or annotation.get("category_id") in (None, *(category.get("id") for category in categories))


def only(value: Any) -> Any:
    """The one value of a list of one; anything else as it is."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _what(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) < 40 else text[:36] + "..."
