"""The callback records a model in the training loop of the Hugging Face Trainer."""

from __future__ import annotations

import gc

import numpy as np
import pytest
import torch

import mbias
from mbias.errors import BadInputError
from tests.recorder.gated import SAMPLES, check, gates, recorder
from tests.recorder.hugging import (
    LOSSES,
    Model,
    Normalised,
    callback,
    hooks,
    make_trainer,
    scored,
)

# Importing transformers takes seconds.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


@pytest.fixture
def model():
    torch.manual_seed(0)
    return Model()


def test_every_epoch_is_recorded(hf, tmp_path, model, items):
    with recorder(tmp_path / "run", model) as rec:
        make_trainer(hf, tmp_path, model, items, callback(rec), lr_scheduler_type="constant").train()
    check(tmp_path / "run", model.net, items)
    assert [commit.learning_rate for commit in mbias.Run(tmp_path / "run").commits] == [0.1, 0.1]


def test_evaluate_and_predict_before_and_after_training_record_nothing(hf, tmp_path, model, items):
    def use():
        assert set(trainer.evaluate(items[:5])) >= {"eval_loss"}
        assert trainer.predict(items).predictions[1].shape == (SAMPLES, 3)

    with recorder(tmp_path / "run", model) as rec:
        trainer = make_trainer(hf, tmp_path, model, items, callback(rec))
        use()
        trainer.train()
        log = (tmp_path / "run" / "epochs.jsonl").read_bytes()
        use()
    use()
    assert (tmp_path / "run" / "epochs.jsonl").read_bytes() == log
    check(tmp_path / "run", model.net, items)


def test_a_model_works_without_its_trainer_and_is_free_of_hooks_after_it(hf, tmp_path, model, items):
    with recorder(tmp_path / "run", model) as rec:
        trainer = make_trainer(hf, tmp_path, model, items, callback(rec))
        trainer.train()
    model(items[0]["x"][None], items[0]["labels"][None])
    torch.save(model, tmp_path / "model.pt")
    assert len(hooks(model)) == 1
    del trainer
    gc.collect()
    assert not hooks(model)


@pytest.mark.parametrize("names", [("val", "test"), ("test", "val")])
@pytest.mark.parametrize("metric", ["eval_test_score", "val_score"])
def test_the_named_evaluation_set_is_recorded_once_per_round(hf, tmp_path, model, items, names, metric):
    # The other set has more samples, and others at the same positions.
    others = [{**item, "index": i} for i, item in enumerate([*items[::-1], *items[:4]])]
    sets = {name: {"val": others, "test": items}[name] for name in names}
    with recorder(tmp_path / "run", model) as rec:
        chosen = callback(rec, evaluation="test")
        trainer = make_trainer(
            hf,
            tmp_path,
            model,
            items,
            chosen,
            evaluate=sets,
            metrics=scored(0.75, 0.75, 0.5, 0.5, 0.25, 0.25),
            metric_for_best_model=metric,
            eval_on_start=True,
        )
        trainer.train()
    check(tmp_path / "run", model.net, items)
    assert [commit.best for commit in mbias.Run(tmp_path / "run").commits] == [True, False]


def test_samples_of_other_evaluation_sets_do_not_count(hf, tmp_path, model, items):
    with recorder(tmp_path / "run", model) as rec:
        sets = {"val": items, "test": items[:-1]}
        trainer = make_trainer(hf, tmp_path, model, items, callback(rec, evaluation="test"), evaluate=sets)
        with pytest.raises(BadInputError, match=r"1 of 20 samples are not recorded, the first is '19'"):
            trainer.train()


@pytest.mark.parametrize(
    ("evaluation", "sets", "message"),
    [
        (None, ("val", "test"), r"the evaluation sets are val; name the one to record with evaluation="),
        ("dev", ("val", "test"), r"the evaluation sets are val, test; name the one to record with evaluation="),
        ("dev", None, r"the only evaluation set has no name; leave out evaluation="),
    ],
)
def test_the_evaluation_set_must_be_named_if_there_are_several(hf, tmp_path, model, items, evaluation, sets, message):
    with recorder(tmp_path / "run", model) as rec:
        trainer = make_trainer(
            hf,
            tmp_path,
            model,
            items,
            callback(rec, evaluation=evaluation),
            evaluate=sets and dict.fromkeys(sets, items),
        )
        with pytest.raises(BadInputError, match=message):
            trainer.train()
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("arguments", "scores", "best"),
    [
        ({}, (0.25, 0.75, 0.75, 0.5), [True, True, False, False]),
        ({"greater_is_better": False}, (0.25, 0.75, 0.125, 0.5), [True, False, True, False]),
        ({"save_strategy": "best"}, (0.25, 0.75, 0.5, 0.5), [True, True, False, False]),
        # The best model is not saved, so that the Trainer loads another one, or none.
        ({"save_steps": 8}, (0.25, 0.5, 0.75, 0.5), [False, True, False, False]),
        ({"save_steps": 8}, (0.75, 0.5, 0.25, 0.5), [False, False, False, False]),
    ],
)
def test_the_epoch_whose_model_is_loaded_at_the_end_is_the_best(hf, tmp_path, model, items, arguments, scores, best):
    steps = {"eval_strategy": "steps", "eval_steps": 4, "save_strategy": "steps", "save_steps": 4}
    with recorder(tmp_path / "run", model) as rec:
        make_trainer(
            hf,
            tmp_path,
            model,
            items,
            callback(rec),
            metrics=scored(*scores),
            load_best_model_at_end=True,
            metric_for_best_model="score",
            **{**steps, **arguments, "num_train_epochs": 4},
        ).train()
    run = mbias.Run(tmp_path / "run")
    assert [commit.best for commit in run.commits] == best
    np.testing.assert_allclose(run.values("wav", "best"), gates(model.net, items), atol=1e-6)


def test_the_evaluation_on_start_is_no_epoch(hf, tmp_path, model, items):
    with recorder(tmp_path / "run", model) as rec:
        make_trainer(hf, tmp_path, model, items, callback(rec), eval_on_start=True).train()
    check(tmp_path / "run", model.net, items)


def test_evaluations_at_steps_are_epochs_of_the_steps_before_them(hf, tmp_path, model, items):
    with recorder(tmp_path / "run", model) as rec:
        trainer = make_trainer(
            hf, tmp_path, model, items, callback(rec), eval_strategy="steps", eval_steps=3, logging_steps=1
        )
        trainer.train()
    run = mbias.Run(tmp_path / "run")
    logged = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    assert len(logged) == 8
    assert len(run.commits) == 3
    np.testing.assert_allclose(run.commits[0].losses["joint"]["optimised"], np.mean(logged[:3]), rtol=1e-4)
    np.testing.assert_allclose(run.values("wav"), gates(model.net, items), atol=1e-6)


@pytest.mark.parametrize("kind", [Model, Normalised])
def test_losses_are_means_over_samples_with_gradient_accumulation(hf, tmp_path, items, kind):
    model = kind()
    batch = {name: torch.stack([item[name] for item in items]) for name in ("x", "labels")}
    expected = model(**batch)
    with recorder(tmp_path / "run", model) as rec:
        # With a learning rate of 0, the mean over all samples is known.
        steps = {"per_device_train_batch_size": 3, "gradient_accumulation_steps": 4, "learning_rate": 0.0}
        make_trainer(hf, tmp_path, model, items, callback(rec), **steps).train()
    for commit in mbias.Run(tmp_path / "run").commits:
        for loss, key in LOSSES.items():
            np.testing.assert_allclose(commit.losses[loss]["optimised"], float(expected[key]), rtol=1e-5)
