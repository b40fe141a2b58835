from __future__ import annotations

import pytest

from mbias import Run, open_study
from mbias.errors import BadInputError
from mbias.records.failure import FILE, Failure, clear_failure, read_failure, write_failure
from tests.records.written import written_run


def test_a_failure_is_kept_until_it_is_cleared(run_path):
    failure = Failure("the loss is not a number", epoch=4, step=17)
    write_failure(run_path, failure)

    assert read_failure(run_path) == Run(run_path).failure == failure
    assert str(failure) == "failed in epoch 4, step 17: the loss is not a number"
    clear_failure(run_path)
    assert read_failure(run_path) is None


def test_a_run_that_failed_is_left_out_with_its_reason(run_path):
    written_run(run_path.parent / "sound", epochs=1)
    write_failure(run_path, Failure("out of memory", epoch=2))

    assert open_study(run_path.parent).left_out == {"run": "failed in epoch 2: out of memory"}


@pytest.mark.parametrize("content", ["{", '{"why": 1}', "[]"])
def test_a_file_that_holds_something_else_is_named(run_path, content):
    (run_path / FILE).write_text(content)

    with pytest.raises(BadInputError, match=rf"{FILE}: .*delete the file"):
        read_failure(run_path)
