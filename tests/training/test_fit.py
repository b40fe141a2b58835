"""A run: what is recorded of it, and that going on with it is the same as never having stopped."""

import dataclasses
import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from mbias import Run
from mbias.cli.main import main
from mbias.errors import BadInputError
from mbias.han.losses import cross_entropies, probabilities, targets
from mbias.han.network import HAN
from mbias.records.validate import faults
from mbias.scores.f_scores import as_table, f_scores, predictions
from mbias.terms import PRESETS, Control, Split, Variant
from mbias.training import fit as fit_module
from mbias.training.checkpoints import Checkpoints
from mbias.training.config import Settings
from mbias.training.data import load_data
from mbias.training.fit import DivergedError, batches, fit
from mbias.training.outputs import outputs
from mbias.training.record import is_complete

SETTINGS = Settings(epochs=4, step=2, precision="float32")


class StoppedError(Exception):
    """Stands for a kill."""


def nothing(commit):
    pass


def stop_after(epoch):
    def on_epoch(commit):
        if commit.epoch == epoch:
            raise StoppedError

    return on_epoch


@pytest.fixture(scope="module")
def path(data, tmp_path_factory):
    path = tmp_path_factory.mktemp("runs") / "whole"
    fit(SETTINGS, data, path, nothing)
    return path


def test_what_is_recorded(path, data):
    run = Run(path)
    assert faults(path) == []
    assert run.complete
    assert is_complete(path, SETTINGS, "float32", data.fingerprint)
    assert run.header.simulated
    assert run.header.training["smoothing"] == "ls_v"
    assert run.display_name == "A_cross + V_cross, LS-V, seed 0"
    assert [c.learning_rate for c in run.commits] == pytest.approx([3e-4, 3e-4, 3e-5, 3e-5])
    assert {"wav", "wtp", "p", "p_joint"} < set(run.commit("last").arrays)
    assert {"wav", "wtp", "p", "p_joint"} < set(run.commit("best").arrays)
    assert run.values("wav").shape == (20, 10, 2, 25)
    assert list(run.samples["video"]) == list(data.splits[Split.TEST].videos)


def test_losses_fall_and_keep_above_their_floor(path):
    commits = Run(path).commits
    assert commits[-1].losses["wsl"]["optimised"] < commits[0].losses["wsl"]["optimised"]
    for commit in commits:
        assert commit.losses["visual"]["floor"] == pytest.approx(0.1985, abs=1e-4)  # entropy of 0.05 / 0.95
        assert commit.losses["audio"]["floor"] == commit.losses["wsl"]["floor"] == 0
        assert commit.losses["visual"]["optimised"] > commit.losses["visual"]["floor"]
        assert commit.losses["audio"]["hard"] == pytest.approx(commit.losses["audio"]["optimised"])
        assert commit.losses["visual"]["hard"] != pytest.approx(commit.losses["visual"]["optimised"])


def test_best_epoch_is_the_one_of_the_best_validation_score(path):
    run = Run(path)
    scores = [c.scores["val"]["segment"]["type_average"] for c in run.commits]
    assert scores[run.commit("best").epoch - 1] == max(scores)
    assert [c.best for c in run.commits] == [s == max(scores[: i + 1]) for i, s in enumerate(scores)]


def test_recorded_scores_are_those_of_the_recorded_arrays(path):
    run = Run(path)
    truth = np.stack([run.truth["audio"], run.truth["visual"]], axis=2)
    predicted = predictions(run.values("p", "best"), run.values("p_joint", "best"))
    assert as_table(f_scores(predicted, truth)) == run.commit("best").scores["test"]


def test_mbias_evaluate_gives_a_run_the_scores_it_recorded(path, directory, capsys):
    assert main(["evaluate", str(path), "--annotations", str(directory), "--format", "json"]) == 0
    scores = json.loads(capsys.readouterr().out)["scores"]
    recorded = Run(path).commit("best").scores["test"]

    for level, by_metric in recorded.items():
        assert scores[level] == pytest.approx(by_metric)


@pytest.mark.parametrize("which", ["best", "last"])
def test_kept_weights_give_the_recorded_arrays(path, data, which):
    model = HAN(SETTINGS.variant)
    model.load_state_dict(load_file(path / "checkpoints" / f"{which}.safetensors"))
    arrays = outputs(model, data.videos[Split.TEST], torch.float32)
    np.testing.assert_array_equal(arrays["p"], Run(path).values("p", which))


def same_run(one, other):
    for mine, its in zip(Run(one).commits, Run(other).commits, strict=True):
        assert dataclasses.replace(mine, seconds=None) == dataclasses.replace(its, seconds=None)
    for name in ("best", "last"):
        a, b = (load_file(path / "checkpoints" / f"{name}.safetensors") for path in (one, other))
        assert all(torch.equal(a[key], b[key]) for key in a)


@pytest.mark.parametrize("epoch", [1, 3, 4])
def test_going_on_is_the_same_as_never_having_stopped(path, data, tmp_path, epoch):
    with pytest.raises(StoppedError):
        fit(SETTINGS, data, tmp_path / "run", stop_after(epoch))
    torch.manual_seed(99)
    fit(SETTINGS, data, tmp_path / "run", nothing)
    same_run(path, tmp_path / "run")


@pytest.mark.parametrize(("place", "call"), [("prepare", 2), *(("confirm", i) for i in range(4)), ("finish", 0)])
def test_a_stop_around_a_commit_loses_nothing(path, data, tmp_path, monkeypatch, place, call):
    """Stopped before or after the state is written, or the weights, a run goes on as if it had not been."""
    whole = getattr(Checkpoints, place)
    calls = iter(range(9))

    def stopped(self, *arguments):
        if next(calls) == call:
            raise StoppedError
        whole(self, *arguments)

    with monkeypatch.context() as patched:
        patched.setattr(Checkpoints, place, stopped)
        with pytest.raises(StoppedError):
            fit(SETTINGS, data, tmp_path / "run", nothing)
    assert not is_complete(tmp_path / "run", SETTINGS, "float32", data.fingerprint)
    fit(SETTINGS, data, tmp_path / "run", nothing)
    same_run(path, tmp_path / "run")
    assert faults(tmp_path / "run") == []


@pytest.mark.parametrize(
    "changes", [{"seed": 1}, {"variant": Variant.ACROSS_VSELF}, {"smoothing": PRESETS["ls_a"]}, {"epochs": 5}]
)
def test_a_run_of_other_settings_is_named(path, data, changes):
    with pytest.raises(BadInputError, match=f"trained with {next(iter(changes))} = "):
        fit(dataclasses.replace(SETTINGS, **changes), data, path, nothing)


@pytest.mark.parametrize(
    ("learning_rate", "reason"), [(1e6, "the loss 'audio' is not finite"), (0.1, "the loss 'audio' exploded, to")]
)
def test_a_loss_gone_astray_ends_the_run_and_names_the_step(data, tmp_path, learning_rate, reason):
    """The first step's loss is that of the weights as drawn; what the rate does to them shows after it."""
    settings = dataclasses.replace(SETTINGS, learning_rate=learning_rate, epochs=2)
    with pytest.raises(DivergedError, match=reason) as caught:
        fit(settings, data, tmp_path / "run", nothing)
    assert 1 < caught.value.step <= 3
    assert Run(tmp_path / "run").commits == ()


def test_an_output_that_is_not_finite_ends_the_run(data, tmp_path, monkeypatch):
    def infinite(*arguments):
        return {name: array + np.inf for name, array in outputs(*arguments).items()}

    monkeypatch.setattr(fit_module, "outputs", infinite)
    with pytest.raises(DivergedError, match="an output is not finite") as caught:
        fit(SETTINGS, data, tmp_path / "run", nothing)
    assert caught.value.step == 3  # the last: 40 videos, 16 at a time
    assert Run(tmp_path / "run").commits == ()


def test_nothing_unfinished_is_left(data, tmp_path):
    with pytest.raises(StoppedError):
        fit(SETTINGS, data, tmp_path / "run", stop_after(1))
    (tmp_path / "run" / "epochs" / ".0002.safetensors.17.tmp").write_bytes(b"cut")
    fit(SETTINGS, data, tmp_path / "run", nothing)
    assert [path for path in (tmp_path / "run").rglob("*") if path.suffix in (".tmp", ".pt")] == []


def test_an_epoch_shows_every_video_once():
    order = torch.Generator().manual_seed(3)
    first, second = (list(batches(37, 16, order)) for _ in range(2))
    assert [len(index) for index in first] == [16, 16, 5]
    assert sorted(torch.cat(first).tolist()) == list(range(37))
    assert torch.cat(first).tolist() != torch.cat(second).tolist()


def test_bfloat16_is_close_to_float32(path, data, directory):
    model = HAN(SETTINGS.variant)
    model.load_state_dict(load_file(path / "checkpoints" / "last.safetensors"))
    halves = load_data(directory, Split.TEST, torch.device("cpu"), torch.bfloat16)
    whole = outputs(model, data.videos[Split.TEST], torch.float32)
    half = outputs(model, halves.videos[Split.TEST], torch.bfloat16)
    same = outputs(model, data.videos[Split.TEST], torch.bfloat16)
    assert half["p"].dtype == np.float32
    np.testing.assert_array_equal(half["p"], same["p"])
    np.testing.assert_allclose(half["p"], whole["p"], atol=0.05)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epochs": 0}, "epochs"),
        ({"learning_rate": 0.0}, "learning_rate"),
        ({"seed": -1}, "seed"),
        ({"record": Split.TRAIN}, "record"),
        ({"precision": "half"}, "precision"),
        ({"threads": 0}, "threads"),
    ],
)
def test_settings_that_make_no_sense_are_refused(changes, message):
    with pytest.raises(BadInputError, match=message):
        Settings(**changes)


@pytest.fixture(scope="module")
def controls(data, tmp_path_factory):
    """A run of each control, of two epochs."""
    folder = tmp_path_factory.mktemp("controls")
    for control in Control:
        settings = dataclasses.replace(SETTINGS, epochs=2, control=control)
        fit(settings, data, folder / settings.name, nothing)
    return {control: Run(folder / f"across_vcross-ls_v-{control}-seed0") for control in Control}


def drawn_and_trained(run):
    """The weights as the seed draws them, and those after training."""
    torch.manual_seed(SETTINGS.seed)
    return HAN(run.variant).state_dict(), load_file(run.path / "checkpoints" / "last.safetensors")


def test_the_random_control_keeps_its_weights(controls):
    drawn, trained = drawn_and_trained(controls[Control.RANDOM])
    assert all(torch.equal(drawn[name], trained[name]) for name in drawn)


def test_the_frozen_control_keeps_the_weights_of_wav_alone(controls):
    drawn, trained = drawn_and_trained(controls[Control.FROZEN])
    kept = {name for name in drawn if torch.equal(drawn[name], trained[name])}
    assert kept == {"fc_av_att.weight", "fc_av_att.bias"}


def test_the_uniform_control_weighs_modalities_the_same(controls):
    run = controls[Control.UNIFORM]
    p, wtp, joint = (run.values(name, "last") for name in ("p", "wtp", "p_joint"))
    assert (run.values("wav", "last") == 0.5).all()
    np.testing.assert_allclose(joint, (p * wtp).sum(axis=1).mean(axis=1), atol=1e-6)


def test_the_shuffled_control_trains_on_the_same_labels_of_other_videos(data, controls):
    train = data.videos[Split.TRAIN]
    labels = fit_module.shuffled(train, seed=0).labels
    assert not torch.equal(labels, train.labels)
    assert sorted(labels.tolist()) == sorted(train.labels.tolist())
    ordinary = dataclasses.replace(SETTINGS, epochs=2).to_json()
    assert {key for key, value in ordinary.items() if controls[Control.SHUFFLED].header.training[key] != value} == {
        "control"
    }


def test_a_control_goes_on_as_if_it_had_not_stopped(data, controls, tmp_path):
    settings = dataclasses.replace(SETTINGS, epochs=2, control=Control.FROZEN)
    with pytest.raises(StoppedError):
        fit(settings, data, tmp_path / "run", stop_after(1))
    fit(settings, data, tmp_path / "run", nothing)
    same_run(controls[Control.FROZEN].path, tmp_path / "run")


def test_recorded_gradients_are_those_at_the_features(data, tmp_path):
    """One epoch of one step: the norm of d(L_a + L_v + L_wsl) / df, with f the input of the hybrid attention layer."""
    settings = dataclasses.replace(SETTINGS, epochs=1, batch_size=40)
    fit(settings, data, tmp_path / "run", nothing)
    train = data.videos[Split.TRAIN]
    torch.manual_seed(settings.seed)
    model = HAN(settings.variant)
    order = next(batches(len(train), 40, torch.Generator().manual_seed(settings.seed)))
    features = []
    model.layer.register_forward_pre_hook(lambda layer, inputs: features.append(inputs[0]))
    p = probabilities(model(*train.features(order)))
    loss = cross_entropies(p, targets(train.labels[order], settings.smoothing)).sum()
    (at_features,) = torch.autograd.grad(loss, features)

    losses = Run(tmp_path / "run").commit("last").losses
    for modality, of_modality in zip(("audio", "visual"), at_features, strict=True):
        assert losses[modality]["gradient"] == pytest.approx(float((of_modality**2).sum().sqrt()), rel=1e-4)
