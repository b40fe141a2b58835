"""A split of LLP as tensors in memory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mbias.llp.store import LLPSplit, open_split
from mbias.terms import Split

_PART = 512
"""Videos copied at a time."""


@dataclass(frozen=True)
class Videos:
    """Features and labels of a split's videos, on one device.

    Parameters
    ----------
    audio, frames, motion
        Features of shape (video, segment, width), in the type they are multiplied in.
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


def open_splits(directory: Path, record: Split) -> dict[Split, LLPSplit]:
    """The training, validation and recorded splits of a data directory, on disk."""
    return {split: open_split(directory, split) for split in (Split.TRAIN, Split.VAL, record)}


def load_data(directory: Path, record: Split, device: torch.device, dtype: torch.dtype = torch.float32) -> Data:
    """The training, validation and recorded splits of a data directory, in memory.

    Features are kept in ``dtype``, the type they are multiplied in: a run in bfloat16 would else round the same
    numbers in every step.
    """
    splits = open_splits(directory, record)
    return Data(splits, {split: _load(opened, device, dtype) for split, opened in splits.items()})


def _load(split: LLPSplit, device: torch.device, dtype: torch.dtype) -> Videos:
    return Videos(
        audio=_on_device(split.audio, device, dtype),
        frames=_on_device(split.frames, device, dtype),
        motion=_on_device(split.motion, device, dtype),
        labels=_on_device(split.weak, device, torch.float32),
    )


def _on_device(array: np.ndarray, device: torch.device, dtype: torch.dtype) -> Tensor:
    tensor = torch.empty(array.shape, dtype=dtype, device=device)
    # In parts, so that the array is never there twice.
    for start in range(0, len(array), _PART):
        tensor[start : start + _PART] = torch.from_numpy(np.array(array[start : start + _PART]))
    return tensor
