"""A record holds what the model returned, however the model is wrapped and run."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy

import mbias
from mbias.errors import BadInputError
from mbias.records.validate import faults
from tests.recorder.models import CATEGORIES, NAMES, SAMPLES, Chunked, open_batch, record, recorder, run_epoch


@pytest.mark.parametrize(
    "wrap",
    [
        pytest.param(lambda model: model, id="plain"),
        pytest.param(nn.DataParallel, id="DataParallel"),
        pytest.param(Chunked, id="parts of batches"),
        pytest.param(lambda model: Chunked(nn.ModuleDict({"net": model})["net"]), id="twice"),
        pytest.param(lambda model: torch.compile(model, backend="aot_eager", fullgraph=True), id="compiled"),
    ],
)
def test_the_outputs_of_the_model_are_recorded(tmp_path, model, data, wrap):
    wrapped = wrap(model)
    if wrapped is not model:
        # A model that was compiled or run before must not ignore the new hooks.
        wrapped(*data)
    with recorder(tmp_path / "run") as rec:
        rec.watch(wrapped, "fc_av_att", softmax="modality")
        run_epoch(rec, wrapped, data)
        rec.commit_epoch()
    run = mbias.Run(tmp_path / "run")
    assert run.header.arrays["wav"] == ("sample", "segment", "modality", "category")
    np.testing.assert_allclose(run.values("wav"), model.attention(*data), atol=1e-6)
    assert faults(tmp_path / "run") == []
    assert not model.fc_av_att._forward_hooks


def test_autocast_is_recorded_in_float32(tmp_path, model, data):
    with recorder(tmp_path / "run") as rec:
        rec.watch(model, "fc_av_att", softmax="modality")
        run_epoch(rec, model, data, context=lambda: torch.autocast("cpu", torch.bfloat16))
        rec.commit_epoch()
    wav = mbias.Run(tmp_path / "run").values("wav")
    assert wav.dtype == np.float32
    np.testing.assert_allclose(wav, model.attention(*data), atol=0.02)
    # The softmax was taken in float32: its sums are exact to float32, not to bfloat16.
    np.testing.assert_allclose(wav.sum(axis=2), 1, atol=1e-6)


def test_training_with_accumulated_gradients(tmp_path, model, data):
    """Epoch losses are means weighted by batch size, and recording changes no gradient."""
    labels = (torch.rand(SAMPLES, len(CATEGORIES)) < 0.3).float()

    def train(rec):
        model.zero_grad()
        seen = []
        for index in torch.arange(SAMPLES).split(5):
            if rec is None:
                outputs = model(*(array[index] for array in data))
            else:
                with rec.batch(index):
                    outputs = model(*(array[index] for array in data))
            losses = [binary_cross_entropy(p.clamp(1e-6, 1 - 1e-6), labels[index]) for p in outputs[:3]]
            (sum(losses) / 5).backward()
            if rec is not None:
                rec.losses(len(index), joint=losses[0], audio=losses[1], visual=losses[2].item())
            seen.append((len(index), float(losses[1].detach())))
        return seen, [parameter.grad.clone() for parameter in model.parameters()]

    plain, gradients = train(None)
    with recorder(tmp_path / "run") as rec:
        rec.watch(model, "fc_av_att", softmax="modality")
        _, recorded = train(rec)
        commit = rec.commit_epoch(learning_rate=0.1)
    expected = sum(n * loss for n, loss in plain) / sum(n for n, _ in plain)
    assert commit.losses["audio"]["optimised"] == pytest.approx(expected, rel=1e-6)
    assert all(torch.equal(first, second) for first, second in zip(gradients, recorded, strict=True))
    assert commit.learning_rate == 0.1


def test_an_exception_within_an_epoch_leaves_no_run(tmp_path, model, data):
    class StopError(Exception):
        pass

    with pytest.raises(StopError), recorder(tmp_path / "run") as rec:
        rec.watch(model, "fc_av_att", softmax="modality")
        with rec.batch(range(SAMPLES)):
            model(*data)
        rec.losses(1, joint=0.5)
        with rec.batch(range(SAMPLES)):
            model(*data)
            raise StopError
    assert not (tmp_path / "run").exists()
    assert not model.fc_av_att._forward_hooks


def test_the_autograd_graph_is_released(tmp_path, model, data):
    held = []

    class Saved:
        """A tensor that the graph saves in the forward pass."""

        def __init__(self, tensor):
            self.tensor = tensor.detach()
            held.append(weakref.ref(self))

    with recorder(tmp_path / "run") as rec:
        rec.watch(model, "fc_av_att", softmax="modality")
        with rec.batch(range(SAMPLES)), torch.autograd.graph.saved_tensors_hooks(Saved, lambda saved: saved.tensor):
            loss = model(*data)[0].mean()
        rec.losses(1, joint=loss)
        assert any(saved() for saved in held)
        del loss
        gc.collect()
        assert not any(saved() for saved in held)
        rec.commit_epoch()


def test_inference_mode_and_training_share_an_epoch(tmp_path, model, data):
    with recorder(tmp_path / "run") as rec:
        rec.watch(model, "fc_av_att", softmax="modality")
        for context, index in ((torch.inference_mode, range(10)), (torch.enable_grad, range(10, SAMPLES))):
            with context(), rec.batch(index):
                model(*(array[list(index)] for array in data))
        rec.commit_epoch()
    np.testing.assert_allclose(mbias.Run(tmp_path / "run").values("wav"), model.attention(*data), atol=1e-6)


def test_weights_without_a_softmax_cause_a_warning(tmp_path, model, data):
    with recorder(tmp_path / "run") as rec:
        rec.watch(model, "fc_av_att")
        run_epoch(rec, model, data)
        with pytest.warns(UserWarning, match="does not sum to 1 over the modalities"):
            rec.commit_epoch()


def test_attention_without_categories(tmp_path):
    """All categories share the weights, but the means where a category is present differ by their samples."""
    gate = nn.Linear(3, 2)
    inputs = torch.randn(SAMPLES, 3)
    weak = np.arange(SAMPLES)[:, None] % len(CATEGORIES) == np.arange(len(CATEGORIES))
    with recorder(tmp_path / "run", truth={"weak": weak}) as rec:
        rec.watch(gate, "", axes=("sample", "modality"), softmax="modality")
        with rec.batch(range(SAMPLES)):
            gate(inputs)
        rec.commit_epoch()
    run = mbias.Run(tmp_path / "run")
    weights = torch.softmax(gate(inputs), dim=1).detach().numpy()
    summary = run.array("wav_summary").sel(statistic="mean", modality="audio")
    np.testing.assert_allclose(summary.sel(scope="all"), [weights[:, 0].mean()] * 5, atol=1e-6)
    expected = [weights[weak[:, c], 0].mean() for c in range(5)]
    np.testing.assert_allclose(summary.sel(scope="present"), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda rec: rec.losses(1, sound=0.1), "'sound' is neither a modality"),
        (lambda rec: rec.losses(1, audio=torch.ones(3)), "give its mean"),
        (lambda rec: rec.losses(1, audio=np.ones(3)), "'audio' is array.* not a single number; give its mean"),
        (lambda rec: rec.losses(1, audio="0.5"), "'audio' is '0.5', not a single number; give its mean"),
        (lambda rec: rec.losses(1, audio=None), "'audio' is None, not a single number; give its mean"),
        (lambda rec: rec.losses(1, audio=[0.5]), "'audio' is .*, not a single number; give its mean"),
        (lambda rec: rec.losses("x", audio=0.1), "losses: 'x' samples; give the batch size, 1 or more"),
        (lambda rec: rec.losses(None, audio=0.1), "losses: None samples; give the batch size, 1 or more"),
        (lambda rec: rec.losses([4], audio=0.1), r"losses: \[4\] samples; give the batch size, 1 or more"),
        (lambda rec: rec.losses(0, audio=0.1), "losses: 0 samples; give the batch size, 1 or more"),
        (lambda rec: rec.losses(float("nan"), audio=0.1), "losses: nan samples; give the batch size, 1 or more"),
        (lambda rec: rec.losses(1, "soft", audio=0.1), "unknown kind 'soft'"),
        (lambda rec: rec.commit_epoch(), "nothing was recorded"),
        (lambda rec: open_batch(rec, [0, SAMPLES]), f"no sample has the index {SAMPLES}"),
    ],
)
def test_the_error_says_what_is_wrong_with_a_call(tmp_path, act, message):
    with recorder(tmp_path / "run") as rec, pytest.raises(BadInputError, match=message):
        act(rec)
    assert not (tmp_path / "run").exists()


def test_groups_are_recorded_and_checked_before_the_first_epoch(tmp_path, model, data):
    groups = [f"recording {i // 3}" for i in range(SAMPLES)]
    record(tmp_path / "given", model, data, 1, groups=groups)
    assert mbias.Run(tmp_path / "given").groups.tolist() == groups
    record(tmp_path / "none", model, data, 1)
    assert mbias.Run(tmp_path / "none").groups is None

    table = pd.DataFrame({"sample": NAMES, "group": [None, *groups[1:]]})
    with pytest.raises(BadInputError, match="samples: the group of sample 's0' is empty"):
        mbias.Recorder(tmp_path / "empty", ("audio", "visual"), CATEGORIES, table)
    with pytest.raises(BadInputError, match="groups: 2 groups for 23 samples; give"):
        recorder(tmp_path / "short", groups=["x", "y"])


def test_missing_samples_and_nan_are_not_committed(tmp_path, model, data):
    with recorder(tmp_path / "run") as rec:
        rec.watch(model, "fc_av_att", softmax="modality")
        with rec.batch(range(20)):
            model(*(array[:20] for array in data))
        with pytest.raises(BadInputError, match="3 of 23 samples are not recorded, the first is 's20'"):
            rec.commit_epoch()
        with rec.batch(range(20, SAMPLES)):
            model(*(array[20:] * float("nan") for array in data))
        with pytest.raises(BadInputError, match="NaN"):
            rec.commit_epoch()
        assert not (tmp_path / "run").exists()
        run_epoch(rec, model, data)
        rec.commit_epoch()
        rec.losses(1, joint=float("nan"))
        run_epoch(rec, model, data)
        with pytest.raises(BadInputError, match="'joint' is not a finite number at epoch 2"):
            rec.commit_epoch()
        rec.close()
    assert len(mbias.Run(tmp_path / "run").commits) == 1
    assert faults(tmp_path / "run") == []


def test_uncommitted_values_cause_a_warning(tmp_path):
    with pytest.warns(UserWarning, match="not in the record"), recorder(tmp_path / "run") as rec:
        rec.losses(1, joint=0.5)


def test_a_run_is_not_overwritten(tmp_path, model, data):
    with recorder(tmp_path / "run") as rec:
        rec.losses(1, joint=0.5)
        rec.commit_epoch()
    with pytest.raises(BadInputError, match="a run exists already"):
        recorder(tmp_path / "run")


def test_repr_shows_the_progress(tmp_path, model, data):
    path = tmp_path / "run"
    with recorder(path) as rec:
        assert repr(rec) == f"<Recorder {path}: audio, visual; 23 samples; 0 epochs committed; watching nothing>"
        rec.watch(model, "fc_av_att", softmax="modality")
        rec.watch(model, "fc_prob", "p", output=torch.sigmoid)
        run_epoch(rec, model, data)
        rec.commit_epoch()
        assert repr(rec) == f"<Recorder {path}: audio, visual; 23 samples; 1 epoch committed; watching wav, p>"


def test_a_closed_recorder_commits_nothing(tmp_path):
    with recorder(tmp_path / "run") as rec:
        pass
    rec.losses(1, joint=0.5)
    with pytest.raises(BadInputError, match="the recorder is closed; train inside its with block"):
        rec.commit_epoch()
    assert not (tmp_path / "run").exists()
