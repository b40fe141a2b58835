"""The network satisfies the paper's equations, for random weights and features."""

from __future__ import annotations

import pytest
import torch

from mbias.han.network import HAN
from mbias.terms import Variant


@pytest.fixture
def features():
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(3, *shape, generator=generator) for shape in ((10, 128), (80, 2048), (10, 512))]


def network(variant, seed=0):
    torch.manual_seed(seed)
    return HAN(variant).eval()


@pytest.mark.parametrize("variant", Variant)
def test_attention_sums_to_one_and_pools_to_the_video(variant, features):
    output = network(variant)(*features)
    assert output.p.shape == output.wav.shape == output.wtp.shape == (3, 10, 2, 25)
    torch.testing.assert_close(output.wav.sum(dim=2), torch.ones(3, 10, 25))
    torch.testing.assert_close(output.wtp.sum(dim=1), torch.ones(3, 2, 25))
    p, wav, wtp = output.p, output.wav, output.wtp
    torch.testing.assert_close(output.wsl, torch.einsum("btmc,btmc,btmc->bc", wtp, wav, p))  # Eq. 3
    torch.testing.assert_close(output.audio, torch.einsum("btc,btc->bc", wtp[:, :, 0], p[:, :, 0]))  # Eq. 4
    torch.testing.assert_close(output.visual, torch.einsum("btc,btc->bc", wtp[:, :, 1], p[:, :, 1]))  # Eq. 5


@pytest.mark.parametrize("variant", Variant)
def test_a_branch_depends_on_the_other_modality_only_if_it_attends_to_it(variant, features):
    audio, frames, motion = features
    model = network(variant)
    output = model(*features)
    changed_audio, changed_frames = model(audio + 1, frames, motion), model(audio, frames + 1, motion)
    assert torch.equal(output.visual, changed_audio.visual) != variant.visual_cross
    assert torch.equal(output.audio, changed_frames.audio) != variant.audio_cross


def test_frames_may_be_averaged_by_segment_beforehand(features):
    audio, frames, motion = features
    model = network("across_vcross")
    pooled = frames.reshape(3, 10, 8, 2048).mean(dim=2)
    torch.testing.assert_close(model(audio, pooled, motion).wsl, model(*features).wsl, atol=1e-6, rtol=1e-5)
