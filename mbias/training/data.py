"""The splits of LLP that a run uses, as tensors in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mbias.errors import BadInputError
from mbias.llp.store import LLPSplit, open_split, packed_folder
from mbias.llp.streams.stream import Streams, difference
from mbias.terms import Split

_CHUNK = 512
"""Number of videos copied at a time."""


@dataclass(frozen=True)
class Videos:
    """Features and labels of the videos of a split, on one device.

    Parameters
    ----------
    features
        By stream, features of shape (video, segment, width), in the type in which they are multiplied.
    labels
        Weak labels of shape (video, category), float32.
    """

    features: Mapping[str, Tensor]
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def inputs(self, index: Tensor | slice) -> tuple[Tensor, ...]:
        """Return the network's inputs for some of the videos.

        Parameters
        ----------
        index
            Which videos.

        Returns
        -------
        tuple of Tensor
            The features of each stream of these videos.
        """
        return tuple(features[index] for features in self.features.values())

    def first(self, count: int) -> Videos:
        """Return the first ``count`` videos."""
        return Videos({name: features[:count] for name, features in self.features.items()}, self.labels[:count])


@dataclass(frozen=True)
class Data:
    """The training, validation and recorded splits.

    Parameters
    ----------
    splits
        The splits on disk.
    videos
        Their videos in memory; empty where only the splits are needed.
    """

    splits: dict[Split, LLPSplit]
    videos: dict[Split, Videos]

    @property
    def fingerprint(self) -> str:
        """Fingerprints of all splits, in one line."""
        return ",".join(f"{split}:{self.splits[split].fingerprint[:16]}" for split in sorted(self.splits))

    @property
    def streams(self) -> Streams:
        """The streams of features, the same of all splits."""
        return self.splits[Split.TRAIN].streams

    def truth(self, split: Split) -> np.ndarray:
        """Return the dense labels of a split.

        Parameters
        ----------
        split
            The validation or the test split.

        Returns
        -------
        ndarray
            bool, shape (video, segment, modality, category).
        """
        truth = self.splits[split].truth
        assert truth is not None, split
        return truth

    @property
    def simulated(self) -> bool:
        """Whether the features are simulated."""
        return any(split.simulated for split in self.splits.values())


def open_splits(directory: str | Path, record: Split) -> dict[Split, LLPSplit]:
    """Open the splits that a run uses, without loading them.

    Parameters
    ----------
    directory
        The data directory, with packed features.
    record
        The recorded split.

    Returns
    -------
    dict
        The training, validation and recorded splits.

    Raises
    ------
    BadInputError
        If a split is not packed or damaged, or the splits are packed from different streams.
    """
    splits = {split: open_split(Path(directory), split) for split in (Split.TRAIN, Split.VAL, record)}
    for split, opened in splits.items():
        differ = difference(opened.streams, splits[Split.TRAIN].streams)
        if differ:
            raise BadInputError(
                f"{packed_folder(Path(directory), split)}: packed from the stream {differ[0]}, but the training split "
                f"from {differ[1]}; run `mbias pack {directory}`"
            )
    return splits


def load_data(directory: str | Path, record: Split, device: torch.device, dtype: torch.dtype = torch.float32) -> Data:
    """Load the splits that a run uses.

    Parameters
    ----------
    directory
        The data directory, with packed features.
    record
        The recorded split.
    device
        Where the tensors are kept.
    dtype
        The type in which features are kept and multiplied. Features kept in float32 would be rounded to bfloat16 anew
        in every step of a run in bfloat16.

    Returns
    -------
    Data
        The training, validation and recorded splits.

    Raises
    ------
    BadInputError
        If a split is not packed, or damaged.
    """
    splits = open_splits(directory, record)
    return Data(splits, {split: load_videos(opened, device, dtype) for split, opened in splits.items()})


def load_videos(split: LLPSplit, device: torch.device, dtype: torch.dtype) -> Videos:
    """Load the videos of a split.

    Parameters
    ----------
    split
        The split on disk.
    device, dtype
        As for `load_data`.

    Returns
    -------
    Videos
        The videos in memory.
    """
    features = {name: _on_device(array, device, dtype) for name, array in split.features.items()}
    return Videos(features, _on_device(split.weak, device, torch.float32))


def _on_device(array: np.ndarray, device: torch.device, dtype: torch.dtype) -> Tensor:
    tensor = torch.empty(array.shape, dtype=dtype, device=device)
    # In chunks, so that the memory never holds the whole array twice.
    for start in range(0, len(array), _CHUNK):
        tensor[start : start + _CHUNK] = torch.from_numpy(np.array(array[start : start + _CHUNK]))
    return tensor
