"""Face points for LSPE, which has none: what a model finds in each head that the labels speak of, where it is sure.

    python scripts/pseudo_faces.py MODEL LSPE -o faces.npz [--sure 0.25] [--sheet sheet.png]

The head of every labelled person is turned upright and brought to HEAD pixels, a size at which the model knows faces best; it looks
at it at two sizes and at the mirror image. A point is taken where the mean map is at least `--sure` high near the labelled head;
all others stay UNKNOWN, so that the loss leaves them out. The file is for `data.faces`.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from limbwise.data.lsp import VALIDATION, LspDataset
from limbwise.draw.sheet import sheet
from limbwise.estimate.estimator import Estimator
from limbwise.files import whole_file
from limbwise.geometry import Matrix, apply, compose, invert, pad, resize, rotate
from limbwise.media.frame import Image
from limbwise.media.image import write_image
from limbwise.sample import SEEN, UNKNOWN

COLOURS = ((255, 255, 255), (0, 255, 0), (255, 0, 0), (0, 255, 255), (255, 0, 255))
FACE = ("nose", "left_eye", "right_eye", "left_ear", "right_ear")
SIDE, HEAD = 192, 44.0  # pixels of the square about a head, and of the head from its top to the neck
SIZES = (192, 144)
SMALLEST = 8.0  # pixels: no face can be told in smaller heads
NEAR = 0.75  # of a head's length: how far from the middle of the head, to either side, a point of the face may be
APART = 6.0  # pixels: left and right points nearer than this are one point of which the model does not know the side

Floats = npt.NDArray[np.float32]


def upright(top: Floats, neck: Floats) -> Matrix:
    """The frame from a picture to the square: the head in its middle, HEAD pixels long, its top upwards."""
    x, y = (top - neck).tolist()
    lean = float(np.degrees(np.arctan2(x, -y)))  # clockwise
    zoom = HEAD / float(np.hypot(x, y))
    left, up = ((top + neck) / 2).tolist()
    return compose(pad(-left, -up), resize(zoom, zoom), rotate(-lean, (0.0, 0.0)), pad(SIDE / 2, SIDE / 2))


def strength(looks: Sequence[Estimator], square: Image) -> Floats:
    """(5, SIDE, SIDE) mean of the face's heatmaps over all looks."""
    total = np.zeros((len(FACE), SIDE, SIDE), np.float32)
    for look in looks:
        maps = look.look(look.prepare(square), square.shape)
        for k, name in enumerate(FACE):
            heat = maps.heads["heatmaps"][look.spec.skeleton.index(name)]
            total[k] += cv2.warpAffine(heat, maps.to_picture("heatmaps"), (SIDE, SIDE), flags=cv2.INTER_CUBIC)
    return np.asarray(total / len(looks), np.float32)


def face(heat: Floats, sure: float) -> Floats:
    """(5, 3) x, y in the square and visibility."""
    reach = round(NEAR * HEAD)
    low = SIDE // 2 - reach
    window = heat[:, low : low + 2 * reach, low : low + 2 * reach]
    flat = window.reshape(len(FACE), -1)
    y, x = np.unravel_index(flat.argmax(1), window.shape[1:])
    points = np.stack([x + low, y + low, np.full(len(FACE), UNKNOWN)], axis=1).astype(np.float32)
    points[flat.max(1) >= sure, 2] = SEEN
    for left, right in ((1, 2), (3, 4)):
        if np.hypot(*(points[left, :2] - points[right, :2])) < APART:
            points[[left, right], 2] = UNKNOWN
    return points


def squares(data: LspDataset) -> Iterator[tuple[int, Matrix, Image]]:
    """Each training image whose head is labelled, in sight and large enough: its number, the frame to the square and the square."""
    top, neck = data.skeleton.index("head_top"), data.skeleton.index("neck")
    for i in range(len(data) - VALIDATION):
        labels = data.labels(i)
        head = labels.xy[0, [top, neck]]
        if (labels.visibility[0, [top, neck]] == SEEN).all() and np.hypot(*(head[0] - head[1])) >= SMALLEST:
            frame = upright(head[0], head[1])
            picture = data.images.load(labels.name)
            square = cv2.warpAffine(picture, frame, (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE)
            yield i, frame, np.asarray(square, np.uint8)


def drawn(square: Image, points: Floats) -> Image:
    """The head with its points, to look at: nose white, the person's left green and cyan, right red and magenta."""
    picture = square.copy()
    for (x, y, v), colour in zip(points.tolist(), COLOURS, strict=True):
        if v == SEEN:
            cv2.circle(picture, (round(x), round(y)), 2, colour, -1)
    return picture[32:160, 32:160]


def main() -> None:
    """Look at every head, write the file, say which share of the images has each point."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("model")
    parser.add_argument("lspe", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--sure", type=float, default=0.25)
    parser.add_argument("--sheet", type=Path)
    args = parser.parse_args()
    data = LspDataset(args.lspe)
    looks = [Estimator(args.model, size=size, flip=True, threads=1) for size in SIZES]
    points = np.zeros((len(data), len(FACE), 3), np.float32)
    points[..., 2] = UNKNOWN
    shown: list[Image] = []
    for i, frame, square in squares(data):
        found = face(strength(looks, square), args.sure)
        points[i, :, :2], points[i, :, 2] = apply(invert(frame), found[:, :2]), found[:, 2]
        if len(shown) < 96:
            shown.append(drawn(square, found))
    with whole_file(args.out) as part, part.open("wb") as file:
        np.savez_compressed(file, names=np.array(FACE), keypoints=points)
    if args.sheet:
        write_image(args.sheet, sheet(shown, 12, height=128, gap=2))
    print(", ".join(f"{name} {share:.2f}" for name, share in zip(FACE, (points[..., 2] == SEEN).mean(0), strict=True)))


if __name__ == "__main__":
    main()
