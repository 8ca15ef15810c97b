"""What person scores are worth: how often people of a score are right, and probabilities in place of the scores.

A person is right where the OKS with a labelled one is at least 0.5, each labelled one taken once, by the best score first, as COCO's
AP50 counts. Scores become probabilities by isotonic regression (Zadrozny and Elkan, KDD 2002), which keeps their order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import isotonic_regression

from limbwise.draw.palette import vivid
from limbwise.evaluate.coco import Judged

RIGHT = 0.5  # OKS
BINS = 10
KNOTS = 12  # of a fitted map from scores to probabilities
SIDE, MARGIN = 360, 48  # of the picture, pixels
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Picture = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Reliability:
    """Of each of `BINS` equal ranges of scores from 0 to 1: the mean `score`, the share that is `right` (NaN where there is nobody),
    the `count`; `error`: mean distance of the two, weighted by count (expected calibration error)."""

    score: Floats
    right: Floats
    count: npt.NDArray[np.int_]
    error: float


def rightness(judged: Sequence[Judged]) -> tuple[Floats, Flags]:
    """(P,) scores of all people who were found in images with labelled people, and (P,) whether each is right."""
    scores, right = [], []
    for one in judged:
        if len(one.truth):
            scores.append(one.found.person_scores.astype(np.float64))
            right.append(_right(one.alike, one.found.person_scores))
    return np.concatenate([*scores, np.zeros(0)]), np.concatenate([*right, np.zeros(0, bool)])


def _right(alike: npt.NDArray[np.float32], scores: npt.NDArray[np.float32]) -> Flags:
    """(F,) of one image from its OKS (F, T): the best score first takes the labelled person most like it of those left."""
    right, left = np.zeros(len(alike), bool), alike.copy()
    for i in np.argsort(-scores, kind="stable"):
        best = int(left[i].argmax())
        if left[i, best] >= RIGHT:
            right[i], left[:, best] = True, -1
    return right


def fit_worth(scores: Floats, right: Flags) -> tuple[tuple[float, float], ...]:
    """Pairs of score and probability for `ModelSpec.worth`, rising; none where nobody was found."""
    if not len(scores):
        return ()
    order = np.argsort(scores, kind="stable")
    fitted = isotonic_regression(right[order].astype(np.float64)).x
    at = np.unique(np.quantile(scores, np.linspace(0, 1, KNOTS)))
    width = max(len(scores) // KNOTS, 1)  # of the window whose mean a knot has, so that the steps become lines
    near = np.clip(np.searchsorted(scores[order], at)[:, None] + np.arange(-width // 2, width // 2), 0, len(scores) - 1)
    return tuple(
        (round(float(score), 4), round(float(p), 4)) for score, p in zip(at, fitted[near].mean(1), strict=True)
    )


def reliability(scores: Floats, right: Flags) -> Reliability:
    """How often people of a score are right; scores are probabilities, 0 to 1 (others are cut to that)."""
    cut = np.clip(scores, 0, 1)
    which = np.minimum((cut * BINS).astype(int), BINS - 1)
    count = np.bincount(which, minlength=BINS)
    with np.errstate(invalid="ignore"):
        mean, share = (np.bincount(which, values, BINS) / count for values in (cut, right))
    error = float(np.nansum(np.abs(mean - share) * count) / max(count.sum(), 1))
    return Reliability(mean, share, count, error)


def draw_reliability(result: Reliability, title: str) -> Picture:
    """The reliability diagram, RGB: share that is right over score, a dot a range, as large as its people are many."""
    import cv2

    picture = np.full((SIDE + 2 * MARGIN, SIDE + 2 * MARGIN, 3), 255, np.uint8)
    grey, font = (120, 120, 120), cv2.FONT_HERSHEY_SIMPLEX

    def at(x: float, y: float) -> tuple[int, int]:
        return round(MARGIN + x * SIDE), round(MARGIN + (1 - y) * SIDE)

    cv2.rectangle(picture, at(0, 1), at(1, 0), grey, 1, cv2.LINE_AA)
    cv2.line(picture, at(0, 0), at(1, 1), (200, 200, 200), 1, cv2.LINE_AA)
    for tick in (0.0, 0.5, 1.0):
        cv2.putText(picture, f"{tick:g}", (at(tick, 0)[0] - 8, at(0, 0)[1] + 20), font, 0.42, grey, 1, cv2.LINE_AA)
        cv2.putText(picture, f"{tick:g}", (12, at(0, tick)[1] + 5), font, 0.42, grey, 1, cv2.LINE_AA)
    for score, right, count in zip(result.score, result.right, result.count, strict=True):
        if count:
            cv2.circle(picture, at(score, right), 3 + round(count**0.5 / 2), vivid(250), -1, cv2.LINE_AA)
    told = f"{title}: {result.count.sum()} people, error {result.error:.3f}"
    cv2.putText(picture, told, (MARGIN, 28), font, 0.45, (40, 40, 40), 1, cv2.LINE_AA)
    cv2.putText(picture, "score", (at(0.45, 0)[0], at(0, 0)[1] + 36), font, 0.45, grey, 1, cv2.LINE_AA)
    cv2.putText(picture, "share that is right", (MARGIN + 6, MARGIN + 16), font, 0.42, grey, 1, cv2.LINE_AA)
    return picture
