"""The task of one run: it may be submitted twice, stopped, or meet another process."""

import dataclasses

from mbias.records.failure import read_failure
from mbias.records.run import Run
from mbias.studies.execute import execute
from mbias.studies.locks import RUN_LOCK, locked
from mbias.studies.running.task import State, run_task
from mbias.studies.session import session
from mbias.training.checkpoints import Checkpoints
from tests.studies.runs import modification_times, plan, states, task_of


def test_missing_data_fail_the_run_and_are_named(directory, tmp_path):
    missing = tmp_path / "missing"
    study = plan(tmp_path, missing)
    with session(tmp_path) as current:
        outcome = run_task(task_of(study, current))
    assert outcome.state == State.FAILED
    assert f"{missing / 'packed' / 'train' / 'pack.json'}: there is no such packed split" in outcome.reason
    assert read_failure(study.runs[0].path).reason == outcome.reason
    assert states(execute(plan(tmp_path, directory))) == [State.TRAINED]


def test_a_complete_run_is_never_marked_as_failed(trained, tmp_path):
    study = plan(trained, tmp_path / "missing")
    with session(tmp_path) as current:
        assert run_task(task_of(study, current)).state == State.FAILED
    assert read_failure(study.runs[0].path) is None


def test_a_run_of_another_configuration_is_never_marked_as_failed(directory, trained, tmp_path):
    study = plan(trained, directory)
    with session(tmp_path) as current:
        task = task_of(study, current)
        outcome = run_task(dataclasses.replace(task, config=dataclasses.replace(task.config, epochs=9)))
    assert outcome.state == State.FAILED
    assert "trained with epochs = 2, not 9" in outcome.reason
    assert read_failure(study.runs[0].path) is None


def test_a_task_submitted_twice_does_nothing_the_second_time(directory, tmp_path):
    study = plan(tmp_path, directory)
    with session(tmp_path) as current:
        task = task_of(study, current)
        assert run_task(task).state == State.TRAINED
        before = modification_times(study.runs[0].path)
        assert run_task(task).state == State.COMPLETE
        assert modification_times(study.runs[0].path) == before


def test_a_run_that_another_process_holds_is_left_alone(directory, tmp_path):
    study = plan(tmp_path, directory)
    run = study.runs[0].path
    run.mkdir()
    with session(tmp_path) as current, locked(run / RUN_LOCK):
        assert run_task(task_of(study, current)).state == State.HELD
        assert [path.name for path in run.iterdir()] == [RUN_LOCK]


def test_without_its_session_a_task_stops_at_the_next_commit(directory, tmp_path, monkeypatch):
    study = plan(tmp_path, directory)
    prepare = Checkpoints.prepare
    with session(tmp_path) as current:

        def end_session(self, state):
            current.unlink(missing_ok=True)
            prepare(self, state)

        task = task_of(study, current)
        monkeypatch.setattr(Checkpoints, "prepare", end_session)
        for _ in range(2):
            assert run_task(task).state == State.STOPPED
            assert len(Run(study.runs[0].path).commits) == 1
