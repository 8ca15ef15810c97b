from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from toy_training import RECIPE, SPEC, Toy, ToyMaker, score

from limbwise.errors import InputError, LimbwiseError, UsageError
from limbwise.train import checkpoint
from limbwise.train.log import read_log
from limbwise.train.processes import World
from limbwise.train.recipe import Recipe, changed, read_recipe
from limbwise.train.run import begin, train_network

SCRIPT = Path(__file__).with_name("toy_training.py")


def train(out: Path, *sets: str, resume: bool = False, make: ToyMaker | None = None) -> dict[str, torch.Tensor]:
    path = train_network(Toy, SPEC, changed(RECIPE, sets=sets), make or ToyMaker(), score, out, resume)
    return torch.load(path, weights_only=True)


def start(out: Path, *words: str) -> subprocess.Popen[bytes]:
    """The toy training in a process, and a group, of its own."""
    command = [sys.executable, str(SCRIPT), str(out), *words]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, start_new_session=True)


def assert_equal(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> None:
    assert a.keys() == b.keys()
    for name, value in a.items():
        assert torch.equal(value, b[name]), name


def test_a_run_learns_and_leaves_everything_beside_its_weights(tmp_path: Path) -> None:
    sets = ["steps=60", "schedule.warmup=5", "optimiser.rate=0.02", "saving.log_every=1"]
    train(tmp_path, *sets)
    lines = read_log(tmp_path / "log.jsonl")
    losses = [line["loss"] for line in lines if line["kind"] == "step"]
    assert len(losses) == 60
    assert sum(losses[-10:]) < 0.7 * sum(losses[:10])
    assert [line["kind"] for line in lines][-2:] == ["validation", "end"]
    assert read_recipe(tmp_path / "recipe.json") == changed(RECIPE, sets=sets)
    assert set(json.loads((tmp_path / "recipe.json").read_text())["facts"]) == {"commit", "limbwise", "torch"}
    assert {path.name for path in (tmp_path / "checkpoints").iterdir()} == {"best.pt", "step-00000060.pt"}
    assert (tmp_path / "spec.json").is_file()


def test_the_same_recipe_gives_the_same_weights_and_another_seed_others(tmp_path: Path) -> None:
    first = train(tmp_path / "a", "steps=6")
    assert_equal(first, train(tmp_path / "b", "steps=6"))
    other = train(tmp_path / "c", "steps=6", "seed=1")
    assert any(not torch.equal(first[name], other[name]) for name in first)


def test_a_run_cut_in_three_ends_as_an_unbroken_one(tmp_path: Path) -> None:
    whole = train(tmp_path / "whole")
    for _ in range(30):
        train(tmp_path / "cut", "saving.stop_minutes=1e-9", resume=True)  # one step a time
    assert_equal(whole, train(tmp_path / "cut", resume=True))
    steps = [line["step"] for line in read_log(tmp_path / "cut" / "log.jsonl") if line["kind"] == "step"]
    assert steps == sorted(set(steps))


def test_killed_at_random_moments_and_resumed_to_the_bit(tmp_path: Path) -> None:
    """SIGKILL at three random moments; the checkpoints are written as fast as the disk takes them."""
    options = ["steps=300", "saving.minutes=0.0003"]
    whole = train(tmp_path / "whole", "steps=300")
    generator = random.Random(time.time_ns())
    log = tmp_path / "killed" / "log.jsonl"
    for _ in range(3):
        process = start(tmp_path / "killed", "resume", *options)
        begun = log.stat().st_mtime_ns if log.is_file() else 0
        while process.poll() is None and (not log.is_file() or log.stat().st_mtime_ns == begun):
            time.sleep(0.01)
        time.sleep(generator.uniform(0, 0.3))
        process.send_signal(signal.SIGKILL)
        process.communicate()
    process = start(tmp_path / "killed", "resume", *options)
    _, complaints = process.communicate(timeout=120)
    assert process.returncode == 0, complaints.decode()
    assert_equal(whole, torch.load(tmp_path / "killed" / "weights.pt", weights_only=True))


def test_asked_to_stop_it_saves_first(tmp_path: Path) -> None:
    """Ctrl-C, which reaches its workers too, and which torchrun passes on once more, ends a run cleanly with all steps kept."""
    process = start(tmp_path, "steps=100000", "machine.workers=1")
    log = tmp_path / "log.jsonl"
    while process.poll() is None and '"step": 8' not in (log.read_text() if log.is_file() else ""):
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    process.send_signal(signal.SIGTERM)
    _, complaints = process.communicate(timeout=60)
    assert process.returncode == 0, complaints.decode()
    end = read_log(log)[-1]
    assert end["kind"] == "end"
    state = checkpoint.newest(tmp_path / "checkpoints")
    assert state is not None
    assert state["step"] == end["step"] >= 8


PLAIN = """import sys; sys.path.insert(0, sys.argv.pop(1)); import toy_training
from torch import nn
nn.Dropout.forward = lambda self, x: x
"""
MAIN = "if __name__ == '__main__': toy_training.main()\n"
KEEPING = """import os, torch, limbwise.train.run as module
steps = module.train_steps
def kept(run, *rest):
    steps(run, *rest)
    torch.save(run.net.state_dict(), sys.argv[1] + os.environ["RANK"])
module.train_steps = kept
"""


def launch(script: Path, out: Path, words: list[str], **environment: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, str(script), str(SCRIPT.parent), str(out), *words]
    return subprocess.Popen(command, env={**os.environ, "OMP_NUM_THREADS": "1", **environment}, stderr=subprocess.PIPE)


def launch_two(script: Path, out: Path, words: list[str]) -> list[subprocess.Popen[bytes]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    shared = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": "2"}
    return [launch(script, out, words, **shared, RANK=str(i), LOCAL_RANK=str(i)) for i in range(2)]


def finish(running: list[subprocess.Popen[bytes]]) -> None:
    for process in running:
        _, complaints = process.communicate(timeout=120)
        assert process.returncode == 0, complaints.decode()


def test_two_processes_learn_what_one_does(tmp_path: Path) -> None:
    """Two gloo processes with half of each batch; without dropout, whose draws are each process's own."""
    words = ["steps=12", "loss.hard=0.5", "optimiser.rate=0.01", "schedule.warmup=2"]
    script = tmp_path / "plain.py"
    script.write_text(PLAIN + MAIN)
    finish([launch(script, tmp_path / "one", words), *launch_two(script, tmp_path / "two", words)])
    one, two = (torch.load(tmp_path / name / "weights.pt", weights_only=True) for name in ("one", "two"))
    for name, value in one.items():
        torch.testing.assert_close(two[name], value, rtol=1e-4, atol=1e-4)
    log = [
        [line["loss"] for line in read_log(tmp_path / name / "log.jsonl") if line["kind"] == "step"]
        for name in ("one", "two")
    ]
    assert len(log[0]) == len(log[1]) == 3


def test_processes_that_learn_alone_meet_in_the_mean(tmp_path: Path) -> None:
    """Local steps: 10 steps that meet after 4, 8 and 10 leave both processes with the same weights."""
    script = tmp_path / "keeping.py"
    script.write_text(PLAIN + KEEPING + MAIN)
    words = ["steps=10", "optimiser.rate=0.01", "schedule.warmup=2"]
    finish(launch_two(script, tmp_path / "two", [*words, "local_steps=4"]))
    first, second = (torch.load(tmp_path / f"two{rank}", weights_only=True) for rank in range(2))
    for name, value in first.items():
        torch.testing.assert_close(second[name], value, rtol=0, atol=0)
    state = checkpoint.newest(tmp_path / "two" / "checkpoints")
    assert state is not None
    assert state["step"] == 10


def test_a_batch_that_processes_cannot_share() -> None:
    from limbwise.train.processes import World
    from limbwise.train.run import begin

    with pytest.raises(UsageError, match="a batch of 4 cannot be shared by 3 processes"):
        begin(Toy, SPEC, RECIPE, World(0, 3, torch.device("cpu")))


def test_a_loss_that_is_not_finite_stops_with_a_report(tmp_path: Path) -> None:
    with pytest.raises(
        LimbwiseError, match=r"loss is nan at step 2, .*8\.jpg, 9\.jpg.*losses before it: \d.*optimiser\.rate"
    ) as caught:
        train(tmp_path, make=ToyMaker(poisoned=9))
    assert "\n" not in str(caught.value)


def test_damaged_samples_are_counted(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"5\.jpg: cut short"):
        train(tmp_path / "stop", make=ToyMaker(damaged=(5,)))
    train(tmp_path / "skip", "on_bad_sample=skip", make=ToyMaker(damaged=(5, 7)))
    lines = read_log(tmp_path / "skip" / "log.jsonl")
    assert [line["message"] for line in lines if line["kind"] == "skipped"] == ["5.jpg: cut short", "7.jpg: cut short"]
    assert lines[-1]["skipped"] == 2


def test_a_resumed_run_tells_what_was_changed(tmp_path: Path) -> None:
    train(tmp_path, "steps=4")
    train(tmp_path, "steps=6", "optimiser.rate=0.001", "saving.keep=1", resume=True)
    changes = [line for line in read_log(tmp_path / "log.jsonl") if line["kind"] == "changed"]
    assert [(line["step"], line["fields"]) for line in changes] == [(4, ["optimiser.rate", "steps"])]


def test_a_run_is_not_begun_over_another(tmp_path: Path) -> None:
    train(tmp_path, "steps=2")
    with pytest.raises(UsageError, match="--resume"):
        train(tmp_path, "steps=2")


def test_newest_few_checkpoints_stay_and_a_damaged_one_is_passed_over(tmp_path: Path) -> None:
    train(tmp_path, "saving.minutes=1e-9", "saving.keep=2", "steps=5")
    folder = tmp_path / "checkpoints"
    assert sorted(path.name for path in folder.glob("step*")) == ["step-00000004.pt", "step-00000005.pt"]
    newest = folder / "step-00000005.pt"
    newest.write_bytes(newest.read_bytes()[:1000])
    state = checkpoint.newest(folder)
    assert state is not None
    assert state["step"] == 4
    with pytest.raises(InputError, match=r"step-00000005\.pt: not a checkpoint"):
        checkpoint.read(newest)


def test_a_checkpoint_of_another_network_is_refused(tmp_path: Path) -> None:
    train(tmp_path / "a", "steps=1")
    path = tmp_path / "a" / "checkpoints" / "step-00000001.pt"
    state = checkpoint.read(path)
    with pytest.raises(InputError, match=r"early\.weight: the network has \(5, 6, 1, 1\), the file has \(9, 6, 1, 1\)"):
        checkpoint.load_weights(Toy(), {**state["net"], "early.weight": torch.zeros(9, 6, 1, 1)}, path)


def test_a_run_may_start_from_the_weights_of_another(tmp_path: Path) -> None:
    train(tmp_path / "a", "steps=3")
    start = tmp_path / "a" / "checkpoints" / "step-00000003.pt"
    recipe: Recipe = changed(RECIPE, sets=[f"start={start}", "steps=1", "optimiser.rate=1e-12", "optimiser.decay=0"])
    weights = torch.load(train_network(Toy, SPEC, recipe, ToyMaker(), None, tmp_path / "b"), weights_only=True)
    expected = checkpoint.read(start)["ema"]
    torch.testing.assert_close(weights["late.weight"], expected["late.weight"], rtol=0, atol=1e-6)


def test_half_precision_and_contiguous_tensors_train_too(tmp_path: Path) -> None:
    weights = train(tmp_path, "machine.bf16=true", "machine.channels_last=false", "steps=3")
    assert all(value.isfinite().all() for value in weights.values())


def test_a_resumed_run_learns_as_it_is_told_now(tmp_path: Path) -> None:
    train(tmp_path, "steps=2")
    state = checkpoint.newest(tmp_path / "checkpoints")
    assert state is not None
    recipe = changed(RECIPE, sets=["optimiser.decay=0", "optimiser.betas=[0.8, 0.9]"])
    run = begin(Toy, SPEC, recipe, World(0, 1, torch.device("cpu")))
    asked = [(group["weight_decay"], group["betas"]) for group in run.optimiser.param_groups]
    checkpoint.restore(run, state)
    assert [(group["weight_decay"], group["betas"]) for group in run.optimiser.param_groups] == asked
    assert {decay for decay, _ in asked} == {0}


@pytest.mark.parametrize("sets", [["steps=3"], ["saving.validate_minutes=1e-9", "saving.minutes=0"]])
def test_a_validation_that_fails_loses_nothing(tmp_path: Path, sets: list[str]) -> None:
    def fail(net: torch.nn.Module) -> dict[str, float]:
        raise InputError("held out: cut short")

    with pytest.raises(InputError, match="held out"):
        train_network(Toy, SPEC, changed(RECIPE, sets=sets), ToyMaker(), fail, tmp_path)
    state = checkpoint.newest(tmp_path / "checkpoints")
    assert state is not None
    assert state["step"] == (3 if "steps=3" in sets else 1)


def test_the_last_checkpoint_knows_the_best_score(tmp_path: Path) -> None:
    train(tmp_path, "steps=2")
    state, best = checkpoint.newest(tmp_path / "checkpoints"), checkpoint.read(tmp_path / "checkpoints" / "best.pt")
    assert state is not None
    assert state["best"] == best["best"]
    assert state["best"] == pytest.approx(read_log(tmp_path / "log.jsonl")[-2]["score"], rel=1e-5)
