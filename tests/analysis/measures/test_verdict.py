"""Every word and flag of a verdict, on models whose answer is known."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from mbias.analysis.measures.needed import deciding
from mbias.analysis.measures.verdict import (
    ALPHA,
    BALANCED,
    FLOOR,
    MARGIN,
    NOTHING,
    UNDETERMINED,
    decide,
    decide_categories,
    favoured,
    p_balanced,
    p_biased,
    side,
)
from tests.analysis.measures.modelled import modelled_run, sigmoid, use_of

NAMES = ("audio", "visual", "text")


def _normal(size=300, number=2):
    rng = np.random.default_rng(number)
    return {name: rng.normal(size=size) for name in NAMES[:number]}


def _additive(*weights):
    def function(*inputs):
        return sigmoid(sum(w * x for w, x in zip(weights, inputs, strict=True)))[:, None]

    return function


def _labels(function, inputs):
    return function(*inputs.values()) > 0.5


def _used(path, function, inputs, weak=None, **options):
    return use_of(modelled_run(path, function, inputs, _labels(function, inputs) if weak is None else weak, **options))


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ((3.0, 0.05), "uses audio alone"),
        ((0.0, 3.0), "uses visual alone"),
        ((3.0, 1.5), "biased toward audio"),
        ((1.5, 3.0), "biased toward visual"),
        ((2.0, 2.0), BALANCED),
        ((2.0, 1.6), UNDETERMINED),
    ],
)
def test_words_for_two_modalities(tmp_path, weights, words):
    used = _used(tmp_path / "run", _additive(*weights), _normal())
    verdict = decide(used)
    low, high = used.balance[0, 1].interval(0.9 if words == BALANCED else 0.95)[:, 0]

    assert verdict.words == words
    assert verdict.flags == ()
    assert (verdict.low, verdict.high, verdict.level) == (low, high, 0.9 if words == BALANCED else 0.95)
    assert verdict.balance == used.balance[0, 1].point[0]
    if words == BALANCED:
        assert verdict.low > -MARGIN
        assert verdict.high < MARGIN
        assert verdict.p_balanced <= ALPHA
    if words == UNDETERMINED:
        assert verdict.low < MARGIN < verdict.high


@pytest.mark.parametrize(
    ("weights", "words"), [((2.0, 2.0), UNDETERMINED), ((1.0, 4.0), UNDETERMINED), ((3.0, 1.2), "biased toward audio")]
)
def test_a_modality_that_moves_outputs_as_noise_does_is_flagged_and_not_named(tmp_path, weights, words):
    inputs = _normal(3000)
    verdict = decide(_used(tmp_path / "run", _additive(*weights), inputs, (inputs["audio"] > 0)[:, None]))

    assert verdict.words == words
    assert "visual does not help" in verdict.flags


def test_an_effect_that_may_be_below_the_floor_is_undetermined(tmp_path):
    # With 4 positives, how far outputs separate them is not known well.
    inputs = _normal(60)
    weak = np.arange(60)[:, None] < 4
    inputs["audio"][:4] += 1.0
    used = _used(tmp_path / "run", _additive(2.0, 0.2), inputs, weak)

    assert max(separation.point[0] for separation in used.separation) > FLOOR
    assert not any(separation.interval()[0, 0] > FLOOR for separation in used.separation)
    assert decide(used).words == UNDETERMINED


def test_too_few_samples_are_undetermined_and_not_balanced(tmp_path):
    assert decide(_used(tmp_path / "run", _additive(2.0, 2.0), _normal(16))).words == UNDETERMINED


def test_a_constant_with_a_millionth_has_nothing_to_attribute(tmp_path):
    inputs = _normal()
    used = _used(tmp_path / "run", lambda a, v: (0.3 + 1e-6 * (a > 0))[:, None], inputs, (inputs["audio"] > 0)[:, None])
    verdict = decide(used)

    # By itself, its balance would be 1.
    assert used.balance[0, 1].point[0] > 0.9
    assert verdict.words == NOTHING
    assert verdict.flags == ()


def test_outputs_without_any_change_have_nothing_to_attribute(tmp_path):
    inputs = _normal(40)
    verdict = decide(
        _used(tmp_path / "run", lambda a, v: np.full((40, 1), 0.3), inputs, (inputs["audio"] > 0)[:, None])
    )

    assert verdict.words == NOTHING
    assert np.isnan(verdict.balance)


def test_outputs_that_do_not_tell_labels_apart_have_nothing_to_attribute(tmp_path):
    weak = np.random.default_rng(5).random((4000, 1)) < 0.5
    used = _used(tmp_path / "run", _additive(3.0, 0.5), _normal(4000), weak)
    few = _used(tmp_path / "few", _additive(3.0, 0.5), _normal(), weak[:300])

    assert used.size.interval()[0, 0] > 0.5
    assert decide(used).words == NOTHING
    assert (decide(few).words, decide(few).reason) == (
        UNDETERMINED,
        "it is not certain that the outputs tell present labels from absent ones",
    )
    # Where labels are not known, the change is all that there is.
    assert decide(use_of(modelled_run(tmp_path / "unlabelled", _additive(3.0, 0.5), _normal()))).words != NOTHING


def test_outputs_with_little_confidence_that_tell_labels_apart_have_a_verdict(tmp_path):
    inputs = _normal(2000)
    weak = (inputs["audio"] > 0)[:, None]
    used = _used(tmp_path / "run", lambda a, v: 0.5 + 0.15 * (sigmoid(4 * a) - 0.5)[:, None], inputs, weak)

    assert used.size.interval()[1, 0] < FLOOR
    assert decide(used).words == "uses audio alone"


def test_equal_copies_of_which_none_is_needed_are_undetermined(tmp_path):
    """Of a majority vote of three copies, replacing one changes nothing."""
    weak = np.random.default_rng(0).random((200, 1)) < 0.5
    inputs = {name: weak[:, 0].astype(float) for name in NAMES}
    used = _used(tmp_path / "run", lambda *copies: (sum(copies) > 1.5)[:, None].astype(float), inputs, weak)
    verdict = decide(used)

    assert verdict.words == UNDETERMINED
    assert deciding(used, verdict) is None


def test_outputs_that_are_the_wrong_way_round_do_separate_labels(tmp_path):
    function, inputs = _additive(3.0, 0.05), _normal()

    assert decide(_used(tmp_path / "run", function, inputs, ~_labels(function, inputs))).words == "uses audio alone"


def test_exclusive_or_is_balanced_and_synergic(tmp_path):
    rng = np.random.default_rng(1)
    inputs = {name: rng.random(400) < 0.5 for name in NAMES[:2]}
    used = _used(tmp_path / "run", lambda a, v: (0.1 + 0.8 * (a ^ v))[:, None], inputs)

    assert used.interaction.point[0] == pytest.approx(1, abs=0.15)
    assert decide(used).words == BALANCED
    assert decide(used).flags == ("synergic",)


@pytest.mark.parametrize("function", [np.maximum, lambda a, v: (a + v) / 2])
def test_two_copies_of_the_label_are_balanced_and_redundant(tmp_path, function):
    label = (np.random.default_rng(2).random(600) < 0.2).astype(float)
    used = _used(tmp_path / "run", lambda a, v: function(a, v)[:, None], {"audio": label, "visual": label})

    # For the average, (V - 3/2 V) / (3/2 V) with the variance V of the label. For the larger one, each alone changes an
    # output with probability 0.8 x 0.2, and both together with 0.8 x (1 - 0.8^2) + 0.2 x 0.8^2.
    expected = (0.32 - 0.416) / 0.416 if function is np.maximum else -1 / 3
    assert used.interaction.point[0] == pytest.approx(expected, abs=0.05)
    assert decide(used).words == BALANCED
    assert decide(used).flags == ("redundant",)


def test_a_modality_that_pulls_the_wrong_way_harms(tmp_path):
    rng = np.random.default_rng(3)
    label = rng.random(400) < 0.5
    sign = np.where(label, 1.0, -1.0)
    inputs = {"audio": sign + 0.2 * rng.normal(size=400), "visual": sign + 0.2 * rng.normal(size=400)}
    used = _used(tmp_path / "run", lambda a, v: (0.5 + 0.2 * a - 0.1 * v)[:, None], inputs, label[:, None])

    assert decide(used).words == "biased toward audio"
    assert "visual harms" in decide(used).flags
    assert "audio harms" not in decide(used).flags


def test_a_seed_that_stands_apart_is_named(tmp_path):
    inputs = _normal()
    label = _labels(_additive(1.0, 1.0), inputs)
    weights = {3: (2.0, 2.0), 5: (2.1, 2.0), 7: (0.2, 3.0), 8: (2.0, 2.1), 9: (2.0, 2.05)}
    runs = [modelled_run(tmp_path / str(s), _additive(*w), inputs, label, seed=s) for s, w in weights.items()]

    assert "seed 7 stands apart" in decide(use_of(*runs)).flags
    assert decide(use_of(*runs[:2], *runs[3:])).flags == ()
    # Of three seeds, one that uses one modality alone.
    assert decide(use_of(*runs[:3])).flags == ("seed 7 stands apart",)
    assert decide(use_of(*runs[1:3])).flags == ()


@pytest.mark.parametrize(
    ("weights", "words", "pair"),
    [
        ((0.05, 0.05, 3.0), "uses text alone", {2}),
        ((0.8, 3.0, 0.8), "biased toward visual", {1}),
        ((2.0, 2.0, 2.0), BALANCED, set()),
        ((2.0, 2.0, 0.3), UNDETERMINED, {0, 1}),
    ],
)
def test_words_for_three_modalities(tmp_path, weights, words, pair):
    used = _used(tmp_path / "run", _additive(*weights), _normal(600, 3))
    verdict = decide(used)
    shares = [share.point[0] for share in used.share]

    assert verdict.words == words
    assert pair <= {verdict.first, verdict.second}
    assert [shares[verdict.first], shares[verdict.second]] == sorted(shares, reverse=True)[:2]


def test_a_bias_of_three_modalities_is_adjusted_for_the_choice(tmp_path):
    used = _used(tmp_path / "run", _additive(1.0, 2.0, 0.8), _normal(100, 3))
    of_visual = max(used.balance[1, other].above(MARGIN)[0] for other in (0, 2))

    assert p_biased(used)[0, 1] == pytest.approx(min(3 * of_visual, 1))
    assert p_balanced(used)[0] == max(
        used.balance[pair].within(MARGIN)[0] for pair in itertools.combinations(range(3), 2)
    )


def test_two_of_three_that_are_used_alike_wait_for_nothing(tmp_path):
    used = _used(tmp_path / "run", _additive(2.0, 2.0, 0.3), _normal(600, 3))

    assert deciding(used, decide(used)) is None


def test_an_undetermined_balance_waits_for_the_pair_that_is_in_question(tmp_path):
    of_two = _used(tmp_path / "two", _additive(2.0, 1.6), _normal())
    assert deciding(of_two, decide(of_two)) is of_two.balance[0, 1]
    few = _used(tmp_path / "few", _additive(2.0, 2.0, 1.95), _normal(30, 3))
    verdict = decide(few)
    least = int(np.argmin([share.point[0] for share in few.share]))
    assert verdict.words == UNDETERMINED
    assert deciding(few, verdict) in (
        few.balance[verdict.first, least],
        few.balance[verdict.first, verdict.second],
        None,
    )


def test_categories_have_verdicts_of_their_own_with_adjusted_p(tmp_path):
    inputs = _normal(120)
    weights = [(3.0, 1.0), (1.0, 3.0), (2.0, 1.3), (2.0, 2.0)]

    def function(a, v):
        return np.concatenate([_additive(*w)(a, v) for w in weights], axis=1)

    used = _used(tmp_path / "run", function, inputs)
    rows = np.arange(1, 5)
    decided = decide_categories(used, rows)
    by_itself = p_biased(used)[rows].min(axis=1)
    # Benjamini and Hochberg: the smallest p x 4 / rank of this p and of those above it.
    rank = {p: 1 + sorted(by_itself).index(p) for p in by_itself}
    adjusted = [min(p * 4 / rank[p] for p in by_itself if p >= this) for this in by_itself]

    assert [verdict.words for verdict, _ in decided[:2]] == ["biased toward audio", "biased toward visual"]
    assert [p for _, p in decided] == pytest.approx(np.minimum(adjusted, 1))
    assert [verdict.balance for verdict, _ in decided] == [used.balance[0, 1].point[row] for row in rows]
    assert all((favoured(verdict.words) is not None) == (p <= ALPHA) for verdict, p in decided)


def test_one_of_many_categories_is_not_biased_by_chance(tmp_path):
    """Balances at the margin in 40 categories: a bias of each by itself is found in some, but not after adjusting."""
    rng = np.random.default_rng(12)
    inputs = {name: rng.normal(size=(150, 40)) for name in NAMES[:2]}
    used = _used(tmp_path / "run", lambda a, v: sigmoid(2.0 * a + 1.6 * v), inputs)
    rows = np.arange(1, 41)

    assert (p_biased(used)[rows].min(axis=1) <= ALPHA).any()
    assert not any(favoured(verdict.words) for verdict, _ in decide_categories(used, rows))


@pytest.mark.parametrize(
    ("words", "modality"),
    [("uses text alone", "text"), ("biased toward visual", "visual"), (BALANCED, None), (NOTHING, None)],
)
def test_the_modality_that_a_verdict_names(words, modality):
    assert favoured(words) == modality


@pytest.mark.parametrize(
    ("low", "high", "p_balanced", "words"),
    [
        (0.3, 0.6, 0.9, "biased toward audio"),
        (-0.6, -0.3, 0.9, "biased toward visual"),
        (-0.21, 0.1, 0.04, BALANCED),
        (0.1, 0.3, 0.4, UNDETERMINED),
    ],
)
def test_what_a_balance_alone_would_say(low, high, p_balanced, words):
    assert side(low, high, p_balanced, ("audio", "visual")) == words
