"""The model card's pictures: the photos of a COCO set that a model finds best and worst, in coarse blocks, with what it found.

    python scripts/card_pictures.py COCO.json -o docs/pictures/default-coco.jpg [--model FILE] [--each 6] [--sharp]

COCO's photos are not ours to pass on, so they are shown as blocks of about a fortieth of their side. `--sharp` shows them as they are,
to look at and not to publish.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np

from limbwise.draw.people import draw_people
from limbwise.draw.sheet import sheet
from limbwise.draw.text import Image
from limbwise.estimate.estimator import Estimator
from limbwise.evaluate.coco import Judged, evaluate_coco
from limbwise.media.image import read_image, write_image

BLOCKS = 40  # along the longer side


def in_blocks(image: Image) -> Image:
    """The picture with its details gone."""
    height, width = image.shape[:2]
    share = BLOCKS / max(height, width)
    few = cv2.resize(image, (max(1, round(width * share)), max(1, round(height * share))), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(few, (width, height), interpolation=cv2.INTER_NEAREST), np.uint8)


def shown(one: Judged, sharp: bool) -> Image:
    """A photo with its people, faint so that they stand out."""
    image = read_image(one.path)
    ground = image if sharp else np.asarray(in_blocks(image) * 0.7 + 255 * 0.3, np.uint8)
    return draw_people(ground, one.found)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("labels", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--model", default="default")
    parser.add_argument("--each", type=int, default=6, help="good ones and bad ones")
    parser.add_argument("--sharp", action="store_true")
    given = parser.parse_args()
    estimator = Estimator(given.model)
    result = evaluate_coco(estimator, estimator.spec.skeleton, given.labels, given.labels.parent / "images")
    ranked = [one for one in result.judged if len(one.truth)]
    chosen = ranked[::-1][: given.each] + ranked[: given.each]
    captions = [
        f"OKS {one.similarity:.2f} · {len(one.found)} found · {len(one.truth)} labelled · {one.path.stem.lstrip('0')}"
        for one in chosen
    ]
    write_image(given.out, sheet([shown(one, given.sharp) for one in chosen], min(given.each, 6), captions, 220), 80)


if __name__ == "__main__":
    main()
