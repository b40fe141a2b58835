"""The callback records a model in the training loop of the Hugging Face Trainer."""

from __future__ import annotations

import pytest
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from tests.recorder.gated import Gated, check, make_items, recorder


@pytest.mark.filterwarnings("ignore")
def test_every_epoch_is_recorded(tmp_path):
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

    items = make_items()
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
