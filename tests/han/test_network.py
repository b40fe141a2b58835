"""What the equations say of the network, on drawn weights and features."""

import pytest
import torch

from mbias.errors import BadInputError
from mbias.han.losses import cross_entropies, floor, probabilities, targets
from mbias.han.network import HAN
from mbias.han.weights import load_original, to_original
from mbias.terms import PRESETS, Smoothing, Variant


@pytest.fixture
def features():
    order = torch.Generator().manual_seed(1)
    return [torch.randn(3, *shape, generator=order) for shape in ((10, 128), (80, 2048), (10, 512))]


def network(variant, seed=0):
    torch.manual_seed(seed)
    return HAN(variant).eval()


@pytest.mark.parametrize("variant", Variant)
def test_attention_sums_to_one_and_pools_to_the_video(variant, features):
    output = network(variant)(*features)
    assert output.p.shape == output.wav.shape == output.wtp.shape == (3, 10, 2, 25)
    torch.testing.assert_close(output.wav.sum(dim=2), torch.ones(3, 10, 25))
    torch.testing.assert_close(output.wtp.sum(dim=1), torch.ones(3, 2, 25))
    torch.testing.assert_close(
        output.wsl, torch.einsum("btmc,btmc,btmc->bc", output.wtp, output.wav, output.p)
    )  # Eq. 3
    torch.testing.assert_close(
        output.audio, torch.einsum("btc,btc->bc", output.wtp[:, :, 0], output.p[:, :, 0])
    )  # Eq. 4
    torch.testing.assert_close(
        output.visual, torch.einsum("btc,btc->bc", output.wtp[:, :, 1], output.p[:, :, 1])
    )  # Eq. 5


@pytest.mark.parametrize("variant", Variant)
def test_a_modality_sees_the_other_only_where_it_attends_to_it(variant, features):
    audio, frames, motion = features
    model = network(variant)
    before, other_audio, other_picture = (
        model(*features),
        model(audio + 1, frames, motion),
        model(audio, frames + 1, motion),
    )
    assert torch.equal(before.visual, other_audio.visual) != variant.visual_cross
    assert torch.equal(before.audio, other_picture.audio) != variant.audio_cross


def test_frames_may_be_pooled_before(features):
    audio, frames, motion = features
    model = network("across_vcross")
    pooled = frames.reshape(3, 10, 8, 2048).mean(dim=2)
    torch.testing.assert_close(model(audio, pooled, motion).wsl, model(*features).wsl, atol=1e-6, rtol=1e-5)


def test_smoothed_labels_by_hand():
    labels = torch.tensor([[1.0, 0.0]])
    smoothed = targets(labels, PRESETS["ls_v"])
    assert torch.equal(smoothed[0], labels)
    torch.testing.assert_close(smoothed[1], torch.tensor([[0.95, 0.05]]))
    assert torch.equal(smoothed[2], labels)
    torch.testing.assert_close(targets(labels, Smoothing(audio=0.3, k=3))[0], torch.tensor([[0.8, 0.1]]))


def test_the_floor_is_the_least_a_loss_can_be():
    labels, smoothing = torch.tensor([[1.0, 0.0, 0.0]]), Smoothing(0.1, 0.3, k=4)
    smoothed, least = targets(labels, smoothing), floor(labels, smoothing)
    torch.testing.assert_close(cross_entropies(smoothed, smoothed), least, atol=1e-5, rtol=0)
    for shift in (-0.01, 0.01):
        assert (cross_entropies((smoothed + shift).clamp(0, 1), smoothed)[:2] > least[:2]).all()
    assert least[2] == 0


def test_certain_and_wrong_costs_a_finite_loss():
    p = torch.tensor([[[0.0]], [[1.0]], [[0.5]]])
    losses = cross_entropies(p, torch.tensor([[[1.0]], [[1.0]], [[1.0]]]))
    torch.testing.assert_close(losses, torch.tensor([16.118, 1.19e-7, 0.6931]), atol=1e-3, rtol=0)


def test_probabilities_are_in_the_order_of_the_losses(features):
    output = network("across_vself")(*features)
    audio, visual, wsl = probabilities(output)
    assert audio is not None and torch.equal(audio, output.audio) and torch.equal(visual, output.visual)
    assert torch.equal(wsl, output.wsl)


def test_weights_go_to_a_file_of_the_original_and_back(tmp_path, features):
    model = network("across_vself")
    torch.save(to_original(model), tmp_path / "original.pt")
    again = load_original(tmp_path / "original.pt", "across_vself").eval()
    assert torch.equal(again(*features).wsl, model(*features).wsl)
    wrapped = {f"module.{name}": weight for name, weight in to_original(model).items()}
    assert torch.equal(load_original(wrapped, "across_vself").eval()(*features).wsl, model(*features).wsl)


class Harmful:
    def __reduce__(self):
        return (print, ("executed",))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("nothing", "no such checkpoint"),
        (b"", "not a checkpoint"),
        (Harmful(), "not a checkpoint of tensors alone"),
        ([1, 2], "holds a list"),
        ({"fc_a.weight": torch.zeros(2)}, "'fc_a.weight' is \\(2,\\)"),
        ({"other": torch.zeros(2)}, "'other' is none of the original"),
        ({}, "is missing"),
    ],
)
def test_what_is_no_checkpoint_is_named(tmp_path, content, message, capsys):
    path = tmp_path / "original.pt"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content != "nothing":
        torch.save(content, path)
    with pytest.raises(BadInputError, match=message):
        load_original(path, "across_vcross")
    assert "executed" not in capsys.readouterr().out
