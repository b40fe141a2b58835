"""What outputs depend on: every number again by plain loops, and known indices of a known function."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from mbias import Pass
from mbias.analysis.measures.use import use
from mbias.analysis.settings import settings
from mbias.errors import NotApplicableError
from mbias.records.probes import read_probe
from mbias.records.study import open_study
from tests.analysis.measures.modelled import modelled_run, sigmoid, use_of
from tests.drawn_runs import draw_external_probe, draw_run

SAMPLES, CATEGORIES, DRAWS = 12, 3, 4
MODALITIES = {2: ("audio", "visual"), 3: ("audio", "visual", "text")}


class Loops:
    """A model of two or three modalities, evaluated one sample at a time."""

    def __init__(self, path, number):
        rng = np.random.default_rng(number)
        self.modalities = MODALITIES[number]
        self.weights = rng.normal(0, 1, (number, CATEGORIES))
        self.inputs = {m: rng.normal(size=SAMPLES) for m in self.modalities}
        self.weak = rng.random((SAMPLES, CATEGORIES)) < 0.5
        self.run = modelled_run(path, self.outputs, self.inputs, self.weak, draws=DRAWS)
        self.probe = read_probe(self.run)
        self.use = use_of(self.run)

    def outputs(self, *inputs):
        linear = sum(x[:, None] * w for x, w in zip(inputs, self.weights, strict=True))
        return sigmoid(linear + np.prod(inputs, axis=0)[:, None])

    def one(self, n, category, rows=None):
        """The output of a sample, with some modalities of other samples."""
        inputs = [np.array([self.inputs[m][(rows or {}).get(m, n)]]) for m in self.modalities]
        return float(self.outputs(*inputs)[0, category])

    def mean(self, replaced, function):
        """Mean over samples and draws of a function of the output, the replaced one and the label, by category."""
        result = []
        for c in range(CATEGORIES):
            total = 0.0
            for n in range(SAMPLES):
                for draw in range(DRAWS):
                    donors = np.atleast_1d(self.probe.values(Pass("permuted", replaced, draw), "donors")[n])
                    rows = dict(zip(replaced, donors, strict=True))
                    total += function(self.one(n, c), self.one(n, c, rows), self.weak[n, c])
            result.append(total / (SAMPLES * DRAWS))
        return np.array([sum(result), *result])

    def changes(self):
        singles = [(m,) for m in self.modalities]
        return [self.mean(replaced, lambda f, g, y: (f - g) ** 2) for replaced in (*singles, self.modalities)]


@pytest.fixture(scope="module", params=[2, 3])
def loops(request, tmp_path_factory):
    return Loops(tmp_path_factory.mktemp("use") / "run", request.param)


def _close(estimate, expected):
    # Records are in single precision.
    np.testing.assert_allclose(estimate.point, expected, rtol=1e-4, atol=1e-6)


def test_changes_and_shares_by_plain_loops(loops):
    *singles, together = loops.changes()

    for change, expected in zip(loops.use.change, (*singles, together), strict=True):
        _close(change, expected)
    for share, expected in zip(loops.use.share, singles, strict=True):
        _close(share, expected / sum(singles))


def test_balances_by_plain_loops(loops):
    singles = loops.changes()[:-1]
    pairs = list(itertools.permutations(range(len(singles)), 2))

    assert set(loops.use.balance) == set(pairs)
    for a, b in pairs:
        _close(loops.use.balance[a, b], (singles[a] - singles[b]) / (singles[a] + singles[b]))


def test_interaction_by_plain_loops(loops):
    *singles, together = loops.changes()

    _close(loops.use.interaction, (sum(singles) - together) / together)


def test_size_is_a_part_of_a_perfect_predictors_change(loops):
    perfect = []
    for c in range(CATEGORIES):
        # A perfect predictor's output is the label, and that of any other sample when all inputs are replaced.
        pairs = [(loops.weak[n, c], loops.weak[m, c]) for n in range(SAMPLES) for m in range(SAMPLES)]
        perfect.append(np.mean([(float(a) - float(b)) ** 2 for a, b in pairs]))

    _close(loops.use.size, loops.changes()[-1] / np.array([sum(perfect), *perfect]))


def test_without_labels_size_takes_the_mean_output_for_the_prevalence(loops, tmp_path):
    used = use_of(modelled_run(tmp_path / "run", loops.outputs, loops.inputs, draws=DRAWS))
    pi = np.array([np.mean([loops.one(n, c) for n in range(SAMPLES)]) for c in range(CATEGORIES)])
    perfect = 2 * pi * (1 - pi)

    _close(used.size, loops.changes()[-1] / np.array([perfect.sum(), *perfect]))
    for needs_labels in (lambda: used.separation, lambda: used.help("log_loss")):
        with pytest.raises(NotApplicableError, match="labels of its samples"):
            needs_labels()


def test_separation_by_plain_loops(loops):
    prevalence = loops.weak.mean(axis=0)
    variance = prevalence * (1 - prevalence)

    def means_apart(outputs):
        """The mean output where the label is present, less that where it is absent."""
        apart = []
        for c in range(CATEGORIES):
            present = [outputs[n][c] for n in range(SAMPLES) if loops.weak[n, c]]
            absent = [outputs[n][c] for n in range(SAMPLES) if not loops.weak[n, c]]
            apart.append(sum(present) / len(present) - sum(absent) / len(absent))
        return np.array([np.sum(apart * variance) / variance.sum(), *apart])

    whole = means_apart([[loops.one(n, c) for c in range(CATEGORIES)] for n in range(SAMPLES)])
    *parts, of_all = loops.use.separation
    _close(of_all, whole)
    for modality, part in zip(loops.modalities, parts, strict=True):
        replaced = []
        for draw in range(DRAWS):
            donors = loops.probe.values(Pass("permuted", (modality,), draw), "donors")
            replaced.append(
                [[loops.one(n, c, {modality: donors[n]}) for c in range(CATEGORIES)] for n in range(SAMPLES)]
            )
        _close(part, whole - np.mean([means_apart(outputs) for outputs in replaced], axis=0))


@pytest.mark.parametrize(
    ("loss", "function"),
    [
        ("squared_error", lambda p, y: (p - y) ** 2),
        ("log_loss", lambda p, y: -np.log(p if y else 1 - p)),
    ],
)
def test_help_is_what_a_loss_gains_by_plain_loops(loops, loss, function):
    for modality, helped in zip(loops.modalities, loops.use.help(loss), strict=True):
        of_sum, *by_category = loops.mean((modality,), lambda f, g, y: function(g, y) - function(f, y))
        _close(helped, [of_sum / CATEGORIES, *by_category])


def test_seeds_are_averaged(tmp_path):
    inputs = {m: np.random.default_rng(i).normal(size=30) for i, m in enumerate(MODALITIES[2])}
    runs = [
        modelled_run(tmp_path / str(s), lambda a, v, s=s: sigmoid((1 + s) * a + v)[:, None], inputs, seed=s)
        for s in (0, 1)
    ]
    together, alone = use_of(*runs), [use_of(run) for run in runs]

    for m in range(2):
        by_seed = [used.share[m].point for used in alone]
        np.testing.assert_allclose(together.share[m].estimate.by_seed, by_seed)
        np.testing.assert_allclose(together.share[m].point, np.mean(by_seed, axis=0))


def test_total_effects_of_ishigamis_function(tmp_path):
    """Half of a change over the variance is the total-effect index: in closed form, and by SALib."""
    analyze, sample = pytest.importorskip("SALib.analyze.sobol"), pytest.importorskip("SALib.sample.sobol")
    a, b, low, high = 7.0, 0.1, -12.0, 20.0

    def ishigami(x, y, z):
        return np.sin(x) + a * np.sin(y) ** 2 + b * z**4 * np.sin(x)

    rng = np.random.default_rng(4)
    inputs = {m: rng.uniform(-np.pi, np.pi, 6_000) for m in MODALITIES[3]}
    # Outputs of a record are probabilities; the indices do not depend on the scale.
    run = modelled_run(tmp_path / "run", lambda *x: ((ishigami(*x) - low) / (high - low))[:, None], inputs)
    variance = run.values("p_joint").var()
    found = [change.point[1] / (2 * variance) for change in use_of(run).change[:3]]

    total = a**2 / 8 + b * np.pi**4 / 5 + b**2 * np.pi**8 / 18 + 1 / 2
    of_x = (1 + b * np.pi**4 / 5) ** 2 / 2
    of_both = b**2 * np.pi**8 * (1 / 18 - 1 / 50)
    assert found == pytest.approx([(of_x + of_both) / total, a**2 / 8 / total, of_both / total], abs=0.02)
    problem = {"num_vars": 3, "names": list(MODALITIES[3]), "bounds": [[-np.pi, np.pi]] * 3}
    drawn = sample.sample(problem, 4096, calc_second_order=False, seed=1)
    by_salib = analyze.analyze(problem, ishigami(*drawn.T), calc_second_order=False, seed=1)
    assert found == pytest.approx(by_salib["ST"], abs=0.02)


def test_donors_that_were_not_recorded_make_intervals_shorter_and_change_nothing_else(tmp_path):
    inputs = {m: np.random.default_rng(i).normal(size=100) for i, m in enumerate(MODALITIES[2])}
    known, unknown = (
        use_of(modelled_run(tmp_path / str(r), lambda a, v: sigmoid(2 * a + v)[:, None], inputs, recorded=r))
        for r in (True, False)
    )

    np.testing.assert_allclose(known.share[0].point, unknown.share[0].point)
    assert (np.ptp(known.share[0].interval(), axis=0) > np.ptp(unknown.share[0].interval(), axis=0)).all()


def test_a_category_rests_on_its_positive_samples(tmp_path):
    rng = np.random.default_rng(3)
    inputs = {m: rng.normal(size=200) for m in MODALITIES[2]}
    weak = np.stack([np.arange(200) < 100, np.arange(200) < 10], axis=1)
    used = use_of(
        modelled_run(tmp_path / "run", lambda a, v: np.repeat(sigmoid(a + v)[:, None], 2, axis=1), inputs, weak)
    )

    assert used.share[0].estimate.df.tolist() == [199, 99, 9]


def test_a_probe_without_permuted_passes_says_how_to_get_them(tmp_path):
    with pytest.raises(
        NotApplicableError, match=r"no pass with audio replaced by 'permuted'; call mbias\.probe .* mbias\.write_probe"
    ):
        _use(draw_external_probe(tmp_path / "mine"))
    with pytest.raises(NotApplicableError, match=r"not probed.*run `mbias probe "):
        _use(draw_run(tmp_path / "run", probe=False))


def _use(path):
    (setting,) = settings(open_study(path))
    return use(setting)
