from __future__ import annotations

import os
import signal

import pandas as pd
import pytest

import mbias
from mbias.analysis.per_run.mapping import of_runs, workers
from mbias.errors import BadInputError, MbiasError, NotApplicableError
from mbias.records.study import open_study
from tests.drawn_runs import cut_shard, draw_run, draw_study


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return draw_study(tmp_path_factory.mktemp("runs"), [("across_vcross", "ls_a"), ("across_vcross", "ls_v")], (0, 1))


TABLES = [(mbias.attention, table) for table in mbias.attention.table_names] + [
    (mbias.mechanism, "optima"),
    (mbias.diagnosis, "verdicts"),
    (mbias.diagnosis, "measures"),
    (mbias.reliance, "measures"),
]


def test_tables_are_the_same_bit_for_bit_with_several_processes(study):
    alone = [question(study, table=name) for question, name in TABLES]
    with workers(2):
        together = [question(study, table=name) for question, name in TABLES]

    for first, second in zip(alone, together, strict=True):
        pd.testing.assert_frame_equal(first, second, check_exact=True)
        assert first.attrs == second.attrs


@pytest.mark.slow
def test_tables_are_the_same_bit_for_bit_on_dask(study):
    distributed = pytest.importorskip("distributed")
    options = {"n_workers": 2, "threads_per_worker": 1, "host": "127.0.0.1", "dashboard_address": None}
    with distributed.LocalCluster(**options) as cluster, workers(scheduler=cluster.scheduler_address):
        together = mbias.attention(study, table="categories")

    pd.testing.assert_frame_equal(mbias.attention(study, table="categories"), together, check_exact=True)


def test_runs_come_in_the_order_of_tables_and_keep_nothing_they_read(study):
    opened = open_study(study)
    found = [(run.seed, identity["smoothing"], number) for run, identity, number in of_runs(_count, opened)]

    assert found == [(0, "ls_a", 8), (1, "ls_a", 8), (0, "ls_v", 8), (1, "ls_v", 8)]
    mbias.attention(opened)
    assert all(set(vars(run)) == {"path", "header", "commits"} for run in opened)


def test_errors_of_workers_are_those_of_one_process(tmp_path):
    damaged, other = draw_run(tmp_path / "a", seed=0), draw_run(tmp_path / "b", seed=1)
    cut_shard(damaged)
    messages = []
    for count in (1, 2):
        with pytest.raises(BadInputError) as error, workers(count):
            mbias.attention(tmp_path)
        messages.append(str(error.value))
    assert messages[0] == messages[1]

    with pytest.raises(NotApplicableError, match="does not hold"), workers(2):
        mbias.attention([other], table="contributions", epoch=1)


def test_a_worker_that_dies_is_one_line(study):
    with pytest.raises(MbiasError, match="a worker died, perhaps because it ran out of memory"), workers(2):
        list(of_runs(_die, open_study(study)))


def test_a_worker_that_cannot_read_a_run_is_named(study, tmp_path):
    moved = draw_run(tmp_path / "here")
    opened = open_study([moved, study])
    moved.rename(tmp_path / "there")

    with (
        pytest.raises(BadInputError, match=r"here: the worker on \S+ cannot read it; give an absolute path"),
        workers(2),
    ):
        list(of_runs(_count, opened))


@pytest.mark.parametrize(
    ("count", "scheduler", "message"),
    [
        (0, None, "0 is not a number of processes"),
        (2, "tcp://127.0.0.1:1", "are both given"),
        (None, None, "are not given"),
    ],
)
def test_wrong_workers_are_refused(count, scheduler, message):
    with pytest.raises(BadInputError, match=message), workers(count, scheduler=scheduler):
        pass


def _count(run):
    return len(run.samples)


def _die(run):
    os.kill(os.getpid(), signal.SIGKILL)
