"""Failures: their message, their mark, and when a run is tried again."""

import errno

import pytest

from mbias.errors import BadInputError, MbiasError
from mbias.records.failure import Failure, read_failure, write_failure
from mbias.studies.running.failures import StoppedError, in_one_line, marked_on_failure, require_not_diverged
from mbias.training.fit import DivergedError


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (BadInputError("run.json: damaged"), "run.json: damaged"),
        (ValueError("first\nsecond"), "ValueError: first second"),
        (MbiasError(), "MbiasError: "),
        (OSError(errno.EACCES, "Permission denied", "runs"), "runs: Permission denied; make it writable"),
    ],
)
def test_every_error_is_one_line(error, message):
    assert in_one_line(error) == message


def test_a_failure_is_marked_with_its_step(tmp_path):
    with pytest.raises(DivergedError), marked_on_failure(tmp_path):
        raise DivergedError("the loss 'audio' is not finite", step=7)
    failure = read_failure(tmp_path)
    assert (failure.epoch, failure.step) == (1, 7)
    with pytest.raises(MbiasError, match=r"not tried again, because it failed in epoch 1, step 7: .*delete "):
        require_not_diverged(tmp_path)


def test_a_failure_without_a_step_is_tried_again(tmp_path):
    write_failure(tmp_path, Failure("out of memory", epoch=2))
    require_not_diverged(tmp_path)


def test_a_stopped_run_is_not_marked(tmp_path):
    with pytest.raises(StoppedError), marked_on_failure(tmp_path):
        raise StoppedError
    assert read_failure(tmp_path) is None


def test_a_mark_that_cannot_be_written_does_not_hide_the_error(tmp_path):
    with pytest.raises(RuntimeError, match="the reason"), marked_on_failure(tmp_path / "missing"):
        raise RuntimeError("the reason")


@pytest.mark.parametrize("content", ["{}", "[1]", "3", '{"wrong": 1}', "{"])
def test_a_damaged_failure_is_named(tmp_path, content):
    (tmp_path / "failed.json").write_text(content)
    with pytest.raises(BadInputError, match=r"failed.json: not a readable failure"):
        read_failure(tmp_path)
