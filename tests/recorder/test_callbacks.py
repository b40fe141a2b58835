"""The callbacks, in the real training loops they are for."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

import mbias

CATEGORIES, SAMPLES = ("a", "b", "c"), 20


class Gated(nn.Module):
    def __init__(self):
        super().__init__()
        self.gate, self.audio, self.visual = nn.Linear(6, 2), nn.Linear(3, 3), nn.Linear(3, 3)

    def forward(self, x):
        weights = torch.softmax(self.gate(x), dim=-1)
        audio, visual = self.audio(x[:, :3]), self.visual(x[:, 3:])
        return audio, weights[:, :1] * audio + weights[:, 1:] * visual


@pytest.fixture
def items():
    generator = torch.Generator().manual_seed(0)
    xs, ys = torch.randn(SAMPLES, 6, generator=generator), torch.rand(SAMPLES, 3, generator=generator) < 0.5
    return [{"index": i, "x": x, "labels": y.float()} for i, (x, y) in enumerate(zip(xs, ys, strict=True))]


def recorder(path, model):
    rec = mbias.Recorder(path, ("audio", "visual"), CATEGORIES, [str(i) for i in range(SAMPLES)])
    rec.watch(model, "gate", axes="sample modality", softmax="modality")
    return rec


def check(path, model, items):
    run = mbias.Run(path)
    assert len(run.commits) == 2
    assert set(run.commit().losses) == {"audio", "joint"}
    with torch.no_grad():
        expected = torch.softmax(model.gate(torch.stack([item["x"] for item in items])), dim=1)
    np.testing.assert_allclose(run.values("wav"), expected.numpy(), atol=1e-6)
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


@pytest.mark.filterwarnings("ignore")
def test_lightning(tmp_path, items):
    lightning = pytest.importorskip("lightning", reason="lightning is not installed")
    from torch.utils.data import DataLoader

    from mbias.recorder.lightning import RecorderCallback

    class Module(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.net = Gated()

        def training_step(self, batch, _):
            audio, joint = (binary_cross_entropy_with_logits(p, batch["labels"]) for p in self.net(batch["x"]))
            self.log_dict({"loss_a": audio, "loss": joint}, on_epoch=True)
            return audio + joint

        def validation_step(self, batch, _):
            self.net(batch["x"])

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), 0.1)

    model = Module()
    with recorder(tmp_path / "run", model) as rec:
        callback = RecorderCallback(rec, lambda batch: batch["index"], {"audio": "loss_a", "joint": "loss"})
        off = ("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary")
        trainer = lightning.Trainer(
            max_epochs=2,
            accelerator="cpu",
            callbacks=[callback],
            default_root_dir=tmp_path,
            **dict.fromkeys(off, False),
        )
        trainer.fit(model, DataLoader(items, 6, shuffle=True), DataLoader(items, 7))
    check(tmp_path / "run", model.net, items)


@pytest.mark.filterwarnings("ignore")
def test_hugging_face(tmp_path, items):
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    pytest.importorskip("accelerate", reason="accelerate is not installed")
    from mbias.recorder.huggingface import RecorderCallback

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = Gated()

        def forward(self, x, labels):
            audio, joint = (binary_cross_entropy_with_logits(p, labels) for p in self.net(x))
            return {"loss": joint, "loss_a": audio}

    model = Model()
    with recorder(tmp_path / "run", model) as rec:
        arguments = transformers.TrainingArguments(
            str(tmp_path / "out"),
            num_train_epochs=2,
            eval_strategy="epoch",
            save_strategy="no",
            remove_unused_columns=False,
            report_to=[],
            use_cpu=True,
            disable_tqdm=True,
        )
        callback = RecorderCallback(rec, losses={"joint": "loss", "audio": "loss_a"})
        transformers.Trainer(model, arguments, train_dataset=items, eval_dataset=items, callbacks=[callback]).train()
    check(tmp_path / "run", model.net, items)
