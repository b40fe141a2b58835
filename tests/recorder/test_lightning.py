"""The callback records a model in Lightning's own training loop."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from tests.recorder.gated import Gated, check, make_items, recorder


@pytest.mark.filterwarnings("ignore")
def test_every_epoch_is_recorded(tmp_path):
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

    items = make_items()
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
