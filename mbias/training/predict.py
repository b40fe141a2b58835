"""Predictions of a checkpoint for a split of LLP."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from mbias.han.weights import read_weights
from mbias.llp.predictions import Predictions
from mbias.llp.store import open_split
from mbias.terms import Split, Variant
from mbias.training.data import Videos
from mbias.training.devices import choose_device
from mbias.training.outputs import outputs


def predict(checkpoint: Path, variant: Variant, directory: Path, split: Split) -> Predictions:
    """What the network of a variant with the weights of a checkpoint gives, in float32.

    Raises
    ------
    BadInputError
        If the checkpoint is none of HAN's, or the split is not packed.
    """
    opened = open_split(directory, split)
    device = choose_device("auto")
    arrays = (opened.audio, opened.frames, opened.motion, opened.weak.astype(np.float32))
    videos = Videos(*(torch.from_numpy(np.array(array)).to(device) for array in arrays))
    given = outputs(read_weights(checkpoint, variant).to(device), videos, torch.float32)
    single = (given["wtp"] * given["p"]).sum(axis=1)
    return Predictions(given["p"], given["p_joint"], single, opened.videos)
