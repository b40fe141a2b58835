"""A run of four epochs, trained once."""

import pytest

from tests.training.runs import train


@pytest.fixture(scope="session")
def whole(data, tmp_path_factory):
    """The folder of a complete run that was never interrupted."""
    path = tmp_path_factory.mktemp("runs") / "whole"
    train(path, data)
    return path
