"""A model of linear branches whose logits are summed, and what a training step of it computes."""

from __future__ import annotations

import io

import torch
from torch import Tensor, nn
from torch.nn import functional

from mbias.mitigation import Step

WIDTH, CATEGORIES = 5, 3


class Toy(nn.Module):
    """One linear branch per modality, and a shared scale of the summed logits."""

    def __init__(self, modalities=("left", "right"), seed=0):
        super().__init__()
        torch.manual_seed(seed)
        self.branches = nn.ModuleDict({name: nn.Linear(WIDTH, CATEGORIES).double() for name in modalities})
        self.scale = nn.Parameter(torch.tensor(1.5, dtype=torch.double))

    def forward(self, x: dict[str, Tensor]) -> dict[str, Tensor]:
        logits = {name: branch(x[name]) for name, branch in self.branches.items()}
        return logits | {"joint": self.scale * sum(logits.values())}

    def parts(self) -> dict[str, list[nn.Parameter]]:
        return {name: list(branch.parameters()) for name, branch in self.branches.items()}


def batch(modalities=("left", "right"), samples=8, seed=1, multilabel=False):
    """Features by modality, of which the first ones say most, and labels (sample, category)."""
    generator = torch.Generator().manual_seed(seed)
    labels = functional.one_hot(torch.randint(CATEGORIES, (samples,), generator=generator), CATEGORIES).double()
    if multilabel:
        labels[::2, 0] = 1
    x = {}
    for index, name in enumerate(modalities):
        x[name] = torch.randn(samples, WIDTH, generator=generator, dtype=torch.double)
        x[name][:, :CATEGORIES] += labels * (4 - 2 * index)
    return x, labels


def step(model: Toy, x, labels, multilabel=False, unimodal=True) -> Step:
    logits = model(x)
    if multilabel:
        losses = {name: functional.binary_cross_entropy_with_logits(z, labels) for name, z in logits.items()}
        scores = {name: z.sigmoid() for name, z in logits.items()}
    else:
        losses = {name: functional.cross_entropy(z, labels) for name, z in logits.items()}
        scores = {name: z.softmax(-1) for name, z in logits.items()}
    joint = losses.pop("joint")
    return Step(
        joint,
        losses if unimodal else {},
        scores={name: scores[name] for name in model.branches},
        labels=labels,
        features={name: logits[name] for name in model.branches},
    )


def gradients(loss: Tensor, parameters) -> list[Tensor]:
    """The gradient by plain autograd; the graph is kept."""
    return [
        torch.zeros_like(p) if g is None else g
        for p, g in zip(
            parameters, torch.autograd.grad(loss, parameters, retain_graph=True, allow_unused=True), strict=True
        )
    ]


def grown(model: Toy) -> None:
    """Let the first branch know more than the others."""
    with torch.no_grad():
        for index, branch in enumerate(model.branches.values()):
            branch.weight[:, :CATEGORIES] += torch.eye(CATEGORIES).double() * (1.5 - index)


def saved(state):
    """A state, written to a file and read without pickled objects."""
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def train(model, method, steps, multilabel=False, start=0):
    """Train by SGD, and return the parameters."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for index in range(start, start + steps):
        x, labels = batch(tuple(model.branches), seed=index, multilabel=multilabel)
        optimizer.zero_grad()
        method.backward(step(model, method.inputs(x), labels, multilabel))
        optimizer.step()
    return [p.detach().clone() for p in model.parameters()]
