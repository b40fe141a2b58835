"""The callback records a model in Lightning's own training loop."""

from __future__ import annotations

import importlib

import numpy as np
import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.utils.data import DataLoader

import mbias
from mbias.errors import BadInputError
from tests.recorder.gated import SAMPLES, Gated, check, gates, recorder

# Importing lightning takes seconds.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


@pytest.fixture
def lightning():
    return pytest.importorskip("lightning", reason="lightning is not installed")


@pytest.fixture
def make_module(lightning):
    class Module(lightning.LightningModule):
        def __init__(self, scores, fails_at):
            super().__init__()
            self.net = Gated()
            self.scores, self.fails_at, self.calls = iter(scores), fails_at, 0

        def training_step(self, batch, _):
            audio, joint = (binary_cross_entropy_with_logits(p, batch["labels"]) for p in self.net(batch["x"]))
            self.log_dict({"loss_a": audio, "loss": joint}, on_epoch=True)
            return audio + joint

        def validation_step(self, batch, _, dataloader_idx=0):
            self.calls += 1
            if self.calls == self.fails_at:
                raise RuntimeError("the disk is full")
            self.net(batch["x"])

        test_step = validation_step

        def predict_step(self, batch):
            return self.net(batch["x"])

        def on_validation_epoch_end(self):
            if not self.trainer.sanity_checking:
                self.log("score", next(self.scores))

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), 0.1)

    def make(scores=(0.5, 0.25, 0.75, 0.5), fails_at=None):
        torch.manual_seed(0)
        return Module(scores, fails_at)

    return make


def callback(rec, **options):
    kind = importlib.import_module("mbias.recorder.lightning").RecorderCallback
    return kind(rec, lambda batch: batch["index"], **{"losses": {"audio": "loss_a", "joint": "loss"}, **options})


def make_trainer(lightning, folder, *callbacks, **options):
    off = dict.fromkeys(("logger", "enable_progress_bar", "enable_model_summary"), False)
    saving = {"enable_checkpointing": len(callbacks) > 1, "default_root_dir": folder}
    return lightning.Trainer(
        accelerator="cpu", callbacks=list(callbacks), **{"max_epochs": 2, **off, **saving, **options}
    )


def fit(trainer, model, items, *others, **options):
    # Batches in the same order, so that a resumed training is the same.
    trainer.fit(model, DataLoader(items, 6), [DataLoader(items, 7), *others], **options)


def without_hooks(model):
    return not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


def test_every_epoch_is_recorded(lightning, tmp_path, make_module, items):
    model = make_module()
    with recorder(tmp_path / "run", model) as rec:
        fit(make_trainer(lightning, tmp_path, callback(rec)), model, items)
    check(tmp_path / "run", model.net, items)


def test_validate_test_and_predict_record_nothing(lightning, tmp_path, make_module, items):
    def use():
        trainer.validate(model, DataLoader(items[:5], 7), verbose=False)
        trainer.test(model, [DataLoader(items[:5], 7), DataLoader(items, 7)], verbose=False)
        assert len(trainer.predict(model, DataLoader(items, 7))) == 3

    model = make_module(scores=[0.5] * 5)
    with recorder(tmp_path / "run", model) as rec:
        trainer = make_trainer(lightning, tmp_path, callback(rec))
        use()
        fit(trainer, model, items)
        log = (tmp_path / "run" / "epochs.jsonl").read_bytes()
        use()
    use()
    assert (tmp_path / "run" / "epochs.jsonl").read_bytes() == log
    check(tmp_path / "run", model.net, items)


def test_the_sanity_check_finds_a_wrong_index(lightning, tmp_path, make_module, items):
    model = make_module()
    with recorder(tmp_path / "run", model) as rec, pytest.raises(BadInputError, match="no sample has the index 20"):
        fit(make_trainer(lightning, tmp_path, callback(rec)), model, [{**items[0], "index": SAMPLES}])
    assert torch.equal(model.net.gate.weight, make_module().net.gate.weight)


@pytest.mark.parametrize("chosen", [0, 1])
def test_the_chosen_data_loader_is_recorded(lightning, tmp_path, make_module, items, chosen):
    # The other set has more samples, and others at the same positions.
    others = [{**item, "index": i} for i, item in enumerate([*items[::-1], *items[:4]])]
    loaders = [DataLoader(others, 7)]
    loaders.insert(chosen, DataLoader(items, 7))
    model = make_module()
    with recorder(tmp_path / "run", model) as rec:
        trainer = make_trainer(lightning, tmp_path, callback(rec, dataloader=chosen))
        trainer.fit(model, DataLoader(items, 6), loaders)
    check(tmp_path / "run", model.net, items)


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        (None, "there are 2 validation data loaders; choose the one to record with dataloader="),
        (2, "no validation data loader has the number 2; take 0 to 1"),
    ],
)
@pytest.mark.parametrize("sanity", [0, 2])
def test_one_data_loader_must_be_chosen(lightning, tmp_path, make_module, items, chosen, message, sanity):
    model = make_module()
    with recorder(tmp_path / "run", model) as rec, pytest.raises(BadInputError, match=message):
        trainer = make_trainer(lightning, tmp_path, callback(rec, dataloader=chosen), num_sanity_val_steps=sanity)
        fit(trainer, model, items, DataLoader(items, 7))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("saving", "scores", "best"),
    [
        ({"mode": "max"}, (0.5, 0.25, 0.75, 0.5), [True, False, True, False]),
        ({"mode": "max", "save_on_train_epoch_end": False}, (0.5, 0.25, 0.75, 0.75), [True, False, True, False]),
        ({"mode": "min"}, (0.5, 0.5, 0.75, 0.25), [True, False, False, True]),
        ({"mode": "max", "save_top_k": 3, "filename": "{step}"}, (0.25, 0.5, 0.375, 0.25), [True, True, False, False]),
        ({"mode": "max", "every_n_epochs": 2, "filename": "best"}, (0.75, 0.25, 1.0, 0.5), [False, True, False, True]),
        ({"mode": "max", "save_top_k": -1}, (0.5, 0.25, float("nan"), 0.75), [True, False, False, True]),
    ],
)
def test_the_epoch_whose_model_the_checkpoint_keeps_is_the_best(
    lightning, tmp_path, make_module, items, saving, scores, best
):
    model = make_module(scores)
    checkpoint = lightning.pytorch.callbacks.ModelCheckpoint(tmp_path / "kept", monitor="score", **saving)
    with recorder(tmp_path / "run", model) as rec:
        fit(make_trainer(lightning, tmp_path, callback(rec), checkpoint, max_epochs=4), model, items)
    run = mbias.Run(tmp_path / "run")
    assert [commit.best for commit in run.commits] == best
    model.load_state_dict(torch.load(checkpoint.best_model_path)["state_dict"])
    np.testing.assert_allclose(run.values("wav", "best"), gates(model.net, items), atol=1e-6)


def test_a_checkpoint_that_monitors_nothing_marks_no_epoch(lightning, tmp_path, make_module, items):
    model = make_module()
    checkpoint = lightning.pytorch.callbacks.ModelCheckpoint(tmp_path / "kept")
    with recorder(tmp_path / "run", model) as rec:
        fit(make_trainer(lightning, tmp_path, callback(rec), checkpoint), model, items)
    assert not any(commit.best for commit in mbias.Run(tmp_path / "run").commits)


def test_epochs_without_a_validation_are_part_of_the_next_one(lightning, tmp_path, make_module, items):
    def train(folder, **options):
        model = make_module()
        with recorder(folder, model) as rec:
            fit(make_trainer(lightning, folder, callback(rec), max_epochs=4, **options), model, items)
        return mbias.Run(folder)

    every, second = train(tmp_path / "every"), train(tmp_path / "second", check_val_every_n_epoch=2)
    assert len(second.commits) == 2
    for epoch in (1, 2):
        np.testing.assert_array_equal(second.values("wav", epoch), every.values("wav", 2 * epoch))
        losses = [every.commit(2 * epoch - past).losses["joint"]["optimised"] for past in (0, 1)]
        np.testing.assert_allclose(second.commit(epoch).losses["joint"]["optimised"], np.mean(losses), rtol=1e-6)


def test_losses_are_recorded_without_a_validation(lightning, tmp_path, make_module, items):
    model = make_module()
    with recorder(tmp_path / "run", model) as rec:
        fit(make_trainer(lightning, tmp_path, callback(rec), limit_val_batches=0), model, items)
    assert [commit.arrays for commit in mbias.Run(tmp_path / "run").commits] == [(), ()]


@pytest.mark.parametrize("at_end", [True, False])
@pytest.mark.parametrize("lost", [False, True])
def test_a_resumed_training_continues_the_record(lightning, tmp_path, make_module, items, at_end, lost):
    def train(folder, checkpoint=None, fails_at=None):
        # The sanity check, before and after, takes two batches; an epoch takes three.
        scores = {None: (0.1, 0.2, 0.3), "epoch=0.ckpt": (0.2, 0.3), "epoch=1.ckpt": (0.3,)}[checkpoint]
        model = make_module(scores, fails_at)
        saving = lightning.pytorch.callbacks.ModelCheckpoint(
            folder, "{epoch}", monitor="score", mode="max", save_top_k=-1, save_on_train_epoch_end=at_end
        )
        with recorder(folder / "run", model, resume=checkpoint is not None) as rec:
            trainer = make_trainer(lightning, folder, callback(rec), saving, max_epochs=3)
            fit(trainer, model, items, ckpt_path=checkpoint and folder / checkpoint)
        return mbias.Run(folder / "run")

    whole = train(tmp_path / "whole")
    with pytest.raises(RuntimeError, match="the disk is full"):
        train(tmp_path / "stopped", fails_at=10)
    # Without its last checkpoint, the record is one epoch ahead.
    resumed = train(tmp_path / "stopped", checkpoint="epoch=0.ckpt" if lost else "epoch=1.ckpt")
    assert [commit.best for commit in resumed.commits] == [True, True, True]
    for epoch in (1, 2, 3):
        np.testing.assert_allclose(resumed.values("wav", epoch), whole.values("wav", epoch), atol=1e-6)
        ours, theirs = (run.commit(epoch).losses["joint"]["optimised"] for run in (resumed, whole))
        np.testing.assert_allclose(ours, theirs, rtol=1e-5)


def test_an_epoch_that_was_stopped_between_its_checkpoint_and_its_end_is_left_out(
    lightning, tmp_path, make_module, items
):
    class Stop(lightning.Callback):
        def on_train_epoch_end(self, trainer, module):
            if trainer.current_epoch == 1:
                raise RuntimeError("the power is out")

    def train(*others, resume=False):
        model = make_module()
        saving = lightning.pytorch.callbacks.ModelCheckpoint(tmp_path, "last", save_on_train_epoch_end=False)
        with recorder(tmp_path / "run", model, resume=resume) as rec:
            trainer = make_trainer(lightning, tmp_path, *others, callback(rec), saving, max_epochs=4)
            fit(trainer, model, items, ckpt_path=tmp_path / "last.ckpt" if resume else None)

    with pytest.raises(RuntimeError, match="the power is out"):
        train(Stop())
    train(resume=True)
    assert len(mbias.Run(tmp_path / "run").commits) == 3


# Calls 1 and 2 are of the sanity check.
@pytest.mark.parametrize("fails_at", [7, 8])
def test_a_failure_commits_nothing_half_and_leaves_no_hooks(lightning, tmp_path, make_module, items, fails_at):
    model = make_module(fails_at=fails_at)
    with pytest.raises(RuntimeError, match="the disk is full"), recorder(tmp_path / "run", model) as rec:
        fit(make_trainer(lightning, tmp_path, callback(rec)), model, items)
    assert len(mbias.Run(tmp_path / "run").commits) == 1
    assert without_hooks(model)


def test_training_can_be_repeated_after_a_failure(lightning, tmp_path, make_module, items):
    model = make_module(fails_at=4)
    with recorder(tmp_path / "run", model) as rec:
        with pytest.raises(RuntimeError, match="the disk is full"):
            fit(make_trainer(lightning, tmp_path, callback(rec)), model, items)
        fit(make_trainer(lightning, tmp_path, callback(rec)), model, items)
    check(tmp_path / "run", model.net, items)


def test_a_loss_that_is_not_logged_is_named(lightning, tmp_path, make_module, items):
    model = make_module()
    with recorder(tmp_path / "run", model) as rec:
        chosen = callback(rec, losses={"joint": "train_loss"})
        with pytest.raises(BadInputError, match="loss 'joint': the module logs no 'train_loss'; log it with on_epoch"):
            fit(make_trainer(lightning, tmp_path, chosen), model, items)


def test_training_after_the_recorder_is_closed_is_refused(lightning, tmp_path, make_module, items):
    model = make_module()
    with recorder(tmp_path / "run", model) as rec:
        trainer = make_trainer(lightning, tmp_path, callback(rec))
    with pytest.raises(BadInputError, match="the recorder is closed; train inside its with block"):
        fit(trainer, model, items)
