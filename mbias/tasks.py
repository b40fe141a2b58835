"""What a model is asked for: the outputs and the labels that belong to each task."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from mbias.arguments import shown
from mbias.errors import BadInputError

SLACK = 0.01
"""How far a probability may lie outside of [0, 1], and a sum of probabilities from 1: half precision rounds."""

TARGET = "target"
"""The name of the true numbers of a regression among the arrays of the truth."""


class Task(StrEnum):
    """What a model is asked for.

    ``multilabel``: a probability per category, each on its own. ``single_label``: probabilities that add up to 1 over
    the categories. ``binary``: the probability of one category. ``regression``: a number per category, or target.
    """

    MULTILABEL = "multilabel"
    SINGLE_LABEL = "single_label"
    BINARY = "binary"
    REGRESSION = "regression"


def checked_task(value: object, categories: int | None = None) -> Task:
    """The task of a name, checked against the number of categories.

    Parameters
    ----------
    value
        The name of the task.
    categories
        The number of categories, if it is known.

    Returns
    -------
    Task
        The task.

    Raises
    ------
    BadInputError
        If there is no such task, or the task has another number of categories.

    Examples
    --------
    >>> checked_task("binary", 1)
    <Task.BINARY: 'binary'>
    """
    if value not in set(Task):
        raise BadInputError(f"task: {shown(value)} given; take one of {', '.join(Task)}")
    task = Task(str(value))
    if task == Task.BINARY and categories not in (None, 1):
        raise BadInputError(
            f"task: 'binary' has one category, the one whose probability is recorded; {categories} given: "
            f"name one of them, or take 'single_label'"
        )
    if task == Task.SINGLE_LABEL and categories == 1:
        raise BadInputError("task: 'single_label' chooses among categories, and one is given; take 'binary'")
    return task


def output_columns(task: Task, values: np.ndarray, categories: int) -> np.ndarray:
    """Outputs with one column per category, where a model may return them in another form.

    Parameters
    ----------
    task
        The task.
    values
        Outputs, (sample, category); (sample,) for one category; with two columns for ``binary``, the second is taken.
    categories
        The number of categories.

    Returns
    -------
    numpy.ndarray
        (sample, category), or the outputs as they are if their form is unknown.

    Examples
    --------
    >>> import numpy as np
    >>> output_columns(Task.BINARY, np.array([[0.9, 0.1], [0.2, 0.8]]), 1)
    array([[0.1],
           [0.8]])
    """
    if values.ndim == 1 and categories == 1:
        return values[:, None]
    if task == Task.BINARY and values.ndim == 2 and values.shape[1] == 2 and not _distance_from_one(values) > SLACK:
        return values[:, 1:]
    return values


def output_fault(task: Task, values: np.ndarray, modalities: int) -> str | None:
    """What is wrong with outputs of a task.

    Parameters
    ----------
    task
        The task.
    values
        The outputs, (..., category).
    modalities
        The number of modalities: p_wsl of Eq. 3 can be as large.

    Returns
    -------
    str or None
        What they hold; None if they are sound.

    Examples
    --------
    >>> import numpy as np
    >>> output_fault(Task.MULTILABEL, np.array([[0.5, 3.0]]), 2)
    'holds 0.5 to 3, which are not probabilities'
    """
    return extremes_fault(task, Extremes.of(values, task == Task.SINGLE_LABEL), modalities)


@dataclass(frozen=True)
class Extremes:
    """The extremes of the values of an array; those of its pieces join to those of the whole.

    Parameters
    ----------
    low, high
        The smallest and the largest value; NaN if one of the values is NaN.
    from_one
        The largest distance from 1 of a sum over the last dimension; 0 where it was not asked for.
    """

    low: float = math.inf
    high: float = -math.inf
    from_one: float = 0.0

    @classmethod
    def of(cls, values: np.ndarray, sums: bool) -> Extremes:
        """The extremes of an array, with or without its sums; there are none of what is not numbers."""
        if not values.size or values.dtype.kind not in "fiub":
            return cls()
        from_one = _distance_from_one(values) if sums and values.ndim else 0.0
        return cls(float(values.min()), float(values.max()), from_one)

    def join(self, other: Extremes) -> Extremes:
        """The extremes of two pieces together."""
        low, high = np.minimum(self.low, other.low), np.maximum(self.high, other.high)
        return Extremes(float(low), float(high), max(self.from_one, other.from_one))

    @property
    def finite(self) -> bool:
        """Whether no value is NaN or infinite."""
        # NaN is neither smaller nor larger than anything, and the smallest and largest of values with NaN are NaN.
        return self.low > self.high or bool(np.isfinite([self.low, self.high]).all())


def extremes_fault(task: Task, extremes: Extremes, modalities: int) -> str | None:
    """What is wrong with outputs of a task, as `output_fault` says it, from their extremes (with sums)."""
    low, high = extremes.low, extremes.high
    if low > high:
        return None
    if not extremes.finite:
        return "holds NaN or infinity"
    if task == Task.REGRESSION:
        return None
    highest = modalities if task == Task.MULTILABEL else 1
    if low < -SLACK or high > highest + SLACK:
        return f"holds {low:.3g} to {high:.3g}, which are not probabilities"
    if task == Task.SINGLE_LABEL and extremes.from_one > SLACK:
        return "holds probabilities that do not add up to 1 over categories, though each sample has one label"
    return None


def output_hint(task: Task) -> str:
    """What the outputs of a task should be, for the end of an error message."""
    if task == Task.REGRESSION:
        return "give finite numbers"
    function = "softmax(logits, -1)" if task == Task.SINGLE_LABEL else "sigmoid(logits)"
    return f"give probabilities, for example torch.{function}"


def as_truth(task: Task, labels: object, samples: int, categories: int, what: str = "labels") -> dict[str, np.ndarray]:
    """Labels in the form in which a run stores them.

    Parameters
    ----------
    task
        The task.
    labels
        What is true of each sample. ``multilabel``: 0 or 1, (sample, category). ``single_label``: the position of the
        category, (sample,), or 0 and 1, (sample, category). ``binary``: 0 or 1, (sample,) or (sample, 1).
        ``regression``: numbers, (sample,) for one target or (sample, target).
    samples, categories
        Their numbers.
    what
        What the labels are called in an error message.

    Returns
    -------
    dict of str to numpy.ndarray
        ``weak``, bool (sample, category), or ``target``, float32 (sample, category) for a regression.

    Raises
    ------
    BadInputError
        If the labels do not have this form.

    Examples
    --------
    >>> as_truth(Task.SINGLE_LABEL, [1, 0], 2, 2)["weak"]
    array([[False,  True],
           [ True, False]])
    """
    wanted = {
        Task.MULTILABEL: f"0 or 1 for each sample and category, {samples} x {categories}",
        Task.SINGLE_LABEL: f"a class from 0 to {categories - 1} for each of {samples} samples",
        Task.BINARY: f"0 or 1 for each of {samples} samples",
        Task.REGRESSION: f"numbers for each sample and target, {samples} x {categories}",
    }[task]
    hint = f"task {task.value!r} needs {wanted}"
    values = _as_numbers(labels)
    if values is None:
        number = "; numpy.unique(labels, return_inverse=True) numbers classes" * (task == Task.SINGLE_LABEL)
        raise BadInputError(f"{what}: {shown(labels)} does not hold numbers; {hint}{number}")
    if values.size and np.isnan(values).any():
        raise BadInputError(f"{what}: row {int(np.argwhere(np.isnan(values))[0, 0])} has a missing value; {hint}")
    if task == Task.SINGLE_LABEL and values.shape in ((samples,), (samples, 1)):
        values = values.reshape(samples)
        if not np.isin(values, range(categories)).all():
            raise BadInputError(f"{what}: holds {values.min():.3g} to {values.max():.3g}; {hint}")
        return {"weak": values[:, None] == np.arange(categories)}
    if values.shape == (samples,) and categories == 1:
        values = values[:, None]
    if values.shape != (samples, categories):
        other = "; for numbers of classes, give task='single_label'" * (task == Task.MULTILABEL and values.ndim == 1)
        raise BadInputError(f"{what}: has the shape {values.shape}; {hint}{other}")
    if task == Task.REGRESSION:
        if not np.isfinite(values).all():
            raise BadInputError(f"{what}: holds NaN or infinity; {hint}")
        return {TARGET: values.astype(np.float32)}
    if not np.isin(values, (0, 1)).all():
        raise BadInputError(f"{what}: holds values other than 0 and 1; {hint}")
    weak = values.astype(bool)
    several = weak.sum(axis=1) != 1
    if task == Task.SINGLE_LABEL and several.any():
        raise BadInputError(f"{what}: row {int(several.argmax())} does not have one class; {hint}")
    return {"weak": weak}


def check_truth(what: str, name: str, array: np.ndarray, samples: int, categories: int) -> None:
    """Raise BadInputError unless an array of the truth has its type and shape.

    ``target`` is float32, of shape (sample, category); others are boolean, of shape (sample, ..., category).
    """
    kind = np.dtype(np.float32 if name == TARGET else bool)
    fits = array.ndim == 2 if name == TARGET else array.ndim >= 2
    if array.dtype != kind or not fits or (array.shape[0], array.shape[-1]) != (samples, categories):
        raise BadInputError(
            f"{what} is {array.dtype} {array.shape}: it must be {kind}, with the {samples} samples as its first "
            f"dimension and the {categories} categories as its last"
        )
    if name == TARGET and not np.isfinite(array).all():
        raise BadInputError(f"{what} holds NaN or infinity; restore the file, or record the run again")


def _distance_from_one(values: np.ndarray) -> float:
    """The largest distance from 1 of a sum over categories."""
    return float(np.abs(values.sum(axis=-1, dtype=np.float64) - 1).max(initial=0.0))


def _as_numbers(labels: object) -> np.ndarray | None:
    try:
        values = np.asarray(labels)
    except (TypeError, ValueError, RuntimeError):
        return None
    return values if values.dtype.kind in "biuf" else None
