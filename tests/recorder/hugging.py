"""Small models for the Hugging Face Trainer, and what its tests share; importing it does not import transformers."""

from __future__ import annotations

import importlib
import itertools

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from tests.recorder.gated import Gated

LOSSES = {"joint": "loss", "audio": "loss_a"}


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.net, self.calls, self.fails_at = Gated(), 0, None

    def forward(self, x, labels):
        self.calls += 1
        if self.calls == self.fails_at:
            raise RuntimeError("the disk is full")
        audio, joint = self.net(x)
        losses = (binary_cross_entropy_with_logits(p, labels) for p in (joint, audio))
        return {**dict(zip(("loss", "loss_a"), losses, strict=True)), "logits": joint}


class Normalised(Model):
    """A model that divides its losses by the number of labels in all batches of a step."""

    def forward(self, x, labels, num_items_in_batch=None, **kwargs):
        outputs = super().forward(x, labels)
        share = 1 if num_items_in_batch is None else labels.numel() / num_items_in_batch
        return {name: value * share if "loss" in name else value for name, value in outputs.items()}


class Silent(Model):
    """A model that leaves its loss to the Trainer."""

    def forward(self, x, labels=None):
        outputs = super().forward(x, torch.zeros(len(x), 3))
        return {"logits": outputs["logits"]}


class Tuple(Silent):
    def forward(self, x, labels=None):
        return tuple(super().forward(x, labels).values())


def callback(rec, **options):
    return importlib.import_module("mbias.recorder.huggingface").RecorderCallback(rec, **{"losses": LOSSES, **options})


def make_trainer(hf, folder, model, items, *callbacks, evaluate=None, metrics=None, loss=None, **arguments):
    options = {
        "num_train_epochs": 2,
        "per_device_train_batch_size": 6,
        "learning_rate": 0.1,
        "eval_strategy": "epoch",
        "save_strategy": "no",
        "remove_unused_columns": False,
        "report_to": [],
        "use_cpu": True,
        "disable_tqdm": True,
    }
    return hf.Trainer(
        model,
        hf.TrainingArguments(str(folder / "out"), **{**options, **arguments}),
        train_dataset=items,
        eval_dataset=items if evaluate is None else evaluate,
        callbacks=list(callbacks),
        compute_metrics=metrics,
        compute_loss_func=loss,
    )


def scored(*scores):
    """Make a ``compute_metrics`` that returns these scores one after the other."""
    following = itertools.cycle(scores)
    return lambda _: {"score": next(following)}


def hooks(model):
    return [
        hook
        for module in model.modules()
        for hook in (*module._forward_pre_hooks.values(), *module._forward_hooks.values())
    ]


def raising(hf, event, step):
    """Make a callback that fails at a step."""

    def fail(self, args, state, control, **kwargs):
        if state.global_step == step:
            raise RuntimeError("the disk is full")

    return type("Raising", (hf.TrainerCallback,), {event: fail})()
