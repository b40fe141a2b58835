"""A study on a Dask cluster of this machine."""

import json
import os
import signal
import threading
import time

import pytest

from mbias.errors import BadInputError, MbiasError
from mbias.records.run import Run
from mbias.studies.execute import conduct
from mbias.studies.task import Place, State
from tests.studies.test_runner import planned, results, states

distributed = pytest.importorskip("distributed")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def scheduler():
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address=None
    ) as cluster:
        yield cluster.scheduler_address


def test_a_killed_worker_s_run_is_finished_by_another_and_is_the_same(directory, tmp_path, scheduler):
    alone, runs = planned(tmp_path / "alone", epochs=4), planned(tmp_path / "study", seeds=(0, 1), epochs=4)
    conduct(alone, tmp_path / "alone", Place(directory, "cpu"))
    killer = threading.Thread(target=_kill_after_a_commit, args=(runs[0].path,))
    killer.start()
    assert (
        states(conduct(runs, tmp_path / "study", Place(directory, "cpu", scheduler=scheduler))) == [State.TRAINED] * 2
    )
    killer.join()
    assert results(runs[0].path) == results(alone[0].path)


def _kill_after_a_commit(path):
    while not ((path / "run.json").exists() and Run(path).commits):
        time.sleep(0.01)
    os.kill(json.loads((path / "lock").read_text())["pid"], signal.SIGKILL)


def test_a_worker_that_does_not_see_the_data_says_so_before_anything_trains(tmp_path, scheduler):
    runs = planned(tmp_path / "study")
    with pytest.raises(BadInputError, match=r"worker tcp://127.0.0.1:\d+: .*pack.json: there is no such packed split"):
        conduct(runs, tmp_path / "study", Place(tmp_path / "nowhere", "cpu", scheduler=scheduler))
    assert list((tmp_path / "study").iterdir()) == []


def test_no_scheduler_is_one_line(directory, tmp_path):
    with pytest.raises(MbiasError, match="no Dask scheduler answers there"):
        conduct(planned(tmp_path), tmp_path, Place(directory, "cpu", scheduler="tcp://127.0.0.1:1"))
