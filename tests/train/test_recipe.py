from __future__ import annotations

from pathlib import Path

import pytest

from limbwise.cli.train import RECIPES
from limbwise.errors import InputError, LimbwiseError, UsageError
from limbwise.train.optimiser import Group
from limbwise.train.presets import PRESETS, mobile, preset
from limbwise.train.recipe import Recipe, Stage, changed, read_recipe, write_recipe


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("optimiser.rate=1e-3", lambda r: r.optimiser.rate == 1e-3),
        ("steps=7", lambda r: r.steps == 7),
        ("data.root=../shared/data", lambda r: r.data.root == "../shared/data"),
        ("data.scene.spatial.rotation=5", lambda r: r.data.scene.spatial.rotation == 5.0),
        ("machine.bf16=true", lambda r: r.machine.bf16 is True),
        ("on_bad_sample=skip", lambda r: r.on_bad_sample == "skip"),
        ("loss.heads.pafs=2", lambda r: r.loss.heads == {"heatmaps": 1.0, "pafs": 2.0}),
        ("stages=[{share=1, size=64, batch=2}]", lambda r: r.stages == (Stage(1.0, 64, 2),)),
        (
            "optimiser.groups=[{pattern='^stem', frozen_until=9}]",
            lambda r: r.optimiser.groups == (Group("^stem", 1.0, 9),),
        ),
        ("data.coco.min_area=9", lambda r: r.data.coco.min_area == 9.0),
        ("data.held_out=7", lambda r: r.data.held_out == 7),
        ("schedule.kind=one_cycle", lambda r: r.schedule.kind == "one_cycle"),
    ],
)
def test_set(text: str, found) -> None:
    assert found(changed(mobile(), sets=[text]))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("optimiser.rat=1", "optimiser.rat is unknown"),
        ("rate=1", "rate is unknown"),
        ("steps", "expected name=value"),
        ("steps=many", "steps"),
        ("steps=0", "at least 1"),
        ("stages=[{share=0.5}]", "sum to 1"),
        ("optimiser.kind=lion", "optimiser.kind"),
        ("data.root.deep=1", "data.root"),
        ("schedule.cooldown=2", "cooldown"),
        ("stages=[{share=1, sise=8}]", "sise"),
    ],
)
def test_what_cannot_be_set_names_the_field(text: str, message: str) -> None:
    with pytest.raises(LimbwiseError, match=message) as caught:
        changed(mobile(), sets=[text])
    assert "--set" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_file_then_sets(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("steps = 5\nseed = 3\n[optimiser]\nrate = 0.1\n")
    recipe = changed(mobile(), file, ["steps=6"])
    assert (recipe.steps, recipe.seed, recipe.optimiser.rate) == (6, 3, 0.1)
    assert recipe.optimiser.decay == mobile().optimiser.decay
    file.write_text("[optimiser]\nrat = 0.1\n")
    with pytest.raises(UsageError, match=r"mine\.toml: optimiser\.rat is unknown"):
        changed(mobile(), file)


@pytest.mark.parametrize("name", PRESETS)
def test_recipes_survive_their_file(tmp_path: Path, name: str) -> None:
    recipe = changed(preset(name), sets=["data.root=x", "optimiser.groups=[{pattern='a'}]"])
    write_recipe(recipe, tmp_path / "recipe.json", commit="abc")
    assert '"commit": "abc"' in (tmp_path / "recipe.json").read_text()
    assert read_recipe(tmp_path / "recipe.json") == recipe


def test_a_broken_file(tmp_path: Path) -> None:
    (tmp_path / "recipe.json").write_text("{")
    with pytest.raises(InputError, match=r"recipe\.json"):
        read_recipe(tmp_path / "recipe.json")


def test_stage_of_a_step() -> None:
    recipe = Recipe("x", 10, (Stage(0.5, 64), Stage(0.3, 96), Stage(0.2, 128)))
    assert [recipe.stage(step).size for step in range(11)] == [64] * 5 + [96] * 3 + [128] * 3


def test_unknown_recipe_lists_the_known() -> None:
    with pytest.raises(UsageError, match="mobile"):
        preset("resnet")


def test_the_command_line_has_a_verb_for_each_recipe() -> None:
    assert set(RECIPES) == set(PRESETS)


def test_the_recipe_that_a_run_wrote_may_be_asked_for_again(tmp_path: Path) -> None:
    recipe: Recipe = changed(mobile(), sets=["steps=7", "data.root=x"])
    write_recipe(recipe, tmp_path / "recipe.json", commit="abc", torch="2")
    assert changed(mobile(), tmp_path / "recipe.json") == recipe
