"""External models whose outputs are known from their definition, and what is needed to record them."""

from __future__ import annotations

import torch
from torch import nn

import mbias

CATEGORIES = ("Speech", "Dog", "犬", "Car", "Cat")
SAMPLES, SEGMENTS = 23, 6
NAMES = [f"s{i}" for i in range(SAMPLES)]


class Net(nn.Module):
    """A model of the HAN line: it returns no attention weights, and probabilities together with unrelated values."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.v = nn.Linear(8, 16), nn.Linear(12, 16)
        self.fc_prob, self.fc_frame_att, self.fc_av_att = (nn.Linear(16, len(CATEGORIES)) for _ in range(3))

    def forward(self, audio, visual):
        x = torch.stack([self.a(audio), self.v(visual)], dim=-2)
        p = torch.sigmoid(self.fc_prob(x))
        pooled = torch.softmax(self.fc_frame_att(x), dim=1) * p
        joint = (pooled * torch.softmax(self.fc_av_att(x), dim=2)).sum(dim=(1, 2))
        return joint, pooled[:, :, 0].sum(dim=1), pooled[:, :, 1].sum(dim=1), p, None, {"mask": None}

    def attention(self, audio, visual):
        """W_av by its definition."""
        with torch.no_grad():
            logits = self.fc_av_att(torch.stack([self.a(audio), self.v(visual)], dim=-2)).double()
            return (logits.exp() / logits.exp().sum(dim=2, keepdim=True)).numpy()


class Chunked(nn.Module):
    """Run the model on parts of the batch, as DataParallel does."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, audio, visual):
        parts = [self.module(*part) for part in zip(audio.chunk(3), visual.chunk(3), strict=True)]
        return [torch.cat(values) for values in list(zip(*parts, strict=True))[:4]]


def recorder(path, **options):
    """Make a recorder of two modalities."""
    return mbias.Recorder(path, ("audio", "visual"), CATEGORIES, NAMES, **options)


def run_epoch(rec, model, data, context=torch.no_grad):
    """Record all samples in a random order, in batches of several sizes."""
    order = torch.randperm(SAMPLES, generator=torch.Generator().manual_seed(1))
    for index in (order[:1], order[1:9], order[9:]):
        with context(), rec.batch(index):
            model(*(array[index] for array in data))


class Heads(nn.Module):
    """One head per modality, nested in lists; the output is the probabilities of samples only."""

    def __init__(self) -> None:
        super().__init__()
        self.heads = nn.ModuleList(nn.ModuleDict({"att": nn.Linear(8, 5), "cls": nn.Linear(8, 5)}) for _ in range(2))

    def forward(self, audio):
        logits = torch.stack([head["att"](scale * audio) for scale, head in zip((1, -1), self.heads, strict=True)], 2)
        p = torch.stack([head["cls"](scale * audio) for scale, head in zip((1, -1), self.heads, strict=True)], 2)
        return {"video": (torch.softmax(logits, dim=2) * torch.sigmoid(p)).mean(dim=(1, 2))}


class SharedHead(Heads):
    """One head for both modalities."""

    def __init__(self) -> None:
        super().__init__()
        self.heads[1] = self.heads[0]


def open_batch(rec, index):
    """Open a batch without running a model."""
    with rec.batch(index):
        pass


def record(path, model, data, epochs, **options):
    """Record a run until it has this number of epochs."""
    with recorder(path, **options) as rec:
        rec.watch(model, "fc_av_att", softmax="modality")
        for epoch in range(rec.epochs, epochs):
            run_epoch(rec, model, data)
            rec.losses(1, audio=1 / (epoch + 1), joint=0.5)
            rec.commit_epoch()
