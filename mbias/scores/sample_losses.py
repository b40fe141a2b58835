"""How far outputs are from what is true, sample by sample: losses that a mean over samples is taken of."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mbias.tasks import Task

LOSSES = ("squared_error", "log_loss", "error_rate")
"""The names of the losses: the squared error; the log-loss, in nats; and the part of wrong decisions."""

_LEAST = 1e-7


def loss_function(name: str, task: Task) -> Callable[[np.ndarray, np.ndarray], np.ndarray] | None:
    """The loss of a name and task, a function of outputs and what is true, (..., category); None if it has none.

    Parameters
    ----------
    name
        One of `LOSSES`.
    task
        The task.

    Examples
    --------
    >>> from mbias.tasks import Task
    >>> loss_function("log_loss", Task.SINGLE_LABEL).__name__
    'categorical_log_loss'
    """
    if name == "squared_error":
        return squared_error
    if name == "log_loss" and task != Task.REGRESSION:
        return categorical_log_loss if task == Task.SINGLE_LABEL else log_loss
    return {Task.SINGLE_LABEL: wrong_class, Task.BINARY: wrong_side}.get(task) if name == "error_rate" else None


def squared_error(outputs: np.ndarray, true: np.ndarray) -> np.ndarray:
    """(output - true)^2 by category: of probabilities the Brier score, otherwise in the squared unit of the target.

    Examples
    --------
    >>> import numpy as np
    >>> squared_error(np.array([[0.5, 0.0]]), np.array([[1.0, 0.0]]))
    array([[0.25, 0.  ]])
    """
    error: np.ndarray = (outputs - true) ** 2
    return error


def log_loss(outputs: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Cross-entropy of the probability of each category by itself, in nats.

    Examples
    --------
    >>> import numpy as np
    >>> log_loss(np.array([[0.5, 0.0]]), np.array([[1.0, 0.0]])).round(2)
    array([[0.69, 0.  ]])
    """
    p = np.clip(outputs, _LEAST, 1 - _LEAST)
    loss: np.ndarray = -np.where(true > 0, np.log(p), np.log1p(-p))
    return loss


def categorical_log_loss(outputs: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Cross-entropy of probabilities that add up to 1, in nats: the sum over categories is that of the sample.

    Examples
    --------
    >>> import numpy as np
    >>> categorical_log_loss(np.array([[0.5, 0.5]]), np.array([[1.0, 0.0]])).round(2)
    array([[0.69, 0.  ]])
    """
    p = np.clip(outputs, _LEAST, 1)
    loss: np.ndarray = np.where(true > 0, -np.log(p), 0.0)
    return loss


def wrong_class(outputs: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Whether the category with the largest output is a wrong one, 0 or 1: the sum over categories is that of a sample.

    Examples
    --------
    >>> import numpy as np
    >>> wrong_class(np.array([[0.4, 0.6], [0.4, 0.6]]), np.array([[1, 0], [0, 1]]))
    array([[1., 0.],
           [0., 0.]])
    """
    chosen = outputs.argmax(axis=-1)[..., None] == np.arange(outputs.shape[-1])
    wrong: np.ndarray = np.where(chosen, 0.0, true)
    return wrong


def wrong_side(outputs: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Whether a probability lies on the wrong side of one half, 0 or 1; one half counts as present.

    Examples
    --------
    >>> import numpy as np
    >>> wrong_side(np.array([[0.4, 0.6]]), np.array([[1, 1]]))
    array([[1., 0.]])
    """
    wrong: np.ndarray = ((outputs >= 0.5) != (true > 0)).astype(float)
    return wrong
