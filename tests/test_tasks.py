"""The outputs and labels of each task: which forms are taken, and what is said of others."""

from __future__ import annotations

import numpy as np
import pytest

from mbias import BadInputError
from mbias.tasks import Task, as_truth, checked_task, output_columns, output_fault, output_hint


def test_a_task_is_checked_with_its_number_of_categories():
    assert checked_task("single_label", 3) is Task.SINGLE_LABEL
    for name, categories, message in (
        ("softmax", 3, "task: 'softmax' given; take one of multilabel, single_label, binary, regression"),
        (None, 3, "task: None given"),
        ("binary", 2, "'binary' has one category"),
        ("single_label", 1, "'single_label' chooses among categories, and one is given; take 'binary'"),
    ):
        with pytest.raises(BadInputError, match=message):
            checked_task(name, categories)


@pytest.mark.parametrize(
    ("task", "labels", "expected"),
    [
        (Task.MULTILABEL, [[0, 1, 1], [1, 0, 0]], [[0, 1, 1], [1, 0, 0]]),
        (Task.SINGLE_LABEL, [2, 0], [[0, 0, 1], [1, 0, 0]]),
        (Task.SINGLE_LABEL, np.array([2.0, 0.0]), [[0, 0, 1], [1, 0, 0]]),
        (Task.SINGLE_LABEL, [[2], [0]], [[0, 0, 1], [1, 0, 0]]),
        (Task.SINGLE_LABEL, [[0, 0, 1], [1, 0, 0]], [[0, 0, 1], [1, 0, 0]]),
        (Task.BINARY, [True, False], [[1], [0]]),
        (Task.BINARY, [[1], [0]], [[1], [0]]),
    ],
)
def test_labels_are_taken_in_the_forms_of_the_task(task, labels, expected):
    truth = as_truth(task, labels, 2, len(expected[0]))

    assert truth["weak"].dtype == bool
    assert truth["weak"].tolist() == np.array(expected, dtype=bool).tolist()


def test_targets_of_a_regression_are_numbers():
    assert as_truth(Task.REGRESSION, [1.5, -2], 2, 1)["target"].tolist() == [[1.5], [-2.0]]
    assert as_truth(Task.REGRESSION, [[1, 2], [3, 4]], 2, 2)["target"].dtype == np.float32


@pytest.mark.parametrize(
    ("task", "labels", "message"),
    [
        (Task.MULTILABEL, [0.3, 0.7], r"has the shape \(2,\); task 'multilabel' needs 0 or 1 for each sample and"),
        (Task.MULTILABEL, [[0.3, 0, 0], [1, 1, 0]], "holds values other than 0 and 1"),
        (Task.MULTILABEL, ["Dog", "Cat"], "does not hold numbers"),
        (Task.MULTILABEL, [[0, 1, 0], [1]], "does not hold numbers"),
        (
            Task.SINGLE_LABEL,
            [3, 0],
            "holds 0 to 3; task 'single_label' needs a class from 0 to 2 for each of 2 samples",
        ),
        (Task.SINGLE_LABEL, [0.5, 1], "holds 0.5 to 1; task 'single_label' needs a class"),
        (Task.SINGLE_LABEL, [[0, 1, 0], [1, 1, 0]], "row 1 does not have one class"),
        (Task.REGRESSION, [[1, 2, 3], [1, 2, np.nan]], "row 1 has a missing value"),
        (Task.REGRESSION, [1, 2, 3], r"has the shape \(3,\)"),
    ],
)
def test_other_labels_are_refused(task, labels, message):
    with pytest.raises(BadInputError, match=message):
        as_truth(task, labels, 2, 3)


@pytest.mark.parametrize(
    ("task", "outputs", "fault"),
    [
        (Task.MULTILABEL, [[0.2, 1.9]], None),
        (Task.MULTILABEL, [[0.2, 2.1]], "holds 0.2 to 2.1, which are not probabilities"),
        (Task.BINARY, [[1.9]], "holds 1.9 to 1.9, which are not probabilities"),
        (Task.SINGLE_LABEL, [[0.2, 0.8]], None),
        (Task.SINGLE_LABEL, [[0.9, 0.8]], "holds probabilities that do not add up to 1 over categories"),
        (Task.SINGLE_LABEL, [[-3.0, 4.0]], "holds -3 to 4, which are not probabilities"),
        (Task.REGRESSION, [[-300.0]], None),
        (Task.REGRESSION, [[np.inf]], "holds NaN or infinity"),
        (Task.MULTILABEL, [[np.nan, 0.5]], "holds NaN or infinity"),
        (Task.MULTILABEL, np.empty((0, 2)), None),
    ],
)
def test_outputs_that_do_not_fit_the_task_are_found(task, outputs, fault):
    found = output_fault(task, np.array(outputs, dtype=np.float32), 2)

    assert found is None if fault is None else str(found).startswith(fault)


def test_half_precision_is_not_a_fault():
    logits = np.random.default_rng(0).normal(size=(50, 527)).astype(np.float16)
    p = np.exp(logits.astype(float))
    p = (p / p.sum(axis=1, keepdims=True)).astype(np.float16)

    assert output_fault(Task.SINGLE_LABEL, p, 2) is None


def test_two_columns_of_two_classes_give_the_second():
    p = np.array([[0.9, 0.1], [0.4, 0.6]])

    assert output_columns(Task.BINARY, p, 1).tolist() == [[0.1], [0.6]]
    assert output_columns(Task.BINARY, np.array([0.1, 0.6]), 1).tolist() == [[0.1], [0.6]]
    logits = np.array([[3.0, -1.0], [0.0, 2.0]])
    assert output_columns(Task.BINARY, logits, 1) is logits


def test_a_hint_names_the_function_that_is_missing():
    assert "softmax" in output_hint(Task.SINGLE_LABEL)
    assert "sigmoid" in output_hint(Task.BINARY)
    assert output_hint(Task.REGRESSION) == "give finite numbers"
