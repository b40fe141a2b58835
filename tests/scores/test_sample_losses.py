"""Losses of samples, by hand and beside scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest

from mbias.scores.sample_losses import loss_function
from mbias.tasks import Task

P = np.array([[0.7, 0.2, 0.1], [0.3, 0.3, 0.4], [0.1, 0.8, 0.1]])
ONE = np.eye(3)[[0, 2, 0]]


def test_losses_of_one_label_are_those_of_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    classes = ONE.argmax(axis=1)

    log_loss = loss_function("log_loss", Task.SINGLE_LABEL)(P, ONE).sum(axis=1).mean()
    wrong = loss_function("error_rate", Task.SINGLE_LABEL)(P, ONE).sum(axis=1).mean()

    assert log_loss == pytest.approx(metrics.log_loss(classes, P, labels=[0, 1, 2]))
    assert wrong == pytest.approx(1 - metrics.accuracy_score(classes, P.argmax(axis=1)))


def test_losses_of_two_classes_are_those_of_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    p, true = np.array([[0.9], [0.4], [0.6]]), np.array([[1.0], [1.0], [0.0]])

    assert loss_function("log_loss", Task.BINARY)(p, true).mean() == pytest.approx(
        metrics.log_loss(true[:, 0], p[:, 0])
    )
    assert loss_function("error_rate", Task.BINARY)(p, true).mean() == pytest.approx(2 / 3)
    assert loss_function("squared_error", Task.BINARY)(p, true).mean() == pytest.approx((0.01 + 0.36 + 0.36) / 3)


def test_losses_belong_to_tasks():
    assert loss_function("log_loss", Task.REGRESSION) is None
    assert loss_function("error_rate", Task.REGRESSION) is None
    assert loss_function("error_rate", Task.MULTILABEL) is None
    assert loss_function("squared_error", Task.REGRESSION)(np.array([[3.0]]), np.array([[1.0]])) == 4
