"""Dropout that needs few random numbers.

On a CPU, PyTorch's dropout draws one number per value in sequence, which took a tenth of a training step. Here, one
draw of 64 bits serves four values.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

RATE = 0.1
"""Probability that a value is dropped."""

_DROPPED = round(RATE * 2**16)


def dropout(x: Tensor, training: bool) -> Tensor:
    """Set a tenth of the values to zero, and scale the others up so that the mean is kept.

    On a CPU, the rate is 6554 / 65536, which is 6e-6 above a tenth, and the scale is exact for this rate. Other devices
    use PyTorch's dropout.

    Parameters
    ----------
    x
        Values of any shape.
    training
        Whether to drop values.

    Returns
    -------
    torch.Tensor
        Values of the shape and type of ``x``; ``x`` itself if not training.

    Examples
    --------
    >>> import torch
    >>> from mbias.han.dropout import dropout
    >>> dropped = dropout(torch.ones(1000, 1000), training=True)
    >>> round(float((dropped == 0).float().mean()), 2), round(float(dropped.mean()), 2)
    (0.1, 1.0)
    """
    if not training or x.device.type != "cpu":
        return F.dropout(x, RATE, training)
    draws = torch.empty(-(-x.numel() // 4), dtype=torch.int64).random_(-(2**63), None).view(torch.int16)
    kept = draws[: x.numel()].view(x.shape) >= _DROPPED - 2**15
    return x * kept.to(x.dtype).mul_(2**16 / (2**16 - _DROPPED))
