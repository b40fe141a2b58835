"""The network and its losses agree with the values of the original code."""

import zlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from mbias.han.losses import cross_entropies, probabilities, targets
from mbias.han.weights import load_original, to_original
from mbias.terms import PRESETS, Variant

GOLDEN = Path(__file__).resolve().parents[2].parent / "shared" / "golden"
pytestmark = pytest.mark.skipif(not GOLDEN.is_dir(), reason="the values of the original network are not available")

KEYS = {variant: f"a{int(variant.audio_cross)}v{int(variant.visual_cross)}_" for variant in Variant}


@pytest.fixture(scope="module")
def reference():
    return np.load(GOLDEN / "han_reference.npz", allow_pickle=False)


@pytest.fixture(scope="module")
def original_weights():
    return {
        row.name: drawn_weight(row.name, row.shape)
        for row in pd.read_csv(GOLDEN / "parameters.csv").itertuples(index=False)
    }


def drawn_weight(name, size):
    shape = tuple(int(n) for n in str(size).split("x"))
    z = np.random.default_rng(zlib.crc32(f"shared-1/{name}".encode())).standard_normal(shape)
    if name.endswith(("norm1.weight", "norm2.weight")):
        z = 1 + 0.1 * z
    elif len(shape) == 2:
        z = z / np.sqrt(shape[-1])
    else:
        z = 0.05 * z
    return torch.from_numpy(z.astype(np.float32))


def drawn_batch(seed, n):
    r = np.random.default_rng(seed)
    features = [
        torch.from_numpy(r.standard_normal((n, *shape)).astype(np.float32))
        for shape in ((10, 128), (80, 2048), (10, 512))
    ]
    return features, torch.from_numpy((r.random((n, 25)) < 0.08).astype(np.float32))


@pytest.mark.parametrize("variant", Variant)
def test_outputs_agree(variant, reference, original_weights):
    model = load_original(original_weights, variant).eval()
    features, _ = drawn_batch(4001, 6)
    with torch.no_grad():
        output = model(*features)
    names = {"wsl": "wsl", "audio": "pa", "visual": "pv", "p": "P", "wav": "wav", "wtp": "wtp"}
    for field, key in names.items():
        np.testing.assert_allclose(getattr(output, field), reference[KEYS[variant] + key], atol=1e-5, rtol=0)


@pytest.mark.parametrize("variant", Variant)
def test_training_losses_agree(variant, reference, original_weights):
    model = load_original(
        original_weights, variant
    ).eval()  # evaluation mode: the reference was computed without dropout
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-4)
    for step, expected in enumerate(reference[KEYS[variant] + "losses"]):
        features, labels = drawn_batch(4101 + step, 16)
        losses = cross_entropies(probabilities(model(*features)), targets(labels, PRESETS["ls_v"]))
        np.testing.assert_allclose(losses.detach(), expected, rtol=1e-4)
        optimizer.zero_grad()
        losses.sum().backward()
        optimizer.step()


def test_a_checkpoint_is_unchanged_when_written_again(original_weights):
    written = to_original(load_original(original_weights, "across_vcross"))
    assert set(written) == set(original_weights)
    for name, weight in original_weights.items():
        assert torch.equal(written[name], weight), name
