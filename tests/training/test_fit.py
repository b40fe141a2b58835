"""Training a run: what is recorded, and that a resumed run equals one that was never stopped."""

import dataclasses

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from mbias import Run
from mbias.errors import BadInputError
from mbias.han.losses import cross_entropies, probabilities, targets
from mbias.han.network import HAN
from mbias.records.validate import faults
from mbias.scores.f_scores import PAPER_METRICS, as_table, f_scores, predictions
from mbias.terms import Control, Split
from mbias.training import fit as fit_module
from mbias.training.checkpoints import Checkpoints
from mbias.training.data import load_data
from mbias.training.fit import DivergedError, batches
from mbias.training.outputs import outputs
from mbias.training.record import OtherRunError, inspect_run
from tests.training.runs import CONFIG, Killed, assert_same_run, kill_after, train


def test_what_is_recorded(whole, data):
    run = Run(whole)
    assert faults(whole) == []
    assert run.complete
    assert inspect_run(whole, CONFIG, "float32", data.fingerprint).complete
    assert run.header.simulated
    assert run.header.training["smoothing"] == "ls_v"
    assert run.display_name == "A_cross + V_cross, LS-V, seed 0"
    assert [c.learning_rate for c in run.commits] == pytest.approx([3e-4, 3e-4, 3e-5, 3e-5])
    assert {"wav", "wtp", "p", "p_joint"} < set(run.commit("last").arrays)
    assert {"wav", "wtp", "p", "p_joint"} < set(run.commit("best").arrays)
    assert run.values("wav").shape == (20, 10, 2, 25)
    assert list(run.samples["video"]) == list(data.splits[Split.TEST].videos)


def test_losses_fall_and_stay_above_their_floor(whole):
    commits = Run(whole).commits
    assert commits[-1].losses["wsl"]["optimised"] < commits[0].losses["wsl"]["optimised"]
    for commit in commits:
        assert commit.losses["visual"]["floor"] == pytest.approx(0.1985, abs=1e-4)  # entropy of 0.05 / 0.95
        assert commit.losses["audio"]["floor"] == commit.losses["wsl"]["floor"] == 0
        assert commit.losses["visual"]["optimised"] > commit.losses["visual"]["floor"]
        assert commit.losses["audio"]["hard"] == pytest.approx(commit.losses["audio"]["optimised"])
        assert commit.losses["visual"]["hard"] != pytest.approx(commit.losses["visual"]["optimised"])


def test_the_best_epoch_has_the_best_validation_score(whole):
    run = Run(whole)
    scores = [c.scores["val"]["segment"]["type_average"] for c in run.commits]
    assert scores[run.commit("best").epoch - 1] == max(scores)
    assert [c.best for c in run.commits] == [s == max(scores[: i + 1]) for i, s in enumerate(scores)]


def test_recorded_scores_are_those_of_the_recorded_arrays(whole):
    run = Run(whole)
    truth = np.stack([run.truth["audio"], run.truth["visual"]], axis=2)
    predicted = predictions(run.values("p", "best"), run.values("p_joint", "best"))
    assert as_table(f_scores(predicted, truth), PAPER_METRICS) == run.commit("best").scores["test"]


@pytest.mark.parametrize("which", ["best", "last"])
def test_kept_weights_give_the_recorded_arrays(whole, data, which):
    model = HAN(CONFIG.variant)
    model.load_state_dict(load_file(whole / "checkpoints" / f"{which}.safetensors"))
    arrays = outputs(model, data.videos[Split.TEST], torch.float32)
    np.testing.assert_array_equal(arrays["p"], Run(whole).values("p", which))


@pytest.mark.parametrize("epoch", [1, 3, 4])
def test_a_resumed_run_equals_one_that_was_never_stopped(whole, data, tmp_path, epoch):
    with pytest.raises(Killed):
        train(tmp_path / "run", data, on_epoch=kill_after(epoch))
    torch.manual_seed(99)
    train(tmp_path / "run", data)
    assert_same_run(whole, tmp_path / "run")


@pytest.mark.parametrize(("method", "call"), [("prepare", 2), *(("confirm", i) for i in range(4)), ("finish", 0)])
def test_a_stop_around_a_commit_loses_nothing(whole, data, tmp_path, monkeypatch, method, call):
    """A run stopped before or after its state or its weights are written equals one that was never stopped."""
    unchanged = getattr(Checkpoints, method)
    calls = iter(range(9))

    def stopped(self, *arguments):
        if next(calls) == call:
            raise Killed
        unchanged(self, *arguments)

    with monkeypatch.context() as patched:
        patched.setattr(Checkpoints, method, stopped)
        with pytest.raises(Killed):
            train(tmp_path / "run", data)
    assert not inspect_run(tmp_path / "run", CONFIG, "float32", data.fingerprint).complete
    train(tmp_path / "run", data)
    assert_same_run(whole, tmp_path / "run")
    assert faults(tmp_path / "run") == []


def test_a_run_of_another_configuration_is_not_touched(whole, data):
    before = {path: path.stat().st_mtime_ns for path in whole.rglob("*")}
    with pytest.raises(OtherRunError, match="trained with seed = 0, not 1"):
        train(whole, data, dataclasses.replace(CONFIG, seed=1))
    assert {path: path.stat().st_mtime_ns for path in whole.rglob("*")} == before


@pytest.mark.parametrize(
    ("learning_rate", "reason"), [(1e6, "the loss 'audio' is not finite"), (0.1, "the loss 'audio' exploded, to")]
)
def test_a_diverged_loss_ends_the_run_and_names_the_step(data, tmp_path, learning_rate, reason):
    """The first step's loss is that of the initial weights, so the rate shows its effect from the second step on."""
    config = dataclasses.replace(CONFIG, learning_rate=learning_rate, epochs=2)
    with pytest.raises(DivergedError, match=reason) as caught:
        train(tmp_path / "run", data, config)
    assert 1 < caught.value.step <= 3
    assert Run(tmp_path / "run").commits == ()


def test_an_output_that_is_not_finite_ends_the_run(data, tmp_path, monkeypatch):
    def infinite(*arguments):
        return {name: array + np.inf for name, array in outputs(*arguments).items()}

    monkeypatch.setattr(fit_module, "outputs", infinite)
    with pytest.raises(DivergedError, match="an output is not finite") as caught:
        train(tmp_path / "run", data)
    assert caught.value.step == 3  # the last step: 40 videos in batches of 16
    assert Run(tmp_path / "run").commits == ()


def test_nothing_unfinished_is_left(data, tmp_path):
    with pytest.raises(Killed):
        train(tmp_path / "run", data, on_epoch=kill_after(1))
    (tmp_path / "run" / "epochs" / ".0002.safetensors.17.tmp").write_bytes(b"cut")
    train(tmp_path / "run", data)
    assert [path for path in (tmp_path / "run").rglob("*") if path.suffix in (".tmp", ".pt")] == []


def test_an_epoch_uses_every_video_once():
    order = torch.Generator().manual_seed(3)
    first, second = (list(batches(37, 16, order)) for _ in range(2))
    assert [len(index) for index in first] == [16, 16, 5]
    assert sorted(torch.cat(first).tolist()) == list(range(37))
    assert torch.cat(first).tolist() != torch.cat(second).tolist()


def test_bfloat16_is_close_to_float32(whole, data, directory):
    model = HAN(CONFIG.variant)
    model.load_state_dict(load_file(whole / "checkpoints" / "last.safetensors"))
    halves = load_data(directory, Split.TEST, torch.device("cpu"), torch.bfloat16)
    full = outputs(model, data.videos[Split.TEST], torch.float32)
    half = outputs(model, halves.videos[Split.TEST], torch.bfloat16)
    same = outputs(model, data.videos[Split.TEST], torch.bfloat16)
    assert half["p"].dtype == np.float32
    np.testing.assert_array_equal(half["p"], same["p"])
    np.testing.assert_allclose(half["p"], full["p"], atol=0.05)


@pytest.fixture(scope="module")
def controls(data, tmp_path_factory):
    """One run of two epochs for each control."""
    folder = tmp_path_factory.mktemp("controls")
    for control in Control:
        config = dataclasses.replace(CONFIG, epochs=2, control=control)
        train(folder / config.name, data, config)
    return {control: Run(folder / f"across_vcross-ls_v-{control}-seed0") for control in Control}


def drawn_and_trained(run):
    """The initial weights of the seed, and the weights after training."""
    torch.manual_seed(CONFIG.seed)
    return HAN(run.variant).state_dict(), load_file(run.path / "checkpoints" / "last.safetensors")


def test_the_random_control_keeps_its_weights(controls):
    drawn, trained = drawn_and_trained(controls[Control.RANDOM])
    assert all(torch.equal(drawn[name], trained[name]) for name in drawn)


def test_the_frozen_control_keeps_the_weights_of_wav_alone(controls):
    drawn, trained = drawn_and_trained(controls[Control.FROZEN])
    kept = {name for name in drawn if torch.equal(drawn[name], trained[name])}
    assert kept == {"fc_av_att.weight", "fc_av_att.bias"}


def test_the_uniform_control_gives_modalities_the_same_weight(controls):
    run = controls[Control.UNIFORM]
    p, wtp, joint = (run.values(name, "last") for name in ("p", "wtp", "p_joint"))
    assert (run.values("wav", "last") == 0.5).all()
    np.testing.assert_allclose(joint, (p * wtp).sum(axis=1).mean(axis=1), atol=1e-6)


def test_the_shuffled_control_trains_on_the_same_labels_of_other_videos(data, controls):
    train = data.videos[Split.TRAIN]
    labels = fit_module.shuffled(train, seed=0).labels
    assert not torch.equal(labels, train.labels)
    assert sorted(labels.tolist()) == sorted(train.labels.tolist())
    ordinary = dataclasses.replace(CONFIG, epochs=2).to_json()
    assert {key for key, value in ordinary.items() if controls[Control.SHUFFLED].header.training[key] != value} == {
        "control"
    }


def test_a_resumed_control_equals_one_that_was_never_stopped(data, controls, tmp_path):
    config = dataclasses.replace(CONFIG, epochs=2, control=Control.FROZEN)
    with pytest.raises(Killed):
        train(tmp_path / "run", data, config, kill_after(1))
    train(tmp_path / "run", data, config)
    assert_same_run(controls[Control.FROZEN].path, tmp_path / "run")


def test_a_run_on_other_features_resumes_with_the_same_bits(tmp_path, clip_data):
    config = dataclasses.replace(CONFIG, epochs=2)
    train(tmp_path / "whole", clip_data, config)
    with pytest.raises(Killed):
        train(tmp_path / "resumed", clip_data, config, kill_after(1))
    train(tmp_path / "resumed", clip_data, config)
    assert_same_run(tmp_path / "whole", tmp_path / "resumed")
    assert load_file(tmp_path / "whole" / "checkpoints" / "last.safetensors")["fc_a.weight"].shape == (512, 768)


def test_initial_weights_of_other_widths_are_refused_and_leave_no_record(whole, tmp_path, clip_data):
    config = dataclasses.replace(CONFIG, init=str(whole / "checkpoints" / "best.safetensors"))
    with pytest.raises(
        BadInputError, match=r"the stream 'audio' is 768 wide, but .*best\.safetensors was trained on 128"
    ):
        train(tmp_path / "run", clip_data, config)
    assert not (tmp_path / "run").exists()


def test_recorded_gradients_are_those_at_the_features(data, tmp_path):
    """One epoch of one step: the norm of d(L_a + L_v + L_wsl) / df, with f the input of the hybrid attention layer."""
    config = dataclasses.replace(CONFIG, epochs=1, batch_size=40)
    train(tmp_path / "run", data, config)
    videos = data.videos[Split.TRAIN]
    torch.manual_seed(config.seed)
    model = HAN(config.variant)
    order = next(batches(len(videos), 40, torch.Generator().manual_seed(config.seed)))
    features = []
    model.layer.register_forward_pre_hook(lambda layer, inputs: features.append(inputs[0]))
    p = probabilities(model(*videos.inputs(order)))
    loss = cross_entropies(p, targets(videos.labels[order], config.smoothing)).sum()
    (at_features,) = torch.autograd.grad(loss, features)

    losses = Run(tmp_path / "run").commit("last").losses
    for modality, gradient in zip(("audio", "visual"), at_features, strict=True):
        assert losses[modality]["gradient"] == pytest.approx(float((gradient**2).sum().sqrt()), rel=1e-4)
