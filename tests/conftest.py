"""A small simulated data set, made once."""

import pytest

from mbias.terms import Split


@pytest.fixture(scope="session")
def directory(tmp_path_factory):
    from mbias.llp.simulate import simulate

    out = tmp_path_factory.mktemp("data") / "llp"
    simulate(out, sizes={Split.TRAIN: 40, Split.VAL: 12, Split.TEST: 20}, packed=True)
    return out


@pytest.fixture(scope="session")
def clip_directory(tmp_path_factory):
    """A data directory of CLIP and CLAP features."""
    from mbias.llp.simulate import simulate

    out = tmp_path_factory.mktemp("data") / "clip"
    simulate(out, sizes={Split.TRAIN: 40, Split.VAL: 12, Split.TEST: 20}, packed=True, features="clip_clap")
    return out


@pytest.fixture(scope="session")
def data(directory):
    import torch

    from mbias.training.data import load_data

    return load_data(directory, Split.TEST, torch.device("cpu"))
