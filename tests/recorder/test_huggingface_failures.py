"""In the Hugging Face Trainer: what is refused, what fails, and what resumes."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import torch

import mbias
from mbias.errors import BadInputError
from tests.recorder.gated import check, gates, recorder
from tests.recorder.hugging import (
    Model,
    Silent,
    Tuple,
    callback,
    hooks,
    make_trainer,
    raising,
)

# Importing transformers takes seconds.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


@pytest.fixture
def model():
    torch.manual_seed(0)
    return Model()


def squared(outputs, labels, num_items_in_batch):
    return outputs["logits"].square().mean()


@pytest.mark.parametrize("lost", [False, True])
def test_a_resumed_training_continues_the_record(hf, tmp_path, items, lost):
    def train(folder, *others, resume=False):
        torch.manual_seed(0)
        model = Model()
        options = {"num_train_epochs": 3, "save_strategy": "epoch", "eval_on_start": True}
        with recorder(folder / "run", model, resume=resume) as rec:
            trainer = make_trainer(hf, folder, model, items, callback(rec), *others, **options)
            trainer.train(resume_from_checkpoint=resume)
        return mbias.Run(folder / "run")

    whole = train(tmp_path / "whole")
    with pytest.raises(RuntimeError, match="the disk is full"):
        train(tmp_path / "stopped", raising(hf, "on_step_end", 10))
    if lost:
        # The record is one epoch ahead of the checkpoint.
        shutil.rmtree(tmp_path / "stopped" / "out" / "checkpoint-8")
    resumed = train(tmp_path / "stopped", resume=True)
    assert len(resumed.commits) == 3
    for epoch in (1, 2, 3):
        np.testing.assert_allclose(resumed.values("wav", epoch), whole.values("wav", epoch), atol=1e-6)
        ours, theirs = (run.commit(epoch).losses["joint"]["optimised"] for run in (resumed, whole))
        np.testing.assert_allclose(ours, theirs, rtol=1e-5)


@pytest.mark.parametrize(("event", "step"), [("on_step_end", 6), ("on_prediction_step", 8), ("forward", 13)])
def test_a_failure_commits_nothing_and_leaves_no_hooks_that_record(hf, tmp_path, model, items, event, step):
    failing = [] if event == "forward" else [raising(hf, event, step)]
    model.fails_at = step if event == "forward" else None
    with pytest.raises(RuntimeError, match="the disk is full"), recorder(tmp_path / "run", model) as rec:
        trainer = make_trainer(hf, tmp_path, model, items, callback(rec), *failing)
        trainer.train()
    assert len(hooks(model)) == 1
    for after in failing:
        trainer.remove_callback(after)
    trainer.evaluate()
    assert len(mbias.Run(tmp_path / "run").commits) == 1


def test_training_can_be_repeated_after_a_failure(hf, tmp_path, model, items):
    failing = raising(hf, "on_step_end", 3)
    with recorder(tmp_path / "run", model) as rec:
        trainer = make_trainer(hf, tmp_path, model, items, callback(rec), failing, learning_rate=0.0)
        with pytest.raises(RuntimeError, match="the disk is full"):
            trainer.train()
        trainer.remove_callback(failing)
        trainer.train()
    check(tmp_path / "run", model.net, items)
    first, second = (commit.losses["joint"]["optimised"] for commit in mbias.Run(tmp_path / "run").commits)
    np.testing.assert_allclose(first, second, rtol=1e-5)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (
            Silent,
            r"loss 'joint': the model returns only logits, without 'loss'; return it, or name its key with losses=",
        ),
        (Tuple, r"loss 'joint': the model returns a tuple, without 'loss'; return it, or name its key with losses="),
    ],
)
def test_a_model_must_return_the_losses(hf, tmp_path, items, kind, message):
    model = kind()
    with recorder(tmp_path / "run", model) as rec, pytest.raises(BadInputError, match=message):
        make_trainer(hf, tmp_path, model, items, callback(rec, losses=None), loss=squared).train()


def test_a_model_without_losses_is_recorded(hf, tmp_path, items):
    model = Silent()
    with recorder(tmp_path / "run", model) as rec:
        make_trainer(hf, tmp_path, model, items, callback(rec, losses={}), loss=squared).train()
    np.testing.assert_allclose(mbias.Run(tmp_path / "run").values("wav"), gates(model.net, items), atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"eval_strategy": "no"}, "the Trainer does not evaluate, so nothing is recorded; set eval_strategy"),
        ({"remove_unused_columns": True}, "the Trainer removes 'index'; set remove_unused_columns=False"),
        ({"evaluate": "unindexed"}, "the batch lacks 'index'; put the index of each sample under this key"),
    ],
)
def test_what_cannot_be_recorded_is_refused(hf, tmp_path, model, items, arguments, message):
    if "evaluate" in arguments:
        arguments = {"evaluate": [{"x": item["x"], "labels": item["labels"]} for item in items]}
    with recorder(tmp_path / "run", model) as rec, pytest.raises(BadInputError, match=message):
        make_trainer(hf, tmp_path, model, items, callback(rec), **arguments).train()


def test_training_after_the_recorder_is_closed_is_refused(hf, tmp_path, model, items):
    with recorder(tmp_path / "run", model) as rec:
        trainer = make_trainer(hf, tmp_path, model, items, callback(rec))
    with pytest.raises(BadInputError, match="the recorder is closed; train inside its with block"):
        trainer.train()
