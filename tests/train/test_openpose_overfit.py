"""OpenPose's networks trained on eight real photos, from nothing: openpose_paf learns them by heart, openpose_cpm is on its way."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from test_overfit import eight_photos

from limbwise.train.log import read_log
from limbwise.train.presets import preset
from limbwise.train.recipe import changed
from limbwise.train.run import train

pytest.importorskip("pycocotools")

# The same eight pictures again and again: nothing frozen, since nothing was learnt before, and the squared error, which weighs people.
COMMON = """
steps = {steps}
stages = [{{share = 1.0, size = {size}, batch = {batch}}}]
ema = 0.95
[loss]
foreground = 10.0
heads = {{heatmaps = 1.0, pafs = 0.5}}
kinds = {{heatmaps = "squared", pafs = "squared"}}
[optimiser]
kind = "adamw"
rate = {rate}
clip = 5.0
groups = []
[schedule]
kind = "stable"
warmup = 30
cooldown = 0.3
[data]
held_out = 0
validate_side = {size}
target = {{sigma = 7.0, limb_width = 8.0}}
[data.scene]
mosaic = 0.0
paste = 0.0
spatial = {{person = [0.7, 1.2], rotation = 2.0, shift = 0.1, flip = 0.0, zoom = [0.3, 3.0]}}
colour = {{tone_chance = 0.0, grey_chance = 0.0}}
[machine]
device = "cpu"
workers = 1
bf16 = {bf16}
[saving]
minutes = 0
validate_minutes = {validate}
log_every = 1
stop_minutes = {stop}
"""

CPU = Path("/proc/cpuinfo")
# Where the CPU multiplies in bfloat16, that takes half the time; where it does not, several times as much.
BF16 = CPU.exists() and any(flag in CPU.read_text() for flag in ("avx512_bf16", "amx_bf16"))


def trained(name: str, photos: Path, folder: Path, **figures: Any) -> list[dict[str, Any]]:
    """What the log of a run on the photos says."""
    eight_photos(photos, folder / "photos")
    (folder / "options.toml").write_text(COMMON.format(bf16=str(BF16).lower(), **figures))
    labels = folder / "photos" / "photos.json"
    recipe = changed(preset(name), folder / "options.toml", [f"data.root={labels}", f"data.validate={labels}"])
    train(recipe, folder / "run")
    return list(read_log(folder / "run" / "log.jsonl"))


@pytest.mark.slow
def test_openpose_paf_learns_eight_real_photos_by_heart(shared: Path, tmp_path: Path) -> None:
    lines = trained("openpose_paf_184", shared, tmp_path, steps=500, size=184, batch=8, rate=1e-3, validate=0, stop=0)
    assert next(line for line in lines if line["kind"] == "validation")["ap"] >= 0.95


@pytest.mark.slow
def test_openpose_cpm_divides_its_loss_by_ten_within_an_hour(shared: Path, tmp_path: Path) -> None:
    begun = time.monotonic()
    lines = trained("openpose_cpm", shared, tmp_path, steps=700, size=128, batch=4, rate=2e-4, validate=0, stop=55)
    losses = [line["loss"] for line in lines if line["kind"] == "step"]
    assert time.monotonic() - begun < 3600
    assert sum(losses[-20:]) / 20 < sum(losses[:5]) / 5 / 10
