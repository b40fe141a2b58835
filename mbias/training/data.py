"""A split of LLP as tensors in memory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mbias.llp.store import LLPSplit, open_split
from mbias.terms import Split


@dataclass(frozen=True)
class Videos:
    """Features and labels of a split's videos, on one device.

    Parameters
    ----------
    audio, frames, motion
        Features of shape (video, segment, width), float32.
    labels
        Weak labels of shape (video, category), float32.
    """

    audio: Tensor
    frames: Tensor
    motion: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def features(self, index: Tensor | slice) -> tuple[Tensor, Tensor, Tensor]:
        """The network's inputs for some videos."""
        return self.audio[index], self.frames[index], self.motion[index]


@dataclass(frozen=True)
class Data:
    """What a run is trained on, chosen by and recorded with."""

    splits: dict[Split, LLPSplit]
    videos: dict[Split, Videos]

    @property
    def fingerprint(self) -> str:
        """Fingerprints of all splits."""
        return ",".join(f"{split}:{self.splits[split].fingerprint[:16]}" for split in sorted(self.splits))

    def truth(self, split: Split) -> np.ndarray:
        """Dense labels of the validation or test split, bool (video, segment, modality, category)."""
        truth = self.splits[split].truth
        assert truth is not None, split
        return truth

    @property
    def simulated(self) -> bool:
        """Whether the features are simulated."""
        return any(split.simulated for split in self.splits.values())


def load_data(directory: Path, record: Split, device: torch.device) -> Data:
    """The training, validation and recorded splits of a data directory, in memory."""
    splits = {split: open_split(directory, split) for split in {Split.TRAIN, Split.VAL, record}}
    return Data(splits, {split: _load(opened, device) for split, opened in splits.items()})


def _load(split: LLPSplit, device: torch.device) -> Videos:
    def on_device(array: np.ndarray) -> Tensor:
        return torch.from_numpy(np.array(array, dtype=np.float32)).to(device)

    return Videos(*map(on_device, (split.audio, split.frames, split.motion, split.weak)))
