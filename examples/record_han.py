"""Record a HAN-like model in its own training loop, without changing the model or its losses.

    python examples/record_han.py runs/han && mbias-analyze attention runs/han

The model is small and the data are random. Recording adds only the lines with `recorder`.
"""

import sys

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy

import mbias

CATEGORIES = ("Speech", "Dog", "Cello", "Vacuum_cleaner")
VIDEOS, SEGMENTS = 60, 10


class Net(nn.Module):
    """A model with the attentive pooling of HAN, which returns neither W_av nor W_tp."""

    def __init__(self):
        super().__init__()
        self.fc_a, self.fc_v = nn.Linear(16, 32), nn.Linear(24, 32)
        self.fc_prob, self.fc_frame_att, self.fc_av_att = (nn.Linear(32, len(CATEGORIES)) for _ in range(3))

    def forward(self, audio, visual):
        """Return the probabilities of videos (joint, audio, visual), and those of segments."""
        x = torch.stack([self.fc_a(audio).relu(), self.fc_v(visual).relu()], dim=-2)
        p = torch.sigmoid(self.fc_prob(x))
        pooled = torch.softmax(self.fc_frame_att(x), dim=1) * p
        joint = (pooled * torch.softmax(self.fc_av_att(x), dim=2)).sum(dim=(1, 2))
        return joint, pooled[:, :, 0].sum(dim=1), pooled[:, :, 1].sum(dim=1), p


def main(path):
    """Train for three epochs and record them."""
    torch.manual_seed(0)
    labels = (torch.rand(VIDEOS, len(CATEGORIES)) < 0.3).float()
    audio = torch.randn(VIDEOS, SEGMENTS, 16) + labels.sum(dim=1)[:, None, None]
    visual = torch.randn(VIDEOS, SEGMENTS, 24)
    model = Net()
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)

    names = [f"video{i}" for i in range(VIDEOS)]
    truth = {"weak": labels.numpy() > 0}
    with mbias.Recorder(
        path, ("audio", "visual"), CATEGORIES, names, truth, sample="video", simulated=True
    ) as recorder:
        recorder.watch(model, "fc_av_att", "wav", softmax="modality")
        recorder.watch(model, "fc_frame_att", "wtp", softmax="segment")
        recorder.watch(model, "fc_prob", "p", output=torch.sigmoid)
        recorder.watch(model, "", "p_joint", axes="sample category", output=lambda outputs: outputs[0])
        for _ in range(3):
            for index in torch.randperm(VIDEOS).split(16):
                joint, a, v, _ = (p.clamp(1e-7, 1 - 1e-7) for p in model(audio[index], visual[index]))
                losses = [binary_cross_entropy(p, labels[index]) for p in (a, v, joint)]
                optimizer.zero_grad()
                sum(losses).backward()
                optimizer.step()
                recorder.losses(len(index), audio=losses[0], visual=losses[1], joint=losses[2])
            for index in torch.arange(VIDEOS).split(25):
                with torch.no_grad(), recorder.batch(index):
                    model(audio[index], visual[index])
            recorder.commit_epoch()


if __name__ == "__main__":
    main(sys.argv[1])
