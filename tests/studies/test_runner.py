"""Running a study's tasks: what a person relies on when runs fail, workers die and studies meet."""

import dataclasses
import os
import shutil
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

from mbias.cli.main import main
from mbias.errors import BadInputError, MbiasError
from mbias.records.failure import read_failure
from mbias.records.run import Run
from mbias.studies import runner
from mbias.studies.execute import conduct
from mbias.studies.locks import RUN_LOCK, locked
from mbias.studies.plan import PlannedRun, estimate
from mbias.studies.runner import DEATHS, Deaths
from mbias.studies.session import session
from mbias.studies.task import Place, Sight, State, Task, agreed, run_task
from mbias.studies.workers import ProcessWorkers
from mbias.training.config import Settings

SETTINGS = Settings(epochs=2, precision="float32")


@pytest.fixture(scope="module")
def trained(directory, tmp_path_factory):
    """A study of one run."""
    folder = tmp_path_factory.mktemp("trained")
    conduct(planned(folder), folder, Place(directory, "cpu"))
    return folder


def planned(folder, seeds=(0,), **changes):
    runs = [dataclasses.replace(SETTINGS, seed=seed, **changes) for seed in seeds]
    return [PlannedRun(run, folder / run.name) for run in runs]


def states(outcomes):
    return [outcome.state for outcome in outcomes.values()]


def results(run):
    lines = [dataclasses.replace(commit, seconds=None) for commit in Run(run).commits]
    return lines, (run / "checkpoints" / "last.safetensors").read_bytes()


def test_a_seed_gives_the_same_alone_and_among_others_on_several_workers(directory, trained, tmp_path):
    among = planned(tmp_path, seeds=(1, 0))
    assert states(conduct(among, tmp_path, Place(directory, "cpu", workers=2))) == [State.TRAINED] * 2
    assert results(among[1].path) == results(planned(trained)[0].path)


def test_a_failing_run_is_marked_and_the_others_go_on(directory, tmp_path, capsys):
    runs = planned(tmp_path, learning_rate=1e6) + planned(tmp_path / "x", seeds=(1,))
    outcomes = conduct(
        [runs[0], dataclasses.replace(runs[1], path=tmp_path / "other")], tmp_path, Place(directory, "cpu")
    )
    assert states(outcomes) == [State.FAILED, State.TRAINED]
    failure = read_failure(runs[0].path)
    assert (failure.epoch, failure.step) == (1, 2)
    assert "not finite" in failure.reason
    assert f"{runs[0].path.name}: failed: the loss 'audio' is not finite" in capsys.readouterr().out


def test_a_failed_run_is_tried_again_and_the_mark_goes(directory, tmp_path, monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("mbias.records.writer.append_line", full)
        assert states(conduct(planned(tmp_path), tmp_path, Place(directory, "cpu"))) == [State.FAILED]
    assert read_failure(planned(tmp_path)[0].path).reason == "No space left on device; make room on the study's disk"
    assert states(conduct(planned(tmp_path), tmp_path, Place(directory, "cpu"))) == [State.TRAINED]
    assert read_failure(planned(tmp_path)[0].path) is None


def test_a_diverged_run_is_not_tried_again_until_its_mark_is_deleted(directory, tmp_path):
    runs = planned(tmp_path, learning_rate=1e6)
    conduct(runs, tmp_path, Place(directory, "cpu"))
    marked = read_failure(runs[0].path)
    again = conduct(runs, tmp_path, Place(directory, "cpu"))[runs[0]]
    assert again.state == State.FAILED
    assert again.reason.startswith("not tried again, for it failed in epoch 1, step 2: the loss 'audio' is not finite")
    assert again.reason.endswith(f"delete {runs[0].path / 'failed.json'})")
    assert read_failure(runs[0].path) == marked
    (runs[0].path / "failed.json").unlink()
    assert conduct(runs, tmp_path, Place(directory, "cpu"))[runs[0]].reason.startswith("the loss 'audio' is not finite")


def test_a_study_s_folder_that_cannot_be_written_is_one_line(directory, tmp_path, monkeypatch):
    def read_only(path):
        raise OSError(30, "Read-only file system", str(path))

    monkeypatch.setattr("mbias.studies.session.locked", read_only)
    with pytest.raises(MbiasError, match=r"cannot be written \(Read-only file system\); choose another with --out"):
        conduct(planned(tmp_path), tmp_path, Place(directory, "cpu"))


def test_data_that_are_gone_fail_the_run_and_say_so(directory, tmp_path):
    run, gone = planned(tmp_path)[0], tmp_path / "gone"
    with session(tmp_path) as current:
        outcome = run_task(Task(run.settings, run.path, gone, "cpu", current))
    assert outcome.state == State.FAILED
    assert f"{gone / 'packed' / 'train' / 'pack.json'}: there is no such packed split" in outcome.reason
    assert read_failure(run.path).reason == outcome.reason
    assert states(conduct([run], tmp_path, Place(directory, "cpu"))) == [State.TRAINED]


def test_a_complete_run_is_not_marked_whatever_happens(trained, tmp_path):
    run = planned(trained)[0]
    with session(tmp_path) as current:
        assert run_task(Task(run.settings, run.path, tmp_path / "gone", "cpu", current)).state == State.FAILED
    assert read_failure(run.path) is None


def test_a_task_given_twice_does_nothing_the_second_time(directory, tmp_path):
    run = planned(tmp_path)[0]
    with session(tmp_path) as current:
        task = Task(run.settings, run.path, directory, "cpu", current)
        assert run_task(task).state == State.TRAINED
        before = {path: path.stat().st_mtime_ns for path in run.path.rglob("*")}
        assert run_task(task).state == State.COMPLETE
        assert {path: path.stat().st_mtime_ns for path in run.path.rglob("*")} == before


def test_a_run_another_process_trains_is_left_to_it_and_waited_for(directory, tmp_path, monkeypatch, capsys):
    run = planned(tmp_path)[0]
    run.path.mkdir()
    other = locked(run.path / RUN_LOCK)
    other.__enter__()
    looks = iter(range(100))

    def free_later(task):
        if next(looks) == 2:
            other.__exit__(None, None, None)
            return True
        return False

    monkeypatch.setattr(runner, "POLL", 0.01)
    monkeypatch.setattr(runner, "_is_free", free_later)
    assert states(conduct([run], tmp_path, Place(directory, "cpu"))) == [State.TRAINED]
    assert f"held by process {os.getpid()} on " in capsys.readouterr().out


def test_without_its_session_a_task_ends_at_the_next_commit(directory, tmp_path, monkeypatch):
    run = planned(tmp_path)[0]
    with session(tmp_path) as current:
        task = Task(run.settings, run.path, directory, "cpu", current)
        monkeypatch.setattr("mbias.training.checkpoints.Checkpoints.prepare", _remove_first(current))
        assert run_task(task).state == State.STOPPED
        assert len(Run(run.path).commits) == 1
        assert run_task(task).state == State.STOPPED
        assert len(Run(run.path).commits) == 1


def _remove_first(path):
    from mbias.training.checkpoints import Checkpoints

    prepare = Checkpoints.prepare

    def removed(self, state):
        path.unlink(missing_ok=True)
        prepare(self, state)

    return removed


def test_a_worker_that_dies_is_replaced_and_takes_no_other_with_it():
    with ProcessWorkers(2) as workers:
        doomed = workers.submit(_die)
        pids = [workers.submit(os.getpid) for _ in range(4)]
        assert "terminated abruptly" in str(doomed.exception())
        assert all(future.result() != os.getpid() for future in pids)


def _die():
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_run_that_kills_its_worker_again_and_again_is_given_up(directory, tmp_path, monkeypatch, capsys):
    run = planned(tmp_path)[0]
    monkeypatch.setattr("mbias.studies.execute.local_workers", lambda count: DyingWorkers(1))
    outcome = conduct([run], tmp_path, Place(directory, "cpu"))[run]
    assert outcome.state == State.FAILED
    assert f"killed {DEATHS} times in a row" in read_failure(run.path).reason
    assert capsys.readouterr().out.count("its worker died") == DEATHS - 1


class DyingWorkers(ThreadPoolExecutor):
    def submit(self, call, /, *arguments):
        return super().submit(_broken)


def _broken():
    from concurrent.futures.process import BrokenProcessPool

    raise BrokenProcessPool("terminated abruptly")


def test_deaths_count_only_without_progress(tmp_path, monkeypatch):
    deaths, epochs = Deaths(), [1]
    monkeypatch.setattr(runner, "_epochs", lambda path: epochs[0])
    assert [deaths.forgive(tmp_path) for _ in range(2)] == [True, True]
    epochs[0] = 2
    assert [deaths.forgive(tmp_path) for _ in range(3)] == [True, True, False]


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"epochs": 3}, "epochs"), ({"learning_rate": 1e-3}, "learning_rate"), ({"precision": "bfloat16"}, "precision")],
)
@pytest.mark.parametrize("seed", [0, 5])
def test_runs_trained_otherwise_are_not_mixed(directory, trained, changes, field, seed):
    """Whether the new definition still lists the old run, seed 0, or not."""
    with pytest.raises(BadInputError, match=f"seed0: trained with {field} = "):
        conduct(planned(trained, seeds=(seed,), **changes), trained, Place(directory, "cpu"))
    assert [path.name for path in trained.iterdir()] == ["across_vcross-ls_v-seed0"]


def test_a_changed_definition_adds_what_is_missing(directory, trained, tmp_path):
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    outcomes = conduct(planned(tmp_path, seeds=(0, 1)), tmp_path, Place(directory, "cpu"))
    assert states(outcomes) == [State.COMPLETE, State.TRAINED]


def test_what_is_left_is_estimated_and_nothing_is_written(directory, trained, tmp_path):
    folder, place = tmp_path / "runs", Place(directory, "cpu")
    before = estimate(planned(folder, seeds=(0, 1)), folder, place)
    assert (len(before.runs), before.epochs, before.committed) == (2, 4, 0)
    assert before.seconds > 0
    assert not folder.exists()
    shutil.copytree(trained, folder)
    after = estimate(planned(folder, seeds=(0, 1)), folder, place)
    assert ([run.settings.seed for run in after.runs], after.epochs, after.committed) == ([1], 2, 2)
    used = sum(path.stat().st_size for path in planned(folder)[0].path.rglob("*.safetensors"))
    # At most, and not by much: as if each epoch held all arrays; and room for the state of a run in training.
    assert used < before.bytes / 2 < 8 * used


def test_workers_that_see_other_things_are_named():
    one = Sight("data", True, "cpu", "float32")
    assert agreed([one, one]) == one
    with pytest.raises(BadInputError, match=r"differ in computed_in \(bfloat16, float32\)"):
        agreed([one, dataclasses.replace(one, computed_in="bfloat16")])


def test_nonsense_is_refused(tmp_path, capsys):
    path = tmp_path / "study.toml"
    path.write_text("[[grid]]\nvariants = ['across_vself']\nsmoothing = ['ls_v']\nseeds = [0]\n")
    assert main(["study", str(path), "--data", "data", "--workers", "0"]) == 2
    assert capsys.readouterr().err == "mbias: error: --workers is 0: it must be 1 or more\n"
