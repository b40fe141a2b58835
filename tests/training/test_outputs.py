"""The network's outputs on a split."""

import numpy as np
import pytest
import torch

from mbias.han.network import HAN
from mbias.terms import Split, Variant
from mbias.training import outputs as module
from mbias.training.outputs import outputs, scores


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return HAN(Variant.ACROSS_VCROSS)


def test_batches_make_no_difference(model, data, monkeypatch):
    videos = data.videos[Split.TEST]
    together = outputs(model, videos, torch.float32)
    monkeypatch.setattr(module, "BATCH", 7)
    in_batches = outputs(model, videos, torch.float32)
    assert together["p"].shape == together["wav"].shape == together["wtp"].shape == (20, 10, 2, 25)
    assert together["p_joint"].shape == (20, 25)
    for name, array in together.items():
        np.testing.assert_allclose(in_batches[name], array, atol=1e-6)


def test_outputs_are_those_without_dropout(model, data):
    model.train()
    first, second = (outputs(model, data.videos[Split.TEST], torch.float32) for _ in range(2))
    np.testing.assert_array_equal(first["p"], second["p"])


def test_perfect_outputs_have_the_highest_scores(data):
    truth = data.truth(Split.TEST)
    perfect = scores({"p": truth.astype(np.float32), "p_joint": truth.any(axis=(1, 2)).astype(np.float32)}, truth)
    assert set(perfect["segment"].values()) == set(perfect["event"].values()) == {1.0}
