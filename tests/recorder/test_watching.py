"""Watched modules: every shape of output becomes an array with the declared axes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import mbias
from mbias.errors import BadInputError
from mbias.recorder.watching import find_module
from tests.recorder.models import (
    CATEGORIES,
    SAMPLES,
    SEGMENTS,
    Chunked,
    Heads,
    SharedHead,
    open_batch,
    recorder,
    run_epoch,
)


def test_a_module_called_once_per_modality_and_axes_in_another_order(tmp_path, data):
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.head, self.relu = nn.Linear(4, len(CATEGORIES)), nn.ReLU(inplace=True)
            self.gru = nn.GRU(8, 4, batch_first=True)

        def forward(self, audio):
            hidden, _ = self.gru(audio)
            # In place, after the hook.
            return [self.relu(self.head(hidden * scale)) for scale in (1, -1)]

    model = Twice()
    with recorder(tmp_path / "run") as rec:
        rec.watch(model, "head", "p", axes="sample segment modality category", stack="modality", output=torch.sigmoid)
        rec.watch(model, "gru", "hidden", axes="unit sample segment", output=lambda out: out[0].permute(2, 0, 1))
        with rec.batch(range(SAMPLES)):
            model(data[0])
        rec.commit_epoch()
    run = mbias.Run(tmp_path / "run")
    hidden = model.gru(data[0])[0].detach()
    expected = torch.stack([torch.sigmoid(model.head(hidden * scale)) for scale in (1, -1)], dim=2).detach()
    np.testing.assert_allclose(run.values("p"), expected.numpy(), atol=1e-6)
    assert run.header.arrays["hidden"] == ("sample", "unit", "segment")
    np.testing.assert_allclose(run.values("hidden"), hidden.permute(0, 2, 1).numpy(), atol=1e-6)


@pytest.mark.parametrize("parts", [1, 3], ids=["whole", "parts of batches"])
@pytest.mark.parametrize(
    ("kind", "modules"),
    [(Heads, ["heads.0.att", "heads.1.att"]), (SharedHead, "heads.0.att")],
    ids=["one per modality", "shared"],
)
def test_one_head_per_modality(tmp_path, data, kind, modules, parts):
    """Several modules, or several calls of one module, also if the batch is processed in parts."""
    torch.manual_seed(1)
    model = kind()
    with recorder(tmp_path / "run") as rec:
        rec.watch(model, modules, stack="modality", softmax="modality")
        rec.watch(model, "", "p_joint", axes="sample category", output=lambda out: out["video"])
        with rec.batch(range(SAMPLES)):
            for part in data[0].chunk(parts):
                model(part)
        rec.commit_epoch()
    run = mbias.Run(tmp_path / "run")
    logits = torch.stack([head["att"](scale * data[0]) for scale, head in zip((1, -1), model.heads, strict=True)], 2)
    np.testing.assert_allclose(run.values("wav"), torch.softmax(logits, dim=2).detach(), atol=1e-6)
    np.testing.assert_allclose(run.values("p_joint"), model(data[0])["video"].detach(), atol=1e-6)
    assert not any(module._forward_hooks for module in model.modules())


def test_cross_attention_weights_are_summed_by_modality(tmp_path, data):
    """Weights (sample, query, key) over the segments of both modalities are summed by modality."""

    class Cross(nn.Module):
        def __init__(self):
            super().__init__()
            self.att = nn.MultiheadAttention(8, 2, batch_first=True)

        def forward(self, audio, need_weights=True):
            both = torch.cat([audio, -audio], dim=1)
            return self.att(audio, both, both, need_weights=need_weights)[0]

    model = Cross()
    with recorder(tmp_path / "run") as rec:
        mass = lambda out: out[1].unflatten(2, (2, SEGMENTS)).sum(dim=3)  # noqa: E731
        rec.watch(model, "att", axes="sample segment modality", output=mass)
        rec.watch(model, "att", "hidden", axes="sample segment unit")
        message = "returned a tuple for 'hidden'; extract a tensor with output="
        with pytest.raises(BadInputError, match=message), rec.batch(range(SAMPLES)):
            model(data[0])
        rec.close()
        rec.watch(model, "att", axes="sample segment modality", output=mass)
        with rec.batch(range(SAMPLES)):
            model(data[0])
        rec.commit_epoch()
    both = torch.cat([data[0], -data[0]], dim=1)
    weights = model.att(data[0], both, both)[1].detach()
    expected = torch.stack([weights[..., :SEGMENTS].sum(-1), weights[..., SEGMENTS:].sum(-1)], dim=-1)
    np.testing.assert_allclose(mbias.Run(tmp_path / "run").values("wav"), expected, atol=1e-6)


def test_undeclared_calls_and_modules_are_refused(tmp_path, data):
    model = SharedHead()
    with recorder(tmp_path / "run") as rec:
        rec.watch(model, "heads.0.att", softmax="modality")
        message = "called 2 times: if each call is for one modality, give stack='modality'"
        with pytest.raises(BadInputError, match=message), rec.batch(range(SAMPLES)):
            model(data[0])
        with pytest.raises(BadInputError, match="2 modules; name the axis to stack them along with stack="):
            rec.watch(model, ["heads.0.att", "heads.1.att"], "p")


@pytest.mark.parametrize(
    ("module", "options", "message"),
    [
        ("fc_av_at", {}, "no module 'fc_av_at'; choose one of fc_av_att"),
        ("a", {"axes": "sample unit"}, "name the axis 'modality'"),
        ("a", {"axes": "segment modality"}, "include 'sample'"),
        ("a", {"softmax": "time"}, "softmax names 'time'"),
    ],
)
def test_the_error_says_what_is_wrong_with_a_watch(tmp_path, model, module, options, message):
    with recorder(tmp_path / "run") as rec, pytest.raises(BadInputError, match=message):
        rec.watch(model, module, **options)
    assert not (tmp_path / "run").exists()


def test_an_array_is_watched_once_and_before_the_first_commit(tmp_path, model, data):
    with recorder(tmp_path / "run") as rec:
        rec.watch(model, "fc_av_att", softmax="modality")
        with pytest.raises(BadInputError, match="array 'wav' is watched already; give another array name"):
            rec.watch(model, "fc_prob")
        run_epoch(rec, model, data)
        rec.commit_epoch()
        with pytest.raises(BadInputError, match="an epoch is committed; watch all modules before the first commit"):
            rec.watch(model, "fc_prob", "p")


def test_outputs_of_several_shapes_are_not_stacked(tmp_path, model, data):
    with recorder(tmp_path / "run") as rec:
        rec.watch(model, ["a", "fc_prob"], "x", axes="sample segment modality unit", stack="modality")
        with pytest.raises(BadInputError, match="cannot be stacked along modality; give"), rec.batch(range(SAMPLES)):
            model(*data)


def test_modules_are_found_inside_wrappers(model):
    wrapped = Chunked(nn.ModuleDict({"net": model}))
    assert find_module(wrapped, "") is wrapped
    for name in ("module.net.a", "net.a", "a"):
        assert find_module(wrapped, name) is model.a
    with pytest.raises(BadInputError, match=r"several modules 'att'; choose one of heads\.0\.att, heads\.1\.att"):
        find_module(Heads(), "att")


def test_an_output_that_does_not_fit_the_axes_is_refused(tmp_path, model, data):
    with recorder(tmp_path / "run") as rec:
        rec.watch(model, "fc_av_att", axes="sample modality segment category", softmax="modality")
        with pytest.raises(BadInputError, match="modality must be 2"), rec.batch(range(SAMPLES)):
            model(*data)
        with pytest.raises(BadInputError, match="was not called"):
            open_batch(rec, range(SAMPLES))
