from __future__ import annotations

import re

import numpy as np
import pytest

from mbias import Run, open_study
from mbias.analysis.measures.catalogue import SHAPLEY
from mbias.analysis.measures.coalitions import FEWEST, coalition_parts, enough, probed, with_mean
from mbias.analysis.settings import settings
from mbias.errors import BadInputError, NotApplicableError
from tests.drawn_runs import draw_external_probe, draw_run, fill_probe_with_nan


@pytest.fixture(scope="module")
def single_run(tmp_path_factory):
    return Run(draw_run(tmp_path_factory.mktemp("coalitions") / "one", videos=40, categories=3))


def test_coalitions_average_over_draws(single_run):
    parts = coalition_parts(single_run, "probability", "permuted")

    assert parts.shape == (40, 3, 4, 2)
    assert (parts[:, :, :, 1] == single_run.truth["weak"][:, :, None]).all()


def test_samples_read_one_at_a_time_give_the_same_estimate(single_run, monkeypatch):
    (setting,) = settings(open_study(single_run))
    whole = SHAPLEY.estimate(setting)
    monkeypatch.setattr("mbias.analysis.measures.coalitions._BLOCK", 1)
    single = SHAPLEY.estimate(setting)

    np.testing.assert_allclose(single.point, whole.point, rtol=1e-12)
    np.testing.assert_allclose(single.se, whole.se, rtol=1e-4)


def test_a_sound_run_that_lacks_what_a_measure_needs_does_not_apply(single_run, tmp_path):
    with pytest.raises(NotApplicableError, match=r"not probed.*run `mbias probe"):
        probed(Run(draw_run(tmp_path / "run", probe=False)))
    with pytest.raises(NotApplicableError, match="and the run has 3"):
        probed(Run(draw_run(tmp_path / "three", external=True, modalities=("audio", "visual", "text"))))
    with pytest.raises(NotApplicableError, match="no pass with visual replaced by 'blurred'; run `mbias probe"):
        coalition_parts(single_run, "probability", "blurred")
    external = Run(draw_external_probe(tmp_path / "mine"))
    with pytest.raises(NotApplicableError, match=r"replaced by 'zero'; call mbias\.probe .* mbias\.write_probe"):
        coalition_parts(external, "probability", "zero")


def test_a_probe_of_nan_is_damage(tmp_path):
    run = draw_run(tmp_path / "run")
    probe = fill_probe_with_nan(run)

    with pytest.raises(BadInputError, match=re.escape(str(probe))) as error:
        coalition_parts(Run(run), "probability", "mean")
    assert not isinstance(error.value, NotApplicableError)


def test_categories_with_few_samples_are_not_in_the_mean():
    weak = np.zeros((10, 2), dtype=bool)
    weak[: FEWEST - 1, 0] = weak[:FEWEST, 1] = True

    assert enough(weak).tolist() == [False, True]
    assert with_mean(np.array([[1.0], [3.0]]), enough(weak)).ravel().tolist() == [3, 1, 3]
