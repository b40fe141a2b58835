"""Dropout that does not wait for the random numbers.

PyTorch's dropout draws a number for every value, one after the other, which on a processor took a tenth of a training
step. Here a draw of 64 bits decides on four values.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

RATE = 0.1
_DROPPED = round(RATE * 2**16)


def dropout(x: Tensor, training: bool) -> Tensor:
    """Values of ``x``, a tenth of them zero and the others scaled up to keep the mean; ``x`` where not training.

    On a processor the rate is 6554 / 65536, 6e-6 above a tenth, and the scale is exact for it. On other devices it is
    PyTorch's own dropout.
    """
    if not training or x.device.type != "cpu":
        return F.dropout(x, RATE, training)
    draws = torch.empty(-(-x.numel() // 4), dtype=torch.int64).random_(-(2**63), None).view(torch.int16)
    kept = draws[: x.numel()].view(x.shape) >= _DROPPED - 2**15
    return x * kept.to(x.dtype).mul_(2**16 / (2**16 - _DROPPED))
