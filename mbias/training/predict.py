"""The predictions of a checkpoint for a split of LLP."""

from __future__ import annotations

from pathlib import Path

import torch

from mbias.han.weights import read_weights
from mbias.llp.predictions import Predictions
from mbias.llp.store import open_split
from mbias.terms import Split, Variant
from mbias.training.data import load_videos
from mbias.training.devices import choose_device
from mbias.training.outputs import outputs


def predict(checkpoint: Path, variant: Variant, directory: Path, split: Split) -> Predictions:
    """Compute the predictions of a checkpoint, in float32.

    Parameters
    ----------
    checkpoint
        File of HAN's weights, from the original code or a run.
    variant
        The variant of the network.
    directory
        The data directory, with packed features.
    split
        The split to predict.

    Returns
    -------
    Predictions
        The network's outputs on the split.

    Raises
    ------
    BadInputError
        If the checkpoint does not hold HAN's weights for the widths of the features, or the split is not packed.
    """
    opened = open_split(directory, split)
    device = choose_device("auto")
    model = read_weights(checkpoint, variant, opened.streams).to(device)
    predicted = outputs(model, load_videos(opened, device, torch.float32), torch.float32)
    single = (predicted["wtp"] * predicted["p"]).sum(axis=1)
    return Predictions(predicted["p"], predicted["p_joint"], single, opened.videos)
