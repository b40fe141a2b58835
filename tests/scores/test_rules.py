"""Decision rules: the events they predict, the arrays they need, and their text."""

import numpy as np
import pytest

from mbias.errors import BadInputError
from mbias.scores.rules import RULES, Filter, Rule, rule_named


def test_rules_give_the_events_computed_by_hand():
    p = np.array([0.5, 0.49, 0.9, 0.2]).reshape(1, 2, 2, 1)
    joint, modality = np.array([[0.5]]), np.array([0.4, 0.6]).reshape(1, 2, 1)
    assert RULES["original"].events(p, joint).ravel().tolist() == [True, False, True, False]
    assert not RULES["original"].events(p, joint - 0.01).any()
    assert RULES["per_modality"].events(p, modality=modality).ravel().tolist() == [False, False, False, False]
    assert Rule(Filter.MODALITY, 0.4, 0.4).events(p, modality=modality).ravel().tolist() == [True, True, True, False]
    assert RULES["segments"].events(p).ravel().tolist() == [True, False, True, False]
    two = np.repeat(p, 2, axis=-1)
    assert Rule(Filter.NONE, (0.1, 0.95)).events(two)[..., 0].all()
    assert not Rule(Filter.NONE, (0.1, 0.95)).events(two)[..., 1].any()


def test_a_rule_refuses_missing_arrays_and_invalid_thresholds():
    p = np.zeros((1, 1, 2, 1))
    with pytest.raises(BadInputError, match="p_joint"):
        RULES["original"].events(p)
    with pytest.raises(BadInputError, match="p_modality"):
        RULES["per_modality"].events(p)
    with pytest.raises(BadInputError, match="2 thresholds for 1 categories"):
        Rule(Filter.NONE, (0.1, 0.2)).events(p)
    with pytest.raises(BadInputError, match=r"outside \[0, 1\]"):
        Rule(Filter.NONE, 1.5)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("original", "P >= 0.5 where p_wsl >= 0.25 (video-level, for both modalities)"),
        ("per_modality", "P >= 0.5 where p_a (audio) or p_v (visual) >= 0.25"),
        ("segments", "P >= 0.5, no video-level condition"),
    ],
)
def test_a_rule_is_described_by_its_text(name, text):
    assert str(rule_named(name, 0.5, 0.25)) == text


def test_thresholds_per_category_are_described_by_their_range():
    assert str(Rule(Filter.NONE, (0.3, 0.9))).startswith("P >= 0.3 to 0.9, one per category")
