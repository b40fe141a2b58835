"""Today's practice, as a reference: the training loop and the evaluation that users of HAN run.

Written for this benchmark from their description: features are read one .npy file at a time, all 80 frames pass through
the projection in every step, attention modules are called once per modality, Adam has its default settings, the type is
float32, and the loss is read on the host in every step. Scores are computed in Python loops, video by video.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from mbias.llp.features import feature_path
from mbias.llp.streams.presets import HAN_STREAMS


class PlainHAN(nn.Module):
    """HAN in PyTorch's own modules, which processes one modality at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.fc_a, self.fc_v, self.fc_st = nn.Linear(128, 512), nn.Linear(2048, 512), nn.Linear(512, 512)
        self.fc_fusion = nn.Linear(1024, 512)
        self.self_attn, self.cm_attn = (nn.MultiheadAttention(512, 1, dropout=0.1) for _ in range(2))
        self.linear1, self.linear2 = nn.Linear(512, 512), nn.Linear(512, 512)
        self.norm1, self.norm2 = nn.LayerNorm(512), nn.LayerNorm(512)
        self.dropout = nn.Dropout(0.1)
        self.fc_prob, self.fc_frame_att, self.fc_av_att = (nn.Linear(512, 25) for _ in range(3))

    def aggregate(self, target: Tensor, source: Tensor) -> Tensor:
        """Features of the target modality, (T, B, 512), after self-attention and attention to the source modality."""
        cross = self.cm_attn(target, source, source)[0]
        within = self.self_attn(target, target, target)[0]
        f = self.norm1(target + self.dropout(cross) + self.dropout(within))
        return self.norm2(f + self.dropout(self.linear2(self.dropout(torch.relu(self.linear1(f))))))

    def forward(self, audio: Tensor, frames: Tensor, motion: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Video-level probabilities p_a, p_v and p_wsl."""
        a = self.fc_a(audio).permute(1, 0, 2)
        picture = self.fc_v(frames).permute(0, 2, 1).unsqueeze(-2)
        picture = nn.functional.avg_pool2d(picture, (1, 8)).squeeze(-2).permute(0, 2, 1)
        v = self.fc_fusion(torch.cat((picture, self.fc_st(motion)), dim=-1)).permute(1, 0, 2)
        a, v = self.aggregate(a, v).permute(1, 0, 2), self.aggregate(v, a).permute(1, 0, 2)
        f = torch.stack([a, v], dim=2)
        p = torch.sigmoid(self.fc_prob(f))
        wtp, wav = torch.softmax(self.fc_frame_att(f), dim=1), torch.softmax(self.fc_av_att(f), dim=2)
        single = (wtp * p).sum(dim=1)
        return single[:, 0], single[:, 1], (wtp * wav * p).sum(dim=(1, 2))


class PlainTraining:
    """A training loop over the files of a data directory."""

    def __init__(self, directory: Path, videos: tuple[str, ...], labels: np.ndarray) -> None:
        self.directory, self.videos = directory, videos
        self.labels = labels.astype(np.float32)
        self.model = PlainHAN().train()
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=3e-4)

    def epoch(self) -> float:
        """Train on every video once, 16 at a time; return the sum of the losses of the steps."""
        total = 0.0
        order = np.random.default_rng(0).permutation(len(self.videos))
        for start in range(0, len(order), 16):
            index = order[start : start + 16]
            audio, frames, motion = (
                torch.stack([self.read(stream, self.videos[i]) for i in index]) for stream in HAN_STREAMS
            )
            labels = torch.from_numpy(self.labels[index])
            smoothed = 0.9 * labels + 0.05
            p_a, p_v, p_wsl = (p.clamp(1e-7, 1 - 1e-7) for p in self.model(audio, frames, motion))
            criterion = nn.functional.binary_cross_entropy
            loss = criterion(p_a, labels) + criterion(p_v, smoothed) + criterion(p_wsl, labels)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            total += loss.item()
        return total

    def read(self, stream, video: str) -> Tensor:  # type: ignore[no-untyped-def]
        """One feature file."""
        return torch.from_numpy(np.load(feature_path(self.directory, stream, video)))


def plain_f_scores(predicted: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Mean F-scores, (level, metric), from bool arrays (video, segment, modality, category), one video at a time."""
    per_video = []
    for p, t in zip(predicted, truth, strict=True):
        p, t = (np.stack([x[:, 0].T, x[:, 1].T, (x[:, 0] & x[:, 1]).T]) for x in (p, t))
        per_video.append([_video_scores(p, t, count) for count in (_segment_counts, _event_counts)])
    return np.mean(per_video, axis=0)


def _video_scores(predicted: np.ndarray, truth: np.ndarray, count) -> list[float]:  # type: ignore[no-untyped-def]
    counts = np.array(
        [[count(p, t) for p, t in zip(*both, strict=True)] for both in zip(predicted, truth, strict=True)]
    )
    audio, visual, both = (_mean_f(stream) for stream in counts)
    return [audio, visual, both, (audio + visual + both) / 3, _mean_f(counts[0] + counts[1])]


def _mean_f(counts: np.ndarray) -> float:
    f = [2 * tp / (2 * tp + fp + fn) for tp, fp, fn in counts if tp + fp + fn]
    return float(np.mean(f)) if f else 1.0


def _segment_counts(predicted: np.ndarray, truth: np.ndarray) -> tuple[int, int, int]:
    tp = int(np.sum(predicted * truth))
    return tp, int(np.sum(predicted)) - tp, int(np.sum(truth)) - tp


def _event_counts(predicted: np.ndarray, truth: np.ndarray) -> tuple[int, int, int]:
    predicted_events, true_events = _events(predicted), _events(truth)
    right = sum(any(_overlap(a, b) for b in true_events) for a in predicted_events)
    detected = sum(any(_overlap(a, b) for a in predicted_events) for b in true_events)
    return right, len(predicted_events) - right, len(true_events) - detected


def _events(active: np.ndarray) -> list[tuple[int, int]]:
    events, onset = [], None
    for segment, on in enumerate([*active, False]):
        if on and onset is None:
            onset = segment
        elif not on and onset is not None:
            events.append((onset, segment))
            onset = None
    return events


def _overlap(a: tuple[int, int], b: tuple[int, int]) -> bool:
    shared = min(a[1], b[1]) - max(a[0], b[0])
    return shared > 0 and shared / (max(a[1], b[1]) - min(a[0], b[0])) >= 0.5
