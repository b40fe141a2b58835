"""The network's outputs on a split, and their F-scores."""

from __future__ import annotations

import numpy as np
import torch

from mbias.han.network import HAN, HANOutput
from mbias.scores.f_scores import as_table, f_scores, predictions
from mbias.training.data import Videos

BATCH = 128


def outputs(model: HAN, videos: Videos, dtype: torch.dtype) -> dict[str, np.ndarray]:
    """A record's arrays of a split: ``wav``, ``wtp``, ``p`` (video, segment, modality, category) and ``p_joint``."""
    model.eval()
    batches = []
    with torch.inference_mode(), autocast(videos.labels.device, dtype):
        for start in range(0, len(videos), BATCH):
            batches.append(model(*videos.features(slice(start, start + BATCH))))
    whole = HANOutput(*(torch.cat(parts).cpu() for parts in zip(*batches, strict=True)))
    return {"wav": whole.wav.numpy(), "wtp": whole.wtp.numpy(), "p": whole.p.numpy(), "p_joint": whole.wsl.numpy()}


def scores(arrays: dict[str, np.ndarray], truth: np.ndarray) -> dict[str, dict[str, float]]:
    """F-scores by level and metric, by the original's rule."""
    return as_table(f_scores(predictions(arrays["p"], arrays["p_joint"]), truth))


def autocast(device: torch.device, dtype: torch.dtype) -> torch.autocast:
    """Products in ``dtype``."""
    return torch.autocast(device.type, dtype, enabled=dtype != torch.float32)
