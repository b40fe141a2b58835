"""The outputs of the network on a split, and their F-scores."""

from __future__ import annotations

import numpy as np
import torch

from mbias.han.network import HAN, HANOutput
from mbias.scores.f_scores import PAPER_METRICS, as_table, f_scores, predictions
from mbias.training.data import Videos

BATCH = 128


def outputs(model: HAN, videos: Videos, dtype: torch.dtype) -> dict[str, np.ndarray]:
    """Compute the arrays that a record holds of a split.

    Parameters
    ----------
    model
        The network; it is put into evaluation mode.
    videos
        The videos of the split.
    dtype
        The type in which products are computed.

    Returns
    -------
    dict
        ``wav``, ``wtp`` and ``p``, of shape (video, segment, modality, category), and ``p_joint``, of shape (video,
        category), all float32.
    """
    model.eval()
    batches = []
    with torch.inference_mode(), autocast(videos.labels.device, dtype):
        for start in range(0, len(videos), BATCH):
            batches.append(model(*videos.inputs(slice(start, start + BATCH))))
    whole = HANOutput(*(torch.cat(parts).cpu() for parts in zip(*batches, strict=True)))
    return {"wav": whole.wav.numpy(), "wtp": whole.wtp.numpy(), "p": whole.p.numpy(), "p_joint": whole.wsl.numpy()}


def scores(arrays: dict[str, np.ndarray], truth: np.ndarray) -> dict[str, dict[str, float]]:
    """Compute F-scores, by the rule of the original code.

    Parameters
    ----------
    arrays
        ``p`` and ``p_joint``, as `outputs` returns them.
    truth
        Dense labels, bool (video, segment, modality, category).

    Returns
    -------
    dict
        F-scores in [0, 1] by level and metric of the paper.
    """
    return as_table(f_scores(predictions(arrays["p"], arrays["p_joint"]), truth), PAPER_METRICS)


def autocast(device: torch.device, dtype: torch.dtype) -> torch.autocast:
    """Return a context in which products are computed in ``dtype``."""
    return torch.autocast(device.type, dtype, enabled=dtype != torch.float32)
