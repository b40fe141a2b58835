"""Ask a trained late-fusion network which of its two inputs it depends on.

    python examples/diagnose_late_fusion.py runs/late_fusion

The modalities are the halves of scikit-learn's images of digits. The right halves are covered by noise, in training and
afterwards, so the verdict should name the left ones.
"""

import sys

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn.functional import cross_entropy

import mbias


class LateFusion(nn.Module):
    """A branch per half; the mean of their logits is the output."""

    def __init__(self):
        super().__init__()
        self.left, self.right = (nn.Sequential(nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 10)) for _ in range(2))

    def forward(self, left, right):
        """Return the probabilities of the ten digits."""
        return ((self.left(left) + self.right(right)) / 2).softmax(dim=-1)


def main(path):
    """Train the network, and print what it depends on."""
    torch.manual_seed(0)
    digits = load_digits()
    labels = torch.tensor(digits.target)
    left, right = (half.flatten(1) for half in torch.tensor(digits.images / 16).float().split(4, dim=2))
    right = right + 2 * torch.randn_like(right)
    model = LateFusion()
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    for _ in range(30):
        for index in torch.randperm(1000).split(100):
            loss = cross_entropy(model(left[index], right[index]).log(), labels[index])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    # --- from the trained model to a verdict
    found = mbias.diagnose(model, {"left": left[1000:], "right": right[1000:]}, labels[1000:], task="single_label")
    print(found.sentence)
    found.save(path)
    # ---


if __name__ == "__main__":
    main(sys.argv[1])
