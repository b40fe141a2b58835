"""Training small runs, and stopping them."""

import dataclasses

import torch
from safetensors.torch import load_file

from mbias import Run
from mbias.training.config import TrainingConfig
from mbias.training.fit import fit
from mbias.training.record import inspect_run

CONFIG = TrainingConfig(epochs=4, step=2, precision="float32")


class Killed(Exception):  # noqa: N818
    """Simulates a kill."""


def train(path, data, config=CONFIG, on_epoch=lambda commit: None):
    """Train a run, or resume it."""
    fit(inspect_run(path, config, "float32", data.fingerprint, data.streams), data, on_epoch)


def kill_after(epoch):
    """A callback that stops the run once ``epoch`` is committed."""

    def on_epoch(commit):
        if commit.epoch == epoch:
            raise Killed

    return on_epoch


def assert_same_run(first, second):
    """Assert that two runs have the same commits, apart from their seconds, and the same weights."""
    for first_commit, second_commit in zip(Run(first).commits, Run(second).commits, strict=True):
        assert dataclasses.replace(first_commit, seconds=None) == dataclasses.replace(second_commit, seconds=None)
    for name in ("best", "last"):
        weights = [load_file(path / "checkpoints" / f"{name}.safetensors") for path in (first, second)]
        assert all(torch.equal(weights[0][key], weights[1][key]) for key in weights[0])
