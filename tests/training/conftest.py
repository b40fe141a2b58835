"""A small simulated data set, made once."""

import pytest
import torch

from mbias.llp.simulate import simulate
from mbias.terms import Split
from mbias.training.data import load_data


@pytest.fixture(scope="session")
def directory(tmp_path_factory):
    out = tmp_path_factory.mktemp("data") / "llp"
    simulate(out, sizes={Split.TRAIN: 40, Split.VAL: 12, Split.TEST: 20}, packed=True)
    return out


@pytest.fixture(scope="session")
def data(directory):
    return load_data(directory, Split.TEST, torch.device("cpu"))
