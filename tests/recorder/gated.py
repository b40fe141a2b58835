"""A small model and data set for the callbacks, and what its record must hold."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

import mbias

CATEGORIES, SAMPLES = ("a", "b", "c"), 20


class Gated(nn.Module):
    """A classifier whose gate weights two modalities."""

    def __init__(self):
        super().__init__()
        self.gate, self.audio, self.visual = nn.Linear(6, 2), nn.Linear(3, 3), nn.Linear(3, 3)

    def forward(self, x):
        weights = torch.softmax(self.gate(x), dim=-1)
        audio, visual = self.audio(x[:, :3]), self.visual(x[:, 3:])
        return audio, weights[:, :1] * audio + weights[:, 1:] * visual


def make_items():
    """Draw the items of a data set."""
    generator = torch.Generator().manual_seed(0)
    xs, ys = torch.randn(SAMPLES, 6, generator=generator), torch.rand(SAMPLES, 3, generator=generator) < 0.5
    return [{"index": i, "x": x, "labels": y.float()} for i, (x, y) in enumerate(zip(xs, ys, strict=True))]


def recorder(path, model, **options):
    """Make a recorder that watches the gate."""
    rec = mbias.Recorder(path, ("audio", "visual"), CATEGORIES, [str(i) for i in range(SAMPLES)], **options)
    rec.watch(model, "gate", axes="sample modality", softmax="modality")
    return rec


def gates(model, items):
    """Compute the weights of the gate."""
    with torch.no_grad():
        return torch.softmax(model.gate(torch.stack([item["x"] for item in items])), dim=1).numpy()


def check(path, model, items):
    """Require two epochs, the weights of the gate, and a model without hooks."""
    run = mbias.Run(path)
    assert len(run.commits) == 2
    assert set(run.commit().losses) == {"audio", "joint"}
    np.testing.assert_allclose(run.values("wav"), gates(model, items), atol=1e-6)
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())
