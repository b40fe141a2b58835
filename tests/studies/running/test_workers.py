"""The workers of a study: a Dask cluster."""

import json
import os
import signal
import threading
import time

import pytest

from mbias.errors import BadInputError, MbiasError
from mbias.records.run import Run
from mbias.studies.execute import execute
from mbias.studies.running.task import State
from tests.studies.runs import plan, results, states


@pytest.fixture(scope="module")
def scheduler():
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address=None
    ) as cluster:
        yield cluster.scheduler_address


@pytest.mark.slow
def test_the_run_of_a_killed_dask_worker_resumes_on_another_with_the_same_results(directory, tmp_path, scheduler):
    alone = plan(tmp_path / "alone", directory, epochs=4)
    study = plan(tmp_path / "study", directory, seeds=(0, 1), scheduler=scheduler, epochs=4)
    execute(alone)
    killer = threading.Thread(target=_kill_after_a_commit, args=(study.runs[0].path,))
    killer.start()
    assert states(execute(study)) == [State.TRAINED] * 2
    killer.join()
    assert results(study.runs[0].path) == results(alone.runs[0].path)


def _kill_after_a_commit(path):
    while not ((path / "run.json").exists() and Run(path).commits):
        time.sleep(0.01)
    os.kill(json.loads((path / "lock").read_text())["pid"], signal.SIGKILL)


@pytest.mark.slow
def test_a_dask_worker_that_cannot_read_the_data_is_named_before_anything_is_trained(tmp_path, scheduler):
    study = plan(tmp_path / "study", tmp_path / "missing", scheduler=scheduler)
    with pytest.raises(BadInputError, match=r"worker tcp://127.0.0.1:\d+: .*pack.json: there is no such packed split"):
        execute(study)
    assert list((tmp_path / "study").iterdir()) == []


@pytest.mark.slow
def test_a_missing_scheduler_is_one_line(directory, tmp_path):
    pytest.importorskip("distributed")
    with pytest.raises(MbiasError, match="no Dask scheduler answers there"):
        execute(plan(tmp_path, directory, scheduler="tcp://127.0.0.1:1"))
