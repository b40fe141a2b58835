"""Running the tasks of a study: retries, and runs that other processes hold."""

import os

from mbias.studies.execute import execute
from mbias.studies.locks import RUN_LOCK, locked
from mbias.studies.running import runner
from mbias.studies.running.runner import Retries
from mbias.studies.running.task import State
from tests.studies.runs import plan, states


def test_a_run_that_another_process_trains_is_waited_for(directory, tmp_path, monkeypatch, capsys):
    study = plan(tmp_path, directory)
    run = study.runs[0].path
    run.mkdir()
    lock = locked(run / RUN_LOCK)
    lock.__enter__()
    polls = iter(range(100))

    def free_later(task):
        if next(polls) == 2:
            lock.__exit__(None, None, None)
            return True
        return False

    monkeypatch.setattr(runner, "POLL", 0.01)
    monkeypatch.setattr(runner, "_is_free", free_later)
    assert states(execute(study)) == [State.TRAINED]
    assert f"held by process {os.getpid()} on " in capsys.readouterr().out


def test_only_deaths_without_a_commit_in_between_count(tmp_path, monkeypatch):
    retries, epochs = Retries(), [1]
    monkeypatch.setattr(runner, "_epochs", lambda path: epochs[0])
    assert [retries.should_retry(tmp_path) for _ in range(2)] == [True, True]
    epochs[0] = 2
    assert [retries.should_retry(tmp_path) for _ in range(3)] == [True, True, False]
