"""F-scores of 1,200 videos: the time of mbias, and of loops over videos, categories and segments."""

from __future__ import annotations

import statistics
import time

import numpy as np

from benchmarks.reference import plain_f_scores
from mbias.llp.event_sampler import Planter
from mbias.llp.knobs import Knobs
from mbias.llp.signals import Signals
from mbias.llp.simulate import plant_split
from mbias.scores.f_scores import PAPER_METRICS, f_scores
from mbias.terms import Split

VIDEOS = 1200
ROUNDS = 5


def scoring() -> dict[str, float]:
    """Milliseconds of both, in turn, on simulated truth and on predictions that miss a tenth of its segments."""
    knobs = Knobs()
    truth = plant_split(VIDEOS, Split.TEST, 0, Planter(knobs), Signals(knobs, 0)).presence
    rng = np.random.default_rng(0)
    predicted = (truth & (rng.random(truth.shape) < 0.9)) | (rng.random(truth.shape) < 0.1 * truth.mean())
    of_paper = f_scores(predicted, truth).mean(axis=0)[:, : len(PAPER_METRICS)]
    if not np.allclose(of_paper, plain_f_scores(predicted, truth), atol=1e-9):
        raise AssertionError("the F-scores of mbias and of the reference differ")
    vectorised, loops = [], []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        f_scores(predicted, truth)
        middle = time.perf_counter()
        plain_f_scores(predicted, truth)
        vectorised.append(middle - start)
        loops.append(time.perf_counter() - middle)
    ratio = statistics.median(slow / fast for slow, fast in zip(loops, vectorised, strict=True))
    return {"ours_ms": 1e3 * statistics.median(vectorised), "loops_ms": 1e3 * statistics.median(loops), "ratio": ratio}
