"""What each sample contributes to a measure: a quotient of sums is the measure."""

from __future__ import annotations

import numpy as np
import pytest

from mbias import Run
from mbias.analysis.measures.parts import (
    attention_parts,
    contribution_parts,
    cross_parts,
    gradient_ratio,
    score_parts,
    swap_parts,
)
from mbias.errors import NotApplicableError
from mbias.passes import WHOLE, Pass
from mbias.records.probes import read_probe
from tests.drawn_runs import draw_external_probe, draw_run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return Run(draw_run(tmp_path_factory.mktemp("parts") / "run", videos=40, categories=3))


@pytest.mark.parametrize("parts", [attention_parts, contribution_parts, score_parts, swap_parts, cross_parts])
def test_only_samples_with_the_category_count(run, parts):
    of_run = parts(run, 3)
    weak = run.truth["weak"]

    assert of_run.shape == (40, 3, 2, 2)
    np.testing.assert_array_equal(of_run[..., 1] > 0, np.repeat(weak[:, :, None], 2, axis=2))
    assert (of_run[~weak] == 0).all()


@pytest.mark.parametrize("parts", [attention_parts, contribution_parts])
def test_shares_add_up_to_one(run, parts):
    numerators = parts(run, 3)[run.truth["weak"]][..., 0]

    np.testing.assert_allclose(numerators.sum(axis=-1), 1, atol=1e-5)


def test_cross_attention_carries_what_the_prediction_loses(run):
    probe, weak = read_probe(run), run.truth["weak"]
    lost = probe.values(WHOLE, "p_joint") - probe.values(Pass("cross", ("visual",)), "p_joint")

    np.testing.assert_allclose(cross_parts(run, 3)[:, :, 1, 0], lost * weak, atol=1e-6)


def test_passes_that_were_not_recorded_do_not_apply(tmp_path):
    external = Run(draw_external_probe(tmp_path / "mine"))

    with pytest.raises(
        NotApplicableError, match=r"no pass with audio swapped; call mbias\.probe .* mbias\.write_probe"
    ):
        swap_parts(external, 3)
    with pytest.raises(
        NotApplicableError, match=r"cross-attention alone is replaced; call mbias\.probe .* mbias\.write_probe"
    ):
        cross_parts(external, 3)
    with pytest.raises(NotApplicableError, match="no gradient norms were recorded in training"):
        gradient_ratio(external)
