"""Change a sample's colours and sharpness: light, contrast, hue, grey, gamma, blur, noise, JPEG artefacts. Nothing moves."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from limbwise.sample import Sample

Image = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]

LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601, as in JPEG


@dataclass(frozen=True)
class ColourOptions:
    """Ranges are drawn evenly about no change; names with `_chance` are probabilities.

    `brightness` in grey levels; `contrast`, `saturation`, `channel` (each colour for itself) as factors 1 +- x; `hue` in degrees;
    `gamma` as a factor up to 1 + x or down to its inverse; `blur` as the greatest sigma in pixels; `noise` as the greatest
    standard deviation in grey levels; `jpeg` as (worst, best) quality. (Chainer OpenPose: hue 20 degrees, saturation and value
    about +- 0.15, half of the time; PyTorch OpenPose: 0.1 each, a third grey.)
    """

    brightness: float = 40.0
    contrast: float = 0.3
    saturation: float = 0.5
    channel: float = 0.1
    hue: float = 20.0
    gamma: float = 0.4
    tone_chance: float = 0.8
    grey_chance: float = 0.1
    blur: float = 1.5
    blur_chance: float = 0.15
    noise: float = 12.0
    noise_chance: float = 0.3
    jpeg: tuple[int, int] = (25, 90)
    jpeg_chance: float = 0.3


def recolour(sample: Sample, options: ColourOptions, rng: np.random.Generator) -> Sample:
    """The sample with its image changed at random: tone, then blur, noise and JPEG, the order in which cameras do it."""
    image = sample.image
    if rng.random() < options.tone_chance:
        image = tone(image, draw_tone(options, rng), float(np.exp(rng.uniform(-1, 1) * np.log1p(options.gamma))))
    if rng.random() < options.grey_chance:
        image = tone(image, saturate(0.0))
    if rng.random() < options.blur_chance:
        image = blur(image, rng.uniform(0.3, max(options.blur, 0.3)))
    if rng.random() < options.noise_chance:
        image = add_noise(image, rng.uniform(0, options.noise), rng)
    if rng.random() < options.jpeg_chance:
        image = jpeg(image, int(rng.integers(options.jpeg[0], options.jpeg[1] + 1)))
    return replace(sample, image=image)


def draw_tone(options: ColourOptions, rng: np.random.Generator) -> Floats:
    """A random (3, 4) matrix that takes R, G, B, 1 to new R, G, B: saturation, hue, channels, then contrast about grey and light."""
    mix = saturate(1 + rng.uniform(-1, 1) * options.saturation) @ turn_hue(rng.uniform(-1, 1) * options.hue)
    factors = (1 + rng.uniform(-1, 1, 3) * options.channel) * (1 + rng.uniform(-1, 1) * options.contrast)
    light = 128 * (1 - factors) + rng.uniform(-1, 1) * options.brightness
    return np.concatenate([factors[:, None] * mix, light[:, None]], axis=1)


def saturate(factor: float) -> Floats:
    """(3, 3): 0 makes grey, 1 changes nothing."""
    return np.asarray(factor * np.eye(3) + (1 - factor) * np.tile(LUMA, (3, 1)))


def turn_hue(degrees: float) -> Floats:
    """(3, 3): turn colours about the grey axis (Rodrigues)."""
    angle = np.deg2rad(degrees)
    cross = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / np.sqrt(3)
    return np.asarray(np.cos(angle) * np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) / 3)


def tone(image: Image, matrix: Floats, gamma: float = 1.0) -> Image:
    """Colours through a (3, 3) or (3, 4) matrix, then a gamma curve."""
    import cv2

    image = np.asarray(cv2.transform(image, matrix), np.uint8)
    if gamma == 1:
        return image
    curve = (255 * (np.arange(256) / 255) ** gamma).round().astype(np.uint8)
    return np.asarray(cv2.LUT(image, curve), np.uint8)


def blur(image: Image, sigma: float) -> Image:
    """Gaussian blur, `sigma` in pixels."""
    import cv2

    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), np.uint8)


def add_noise(image: Image, sigma: float, rng: np.random.Generator) -> Image:
    """Noise of standard deviation `sigma` grey levels, even rather than normal: the eye sees no difference, the clock does."""
    import cv2

    noise = rng.integers(0, 256, image.shape, dtype=np.uint8)
    share = sigma / 73.9  # the standard deviation of an even draw from 0 to 255
    return np.asarray(cv2.addWeighted(image, 1, noise, share, -127.5 * share), np.uint8)


def jpeg(image: Image, quality: int) -> Image:
    """Compressed as JPEG and back."""
    import cv2

    # encoded and decoded in the same channel order wrongly named: the artefacts differ little, and two turns are saved
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
