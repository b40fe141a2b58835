from __future__ import annotations

import numpy as np
import pytest

from mbias import Run
from mbias.analysis.per_run.sample_scores import sample_scores
from mbias.errors import NotApplicableError
from mbias.scores.f_scores import LEVELS, METRICS, f_scores, predictions
from tests.drawn_runs import draw_run


def test_every_sample_has_the_score_that_it_has_alone(tmp_path):
    run = Run(draw_run(tmp_path / "run"))
    scores = sample_scores(run)
    predicted = predictions(run.values("p"), run.values("p_joint"))
    true = np.stack([run.truth["audio"], run.truth["visual"]], axis=2)

    assert scores.shape == (8, len(LEVELS), len(METRICS))
    for n in range(8):
        np.testing.assert_array_equal(scores[n], f_scores(predicted[n : n + 1], true[n : n + 1])[0])


def test_three_modalities_have_no_f_scores(tmp_path):
    run = Run(draw_run(tmp_path / "run", external=True, modalities=("audio", "visual", "text")))

    with pytest.raises(NotApplicableError, match="F-scores do not apply"):
        sample_scores(run)
