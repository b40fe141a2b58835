"""Training studies and runs: what a user relies on when runs fail, definitions change and settings differ."""

import dataclasses
import shutil
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from mbias.errors import BadInputError, MbiasError
from mbias.records.failure import read_failure
from mbias.records.run import Run
from mbias.studies.execute import execute, train_run, train_study
from mbias.studies.running.runner import ATTEMPTS
from mbias.studies.running.task import State
from tests.studies.runs import CONFIG, modification_times, plan, results, states


def test_a_seed_gives_the_same_results_alone_and_on_several_workers(directory, trained, tmp_path):
    study = plan(tmp_path, directory, seeds=(1, 0), workers=2)
    assert states(execute(study)) == [State.TRAINED] * 2
    assert results(study.runs[1].path) == results(plan(trained, directory).runs[0].path)


def test_a_study_and_its_single_run_give_the_same_results(directory, trained, tmp_path):
    assert train_run(CONFIG, str(tmp_path / "run"), str(directory), device="cpu").state == State.TRAINED
    assert results(tmp_path / "run") == results(plan(trained, directory).runs[0].path)
    assert train_run(CONFIG, tmp_path / "run", directory, device="cpu").state == State.COMPLETE


def test_a_definition_is_trained_into_the_folder_of_its_name(directory, tmp_path):
    definition = tmp_path / "small.toml"
    definition.write_text(
        f'[data]\npath = "{directory}"\n[training]\nepochs = 1\n'
        '[[grid]]\nvariants = ["across_vself"]\nsmoothing = ["ls_v"]\nseeds = [3]\n'
    )
    outcomes = train_study(str(definition), device="cpu")
    assert {run.path: outcome.state for run, outcome in outcomes.items()} == {
        tmp_path / "small" / "across_vself-ls_v-seed3": State.TRAINED
    }


def test_a_failing_run_is_marked_and_the_others_are_trained(directory, tmp_path, capsys):
    study = plan(tmp_path, directory, seeds=(0, 1))
    diverging = dataclasses.replace(study.runs[0], config=dataclasses.replace(CONFIG, learning_rate=1e6))
    # In another folder, so that the two configurations do not meet.
    elsewhere = dataclasses.replace(study.runs[1], path=tmp_path / "sub" / "run")
    outcomes = execute(dataclasses.replace(study, runs=(diverging, elsewhere)))
    assert states(outcomes) == [State.FAILED, State.TRAINED]
    failure = read_failure(diverging.path)
    assert (failure.epoch, failure.step) == (1, 2)
    assert "not finite" in failure.reason
    assert f"{diverging.path.name}: failed: the loss 'audio' is not finite" in capsys.readouterr().out


def test_a_failed_run_is_tried_again_and_its_mark_is_removed(directory, tmp_path, monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    study = plan(tmp_path, directory)
    with monkeypatch.context() as patched:
        patched.setattr("mbias.records.writer.append_line", full)
        assert states(execute(study)) == [State.FAILED]
    assert read_failure(study.runs[0].path).reason == "No space left on device; make room on the study's disk"
    assert states(execute(study)) == [State.TRAINED]
    assert read_failure(study.runs[0].path) is None


def test_a_diverged_run_is_not_tried_again_until_its_mark_is_deleted(directory, tmp_path):
    study = plan(tmp_path, directory, learning_rate=1e6)
    run = study.runs[0]
    execute(study)
    marked = read_failure(run.path)
    again = execute(study)[run]
    assert again.state == State.FAILED
    assert again.reason.startswith(
        "not tried again, because it failed in epoch 1, step 2: the loss 'audio' is not finite"
    )
    assert again.reason.endswith(f"delete {run.path / 'failed.json'})")
    assert read_failure(run.path) == marked
    (run.path / "failed.json").unlink()
    assert execute(study)[run].reason.startswith("the loss 'audio' is not finite")


def test_a_run_that_kills_its_worker_again_and_again_is_given_up(directory, tmp_path, monkeypatch, capsys):
    study = plan(tmp_path, directory)
    monkeypatch.setattr("mbias.studies.execute.local_workers", lambda count: DyingWorkers(1))
    outcome = execute(study)[study.runs[0]]
    assert outcome.state == State.FAILED
    assert f"killed {ATTEMPTS} times in a row" in read_failure(study.runs[0].path).reason
    assert capsys.readouterr().out.count("its worker died") == ATTEMPTS - 1


class DyingWorkers(ThreadPoolExecutor):
    def submit(self, call, /, *arguments):
        return super().submit(_broken)


def _broken():
    from concurrent.futures.process import BrokenProcessPool

    raise BrokenProcessPool("terminated abruptly")


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"epochs": 3}, "epochs"), ({"learning_rate": 1e-3}, "learning_rate"), ({"precision": "bfloat16"}, "precision")],
)
@pytest.mark.parametrize("seed", [0, 5])
def test_runs_of_two_configurations_are_not_mixed(directory, trained, changes, field, seed):
    """Whether the new definition still lists the old run, seed 0, or not."""
    before = modification_times(trained)
    with pytest.raises(BadInputError, match=f"seed0: trained with {field} = "):
        execute(plan(trained, directory, seeds=(seed,), **changes))
    assert modification_times(trained) == before


def test_a_changed_definition_adds_what_is_missing(directory, trained, tmp_path):
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    assert states(execute(plan(tmp_path, directory, seeds=(0, 1)))) == [State.COMPLETE, State.TRAINED]


def test_a_damaged_run_fails_alone(directory, trained, tmp_path, capsys):
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    study = plan(tmp_path, directory, seeds=(0, 1))
    (study.runs[0].path / "epochs" / "0001.safetensors").unlink()
    outcomes = execute(study)
    assert states(outcomes) == [State.FAILED, State.TRAINED]
    assert "0001.safetensors: missing" in outcomes[study.runs[0]].reason
    assert "0001.safetensors: missing" in capsys.readouterr().out
    assert not (study.runs[0].path / "failed.json").exists()


def test_nothing_is_written_if_the_device_is_not_available(directory, tmp_path):
    study = plan(tmp_path / "runs", directory)
    with pytest.raises(BadInputError, match="'cuda:77' is not available"):
        execute(dataclasses.replace(study, resources=dataclasses.replace(study.resources, device="cuda:77")))
    assert not (tmp_path / "runs").exists()


def test_a_folder_that_cannot_be_written_is_one_line(directory, tmp_path, monkeypatch):
    def read_only(path):
        raise OSError(30, "Read-only file system", str(path))

    monkeypatch.setattr("mbias.studies.session.locked", read_only)
    with pytest.raises(MbiasError, match=r"cannot be written \(Read-only file system\); choose another folder with --"):
        execute(plan(tmp_path, directory))


def test_ctrl_c_stops_at_the_next_commit_and_the_next_start_resumes(directory, trained, tmp_path, monkeypatch, capsys):
    from mbias.training.checkpoints import Checkpoints

    prepare = Checkpoints.prepare

    def interrupted(self, state):
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        while list(tmp_path.glob(".session-*")):
            threading.Event().wait(0.01)
        prepare(self, state)

    study = plan(tmp_path, directory)
    with monkeypatch.context() as patched:
        patched.setattr(Checkpoints, "prepare", interrupted)
        assert states(execute(study)) == [State.STOPPED]
    assert "stopping at the next commit; press Ctrl-C again to stop at once" in capsys.readouterr().err
    assert len(Run(study.runs[0].path).commits) == 1
    assert states(execute(study)) == [State.TRAINED]
    assert results(study.runs[0].path) == results(plan(trained, directory).runs[0].path)
