"""Record a classifier with three modalities and no segments, whose gate weights the modalities.

    python examples/record_three_modalities.py runs/three && mbias-analyze attention runs/three

The data are random. Only the text depends on the category, so the gate should learn to prefer it.
"""

import sys

import torch
from torch import nn
from torch.nn.functional import cross_entropy

import mbias

MODALITIES, CATEGORIES = ("audio", "visual", "text"), ("喜び", "غضب", "грусть")
SAMPLES, WIDTH = 120, 8


class Gated(nn.Module):
    """One classifier per modality, weighted by a gate."""

    def __init__(self):
        super().__init__()
        self.classifiers = nn.ModuleList(nn.Linear(WIDTH, len(CATEGORIES)) for _ in MODALITIES)
        self.gate = nn.Linear(len(MODALITIES) * WIDTH, len(MODALITIES))

    def forward(self, inputs):
        """Return the joint logits and those of each modality."""
        logits = torch.stack([f(inputs[:, m]) for m, f in enumerate(self.classifiers)], dim=1)
        weights = torch.softmax(self.gate(inputs.flatten(1)), dim=-1)
        return (weights[..., None] * logits).sum(dim=1), logits


def main(path):
    """Train for five epochs and record them."""
    torch.manual_seed(0)
    labels = torch.randint(len(CATEGORIES), (SAMPLES,))
    inputs = torch.randn(SAMPLES, len(MODALITIES), WIDTH)
    inputs[torch.arange(SAMPLES), 2, labels] += 3
    model = Gated()
    optimizer = torch.optim.Adam(model.parameters(), 0.02)

    truth = {"weak": nn.functional.one_hot(labels).numpy() > 0}
    names = [f"sample{i}" for i in range(SAMPLES)]
    with mbias.Recorder(path, MODALITIES, CATEGORIES, names, truth, simulated=True) as recorder:
        recorder.watch(model, "gate", "wav", axes="sample modality", softmax="modality")
        for _ in range(5):
            for index in torch.randperm(SAMPLES).split(20):
                with recorder.batch(index):
                    joint_logits, logits = model(inputs[index])
                losses = {m: cross_entropy(logits[:, i], labels[index]) for i, m in enumerate(MODALITIES)}
                joint = cross_entropy(joint_logits, labels[index])
                optimizer.zero_grad()
                (joint + sum(losses.values())).backward()
                optimizer.step()
                recorder.losses(len(index), joint=joint, **losses)
            recorder.commit_epoch()


if __name__ == "__main__":
    main(sys.argv[1])
