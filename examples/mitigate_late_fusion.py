"""Train a late-fusion network with several mitigations, and ask each network which of its two inputs it depends on.

    python examples/mitigate_late_fusion.py

The modalities are the halves of scikit-learn's images of digits. The left halves are made easy: a bright pixel names
the digit in nine of ten images, in training and afterwards. The table shows, for each method, the accuracy on other
images, the share of the right halves in what changes the outputs, and the verdict. It is of one seed, with default
settings.
"""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn.functional import cross_entropy, one_hot

import mbias
from mbias.mitigation import OGMGE, JointOnly, MMPareto, ModalityDropout, Step, UnimodalLosses


class LateFusion(nn.Module):
    """A branch per half; the mean of their logits is the output."""

    def __init__(self):
        super().__init__()
        self.left, self.right = (nn.Sequential(nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 10)) for _ in range(2))

    def forward(self, left, right):
        """Return the logits of each half, and of both."""
        logits = {"left": self.left(left), "right": self.right(right)}
        return logits | {"joint": (logits["left"] + logits["right"]) / 2}


def halves():
    """The halves of the images, the left ones made easy, and the digits."""
    digits = load_digits()
    labels = torch.tensor(digits.target)
    left, right = (half.flatten(1) for half in torch.tensor(digits.images / 16).float().split(4, dim=2))
    named = torch.where(torch.rand(len(labels)) < 0.9, labels, torch.randint(10, labels.shape))
    left[:, :10] += 2 * one_hot(named, 10)
    return {"left": left, "right": right}, labels


def train(model, method, inputs, labels):
    """Train a network on the first 1,000 images."""
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    for _ in range(20):
        method.start_epoch()
        for index in torch.randperm(1000).split(50):
            y = labels[index]
            logits = model(**method.inputs({name: half[index] for name, half in inputs.items()}))
            losses = {name: cross_entropy(z, y) for name, z in logits.items()}
            scores = {name: logits[name].softmax(-1) for name in inputs}
            optimizer.zero_grad()
            method.backward(Step(losses.pop("joint"), losses, scores=scores, labels=one_hot(y, 10)))
            optimizer.step()
        method.end_epoch()


def methods(model):
    """What is compared; each method is made for the network that it trains."""
    branches = {"left": list(model.left.parameters()), "right": list(model.right.parameters())}
    return {
        "none": lambda: JointOnly(),
        "sum of losses": lambda: UnimodalLosses(),
        "modality dropout": lambda: ModalityDropout(["left", "right"]),
        "OGM-GE": lambda: OGMGE(branches),
        "MMPareto": lambda: MMPareto(branches),
    }


def main():
    """Train a network with each method, and print what changed."""
    print(f"{'method':<18}{'accuracy':>9}{'right':>7}  verdict")
    for name in methods(LateFusion()):
        torch.manual_seed(0)
        inputs, labels = halves()
        model = LateFusion()
        train(model, methods(model)[name](), inputs, labels)

        test = {modality: half[1000:] for modality, half in inputs.items()}
        with torch.no_grad():
            accuracy = (model(**test)["joint"].argmax(-1) == labels[1000:]).float().mean()
        softmax = lambda logits: logits["joint"].softmax(-1)  # noqa: E731
        found = mbias.diagnose(model, test, labels[1000:], task="single_label", output=softmax)
        share = found.use.set_index("modality").loc["right", "share"]
        print(f"{name:<18}{accuracy:>9.3f}{share:>7.2f}  {', '.join([found.verdict, *found.flags])}")


if __name__ == "__main__":
    main()
