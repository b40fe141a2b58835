from __future__ import annotations

import os
import signal

from mbias.executors import ProcessWorkers, local_workers


def test_a_single_worker_is_this_process():
    with local_workers(1) as workers:
        assert workers.submit(os.getpid).result() == os.getpid()


def test_a_worker_that_dies_is_replaced_and_does_not_end_the_others():
    with ProcessWorkers(2) as workers:
        doomed = workers.submit(_die)
        pids = [workers.submit(os.getpid) for _ in range(4)]
        assert "terminated abruptly" in str(doomed.exception())
        assert all(future.result() != os.getpid() for future in pids)


def _die():
    os.kill(os.getpid(), signal.SIGKILL)
