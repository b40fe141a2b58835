"""The network satisfies the paper's equations, for random weights and features."""

from __future__ import annotations

import pytest
import torch

from mbias.errors import BadInputError
from mbias.han.network import HAN
from mbias.llp.streams.presets import CLIP_CLAP_STREAMS, HAN_STREAMS
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


def test_the_projections_take_the_widths_of_the_streams():
    model = HAN("across_vcross", CLIP_CLAP_STREAMS)
    shapes = {name: tuple(getattr(model, name).weight.shape) for name in ("fc_a", "fc_v", "fc_st", "fc_fusion")}
    assert shapes == {"fc_a": (512, 768), "fc_v": (512, 768), "fc_st": (512, 512), "fc_fusion": (512, 1024)}
    output = model(torch.randn(2, 10, 768), torch.randn(2, 20, 768), torch.randn(2, 10, 512))
    assert output.p.shape == (2, 10, 2, 25)


def test_a_single_visual_stream_is_projected_as_the_audio_is():
    torch.manual_seed(0)
    model = HAN("aself_vself", CLIP_CLAP_STREAMS[:2]).eval()
    assert not {"fc_st.weight", "fc_fusion.weight"} & set(model.state_dict())
    audio, clip = torch.randn(2, 10, 768), torch.randn(2, 10, 768)
    f_a = audio @ model.fc_a.weight.T + model.fc_a.bias
    f_v = clip @ model.fc_v.weight.T + model.fc_v.bias
    by_hand = model.pool(model.layer(torch.stack([f_a, f_v])).permute(1, 2, 0, 3))
    torch.testing.assert_close(model(audio, clip).wsl, by_hand.wsl, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    ("stream", "shape", "words"),
    [
        (
            0,
            (3, 10, 512),
            "the stream 'audio' is 512 wide, but the network takes 128; make the network with the streams",
        ),
        (1, (3, 80, 768), "the stream 'frames' is 768 wide, but the network takes 2048"),
        (
            2,
            (3, 12, 512),
            "the stream 'motion' has the shape (3, 12, 512); give (videos, rows, 512), with 10 rows or a",
        ),
        (2, (10, 512), "the stream 'motion' has the shape (10, 512)"),
    ],
)
def test_features_of_another_shape_are_refused_by_name_of_the_stream(features, stream, shape, words):
    features[stream] = torch.zeros(shape)
    with pytest.raises(BadInputError) as error:
        network("across_vcross")(*features)
    assert words in str(error.value)


def test_missing_streams_are_named(features):
    with pytest.raises(
        BadInputError, match="2 arrays of features, but the network takes the streams audio, frames, motion"
    ):
        network("across_vcross")(*features[:2])
    with pytest.raises(BadInputError, match="no visual stream among the streams 'audio'"):
        HAN("across_vcross", HAN_STREAMS[:1])
