"""A trained and probed run."""

import pytest

from mbias.probing.han import probe
from mbias.records.run import Run
from mbias.terms import PRESETS
from mbias.training.config import TrainingConfig


@pytest.fixture(scope="session")
def config():
    return TrainingConfig(smoothing=PRESETS["ls_v"], epochs=2, precision="float32")


@pytest.fixture(scope="session")
def run(data, config, tmp_path_factory):
    import torch

    from tests.training.runs import train

    path = tmp_path_factory.mktemp("probe") / "run"
    train(path, data, config)
    probe(Run(path), data, torch.float32, draws=2)
    return Run(path)
