from __future__ import annotations

import pytest
import torch
from toy_training import Toy

from limbwise.errors import UsageError
from limbwise.train.ema import Ema
from limbwise.train.optimiser import Group, OptimiserOptions, ScheduleOptions, make_optimiser, rate_factor, set_rates

# DeeperCut's schedule for COCO (pose-tensorflow, pose_cfg of the COCO model), as factors of 0.02.
DEEPERCUT = ScheduleOptions("steps", 0, until=((10_000, 0.25), (450_000, 1), (750_000, 0.1), (1_050_000, 0.025)))
CHAINER = ScheduleOptions("steps", 0, until=((100_000, 1), (200_000, 0.1), (300_000, 0.01)))
STABLE = ScheduleOptions("stable", 10, 0.2, 0.0)
CYCLE = ScheduleOptions("one_cycle", 10, floor=0.0)


@pytest.mark.parametrize(
    ("options", "step", "steps", "factor"),
    [
        (DEEPERCUT, 0, 1_050_000, 0.25),
        (DEEPERCUT, 9_999, 1_050_000, 0.25),
        (DEEPERCUT, 10_000, 1_050_000, 1),
        (DEEPERCUT, 1_049_999, 1_050_000, 0.025),
        (CHAINER, 100_000, 300_000, 0.1),
        (CHAINER, 299_999, 300_000, 0.01),
        (STABLE, 0, 100, 0.1),
        (STABLE, 9, 100, 1),
        (STABLE, 80, 100, 1),
        (STABLE, 90, 100, 0.5),
        (STABLE, 100, 100, 0),
        (CYCLE, 9, 100, 1),
        (CYCLE, 55, 100, 0.5),
        (CYCLE, 100, 100, 0),
    ],
)
def test_rates(options: ScheduleOptions, step: int, steps: int, factor: float) -> None:
    assert rate_factor(options, step, steps) == pytest.approx(factor, abs=1e-9)


def test_a_stable_rate_does_not_know_how_long_the_run_is() -> None:
    """So a run can be lengthened without having been another."""
    assert all(rate_factor(STABLE, step, 1000) == rate_factor(STABLE, step, 5000) for step in range(800))


def _one_step(options: OptimiserOptions, step: int) -> dict[str, bool]:
    """Which parameters moved."""
    torch.manual_seed(0)
    net = Toy()
    optimiser = make_optimiser(net, options)
    before = {name: p.detach().clone() for name, p in net.named_parameters()}
    stages = net(torch.randn(2, 3, 32, 32))
    sum(maps.square().sum() for stage in stages for maps in stage.values()).backward()
    set_rates(optimiser, options.rate, step)
    optimiser.step()
    return {name: bool((p != before[name]).any()) for name, p in net.named_parameters()}


@pytest.mark.parametrize("kind", ["adamw", "adam", "sgd"])
def test_frozen_until_a_step(kind: str) -> None:
    """Chainer OpenPose keeps its first layers until iteration 2000."""
    options = OptimiserOptions(kind, groups=(Group("^body", frozen_until=2000),))
    moved = _one_step(options, 1999)
    assert moved == {name: not name.startswith("body") for name in moved}
    assert all(_one_step(options, 2000).values())


def test_groups_have_rates_of_their_own_and_norms_do_not_decay() -> None:
    options = OptimiserOptions("sgd", 0.1, 0.5, groups=(Group("^body", 0.25),))
    net = Toy()
    optimiser = make_optimiser(net, options)
    set_rates(optimiser, 0.1, 0)
    named = {id(p): name for name, p in net.named_parameters()}
    for group in optimiser.param_groups:
        for parameter in group["params"]:
            name = named[id(parameter)]
            assert group["lr"] == pytest.approx(0.025 if name.startswith("body") else 0.1)
            assert group["weight_decay"] == (0.5 if parameter.ndim > 1 else 0)
    assert sum(len(group["params"]) for group in optimiser.param_groups) == len(named)


def test_a_pattern_that_finds_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match="backbone"):
        make_optimiser(Toy(), OptimiserOptions(groups=(Group("^backbone", frozen_until=10),)))
    with pytest.raises(ValueError, match="no regular expression"):
        OptimiserOptions(groups=(Group("("),))


def test_mean_of_weights_by_hand() -> None:
    net = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.zeros_(net.weight)
    ema = Ema(net, 0.5)
    for value, expected in ((1.0, 0.5), (2.0, 1.25), (2.0, 1.625)):
        torch.nn.init.constant_(net.weight, value)
        ema.update(net, 1000)
        assert ema.net.weight.item() == pytest.approx(expected)


def test_mean_follows_fast_at_first_and_counts_with_the_norms() -> None:
    net = Toy()
    ema = Ema(net, 0.999)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(1)
    net(torch.randn(2, 3, 32, 32))
    ema.update(net, 0)
    state, mean = net.state_dict(), ema.net.state_dict()
    assert mean["early.bias"].allclose(state["early.bias"] - 0.1)
    assert mean["body.0.1.num_batches_tracked"] == 1
    assert not mean["body.0.1.running_mean"].eq(0).any()
