"""A run of four epochs, trained once, and data of other features."""

import pytest
import torch

from mbias.terms import Split
from mbias.training.data import load_data
from tests.training.runs import train


@pytest.fixture(scope="session")
def whole(data, tmp_path_factory):
    """The folder of a complete run that was never interrupted."""
    path = tmp_path_factory.mktemp("runs") / "whole"
    train(path, data)
    return path


@pytest.fixture(scope="session")
def clip_data(clip_directory):
    return load_data(clip_directory, Split.TEST, torch.device("cpu"))
