"""Ask a network of three modalities, one of which has two inputs, which of them it depends on.

    python examples/diagnose_three_modalities.py runs/three_modalities

A sample can have several labels. The data are simulated: the text shows the labels, audio and video are noise, so the
verdict should name the text.
"""

import sys

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

import mbias

LABELS, SAMPLES = ("joy", "anger", "fear"), 1500
MODALITIES = {"audio": {"sound": 20}, "video": {"frames": 12, "motion": 6}, "text": {"words": 10}}


class EarlyFusion(nn.Module):
    """A network with one hidden layer over all inputs."""

    def __init__(self):
        super().__init__()
        width = sum(size for inputs in MODALITIES.values() for size in inputs.values())
        self.layers = nn.Sequential(nn.Linear(width, 32), nn.ReLU(), nn.Dropout(0.2), nn.Linear(32, len(LABELS)))

    def forward(self, sound, frames, motion, words):
        """Return logits."""
        return self.layers(torch.cat([sound, frames, motion, words], dim=-1))


def main(path):
    """Train the network, and print what it depends on."""
    torch.manual_seed(0)
    labels = (torch.rand(SAMPLES, len(LABELS)) < 0.4).float()
    data = {
        name: {part: torch.randn(SAMPLES, size) for part, size in inputs.items()} for name, inputs in MODALITIES.items()
    }
    data["text"]["words"] += 2 * labels @ torch.randn(len(LABELS), 10)
    inputs = {part: values for of_modality in data.values() for part, values in of_modality.items()}
    model = EarlyFusion()
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    for _ in range(15):
        for index in torch.randperm(1000).split(50):
            logits = model(**{part: values[index] for part, values in inputs.items()})
            loss = binary_cross_entropy_with_logits(logits, labels[index])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    # --- from the trained model to a verdict
    held_out = {name: {part: values[1000:] for part, values in of.items()} for name, of in data.items()}
    found = mbias.diagnose(model, held_out, labels[1000:], categories=LABELS, output=torch.sigmoid, simulated=True)
    print(found.sentence)
    found.save(path)
    # ---


if __name__ == "__main__":
    main(sys.argv[1])
