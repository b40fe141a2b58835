"""Which modality do the predictions really depend on? (Section 3's hypothesis, tested.)

Every measure gives a number for each modality and, of two modalities, a balance in [-1, 1], positive toward the first
(audio): (a - v) / (|a| + |v|). Numbers of categories are means over the samples that have the category; overall they
are means over categories, each weighing the same. Write v(av), v(a), v(v), v() for the value of an outcome
(`mbias.analysis.coalitions.OUTCOMES`) with both modalities, with only audio (visual replaced), only visual, and none.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtri

from mbias.analysis.coalitions import balance, coalition_parts, enough, over_samples, parts, probed
from mbias.analysis.groups import Setting, setting_label, settings
from mbias.analysis.labels import label, short
from mbias.analysis.layout import Layout, ranged
from mbias.analysis.pooling import pooled
from mbias.analysis.statistics import Estimate, student
from mbias.errors import BadInputError
from mbias.records.probes import WHOLE
from mbias.records.run import Run
from mbias.records.study import Study
from mbias.records.summary import aligned

BALANCE = (-1.0, 1.0)


# ---------------------------------------------------------------------------------------------------------------------
# From the values of the four coalitions, (..., 4), to numbers (..., k); plain arithmetic, no records.


def shapley(v: np.ndarray) -> np.ndarray:
    """Shapley values of two modalities.

    S_a = 1/2 [v(av) - v(v) + v(a) - v()], S_v alike. Range: that of the outcome's differences; positive where the
    modality adds to the outcome. Exact: S_a + S_v = v(av) - v(), and S_a - S_v = v(a) - v(v). Cost: 4 N passes.
    Source: Shapley 1953; SHAPE (arXiv 2205.00302). Mind: it depends on what stands in for a missing modality.

    Parameters
    ----------
    v
        Values of both, first only, second only, none, (..., 4).

    Returns
    -------
    numpy.ndarray
        Of the first and the second modality, (..., 2).
    """
    both, first, second, none = np.moveaxis(v, -1, 0)
    return np.stack([both - second + first - none, both - first + second - none], axis=-1) / 2


def cooperation(v: np.ndarray) -> np.ndarray:
    """What two modalities give together beyond what each gives alone: v(av) - v(a) - v(v) + v().

    Positive: they complete each other; negative: each suffices. Cost: 4 N passes. Source: SHAPE (arXiv 2205.00302).
    Mind: an outcome near its ceiling reads as negative.

    Returns
    -------
    numpy.ndarray
        (...), from values (..., 4).
    """
    both, first, second, none = np.moveaxis(v, -1, 0)
    return both - first - second + none


def drops(v: np.ndarray) -> np.ndarray:
    """Ablation drop: what is lost with a modality replaced, v(av) - v(v) for audio.

    Positive where the modality is needed beside the other one; both are small where each suffices alone. Cost: 2 N
    passes a base. Mind: zero, and less so the mean, lie where no input ever was; permuted inputs do not.

    Returns
    -------
    numpy.ndarray
        Of the first and the second modality, (..., 2), from values (..., 4).
    """
    both, first, second, _ = np.moveaxis(v, -1, 0)
    return np.stack([both - second, both - first], axis=-1)


def relative_drops(v: np.ndarray) -> np.ndarray:
    """Drops over the whole: [M(av) - M(v)] / M(av) for audio; at most 1, negative where the modality harms.

    With the modality permuted among samples, and a mean over permutations, it is the perceptual score (Gat et al.,
    NeurIPS 2021; cost (1 + 2 K) N passes; mind: donors that share labels dilute it). With the training mean in its
    place it is conditional utilisation (Wu et al., ICML 2022; cost 3 N). NaN where M(av) is 0.

    Returns
    -------
    numpy.ndarray
        Of the first and the second modality, (..., 2), from values (..., 4).
    """
    whole = v[..., :1]
    lost = drops(v)
    return np.divide(lost, whole, out=np.full(lost.shape, np.nan), where=whole != 0)


# ---------------------------------------------------------------------------------------------------------------------
# From a run to numerators and denominators by sample, category and modality: (sample, category, 2, 2).


def attention_parts(run: Run, epoch: int) -> np.ndarray:
    """Attention share: mean over segments of W_av, over the samples that have the category.

    In [0, 1], adding up to 1. Cost: none beside the record. Source: the paper's Fig. 3; for what attention does not
    say, Jain & Wallace 2019, Wiegreffe & Pinter 2019. Mind: it is where the network looks, not what it depends on.
    """
    _need(run, epoch, "wav")
    wav, _ = aligned(run.values("wav", epoch), run.header.arrays["wav"], None, len(run.header.categories))
    means = wav.mean(axis=tuple(range(1, wav.ndim - 2)), dtype=float)
    return _masked(means.swapaxes(1, 2), run.truth["weak"])


def contribution_parts(run: Run, epoch: int) -> np.ndarray:
    """Contribution share: phi_m / p_wsl, phi_m = sum over segments of W_tp W_av P (Eq. 3); exact.

    In [0, 1], adding up to 1. Cost: none beside the record. Mind: p_a and p_v are themselves of both inputs, through
    cross-attention and shared weights, so a share of p_wsl is no reliance on an input.
    """
    phi = pooled(run, epoch, "wav", "p").swapaxes(1, 2)
    return _masked(phi / np.maximum(phi.sum(axis=-1, keepdims=True), np.finfo(float).tiny), run.truth["weak"])


def score_parts(run: Run, epoch: int) -> np.ndarray:
    """Scores of each modality's own branch, p_a and p_v (Eq. 4, 5), on the labels that are present.

    Their quotient, sum of p_a over sum of p_v, is the ratio of on-the-fly gradient modulation (OGM; Peng et al., CVPR
    2022), with sigmoid for softmax since labels are several. In [0, 1] each. Cost: none beside the record. Mind: made
    for heads that are linear in one modality each; these are not.
    """
    return _masked(pooled(run, epoch, "p").swapaxes(1, 2), run.truth["weak"])


def swap_parts(run: Run, epoch: int) -> np.ndarray:
    """Counterfactual swap: how often the prediction follows a donor, one modality of which is put in.

    The donor shares no label with the sample. The prediction follows it where p_wsl is higher, on average, on the
    donor's labels than on the sample's own; a tie counts half. In [0, 1]; 0: nothing comes from that modality, 1: all
    does. Cost: 2 K N passes. Mind: samples without a donor are left out.
    """
    probe = probed(run)
    weak = run.truth["weak"]
    result = np.zeros((*weak.shape, 2, 2))
    for place, modality in enumerate(run.header.modalities):
        for one in probe.draws("swapped", (modality,)):
            donors, joint = probe.values(one, "donors"), probe.values(one, "p_joint").astype(float)
            known = (donors >= 0) & weak.any(axis=1)
            own = _mean_where(joint, weak)
            theirs = _mean_where(joint, weak[np.maximum(donors, 0)])
            follows = (np.sign(theirs - own) + 1) / 2
            result[:, :, place] += _masked(np.where(known, follows, 0.0)[:, None], weak & known[:, None])
    return result


def cross_parts(run: Run, epoch: int) -> np.ndarray:
    """What cross-attention carries: the drop of p_wsl with a modality replaced only where the other attends to it.

    On the labels that are present, by the training mean, in g_ca of Eq. 1 and 2 alone. In [-1, 1]; 0 for a variant
    without that direction. Cost: 3 N passes. Source: ablation, as above. Mind: what the other modality attends to
    beside it stays, so a small drop may also be redundancy.
    """
    probe = probed(run)
    whole = parts(run, probe, WHOLE, "probability")
    found = []
    for modality in run.header.modalities:
        passes = probe.draws("cross", (modality,))
        found.append(whole - parts(run, probe, passes[0], "probability") if passes else np.zeros_like(whole))
    lost = np.stack(found, axis=2)
    lost[..., 1] = whole[:, :, None, 1]
    return lost


def gradient_ratio(run: Run) -> np.ndarray:
    """Norm of the loss's gradient at each modality's features, dL/df_a and dL/df_v, a mean over steps and epochs.

    Positive, (2,). Cost: none beside training, while which it is recorded. Source: e.g. BalGrad (arXiv 2503.13834).
    Mind: taken at the streams' own features, never at shared weights; a small gradient may mean done, not ignored.

    Raises
    ------
    BadInputError
        If it was not recorded.
    """
    norms = [
        [commit.losses.get(m, {}).get("gradient", np.nan) for m in run.header.modalities] for commit in run.commits
    ]
    mean: np.ndarray = np.mean(norms, axis=0)
    if np.isnan(mean).any():
        raise BadInputError(f"{run.path}: no gradient norms were recorded while it was trained")
    return mean


# ---------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Measure:
    """A measure of reliance as it stands in tables.

    Parameters
    ----------
    name, outcome, base
        What identifies it.
    estimate
        Of a setting: first modality, second modality, balance, of shape (1 + category, 3), all categories first.
    causal
        Whether inputs were changed for it.
    """

    name: str
    outcome: str
    base: str
    estimate: Callable[[Setting], Estimate]
    causal: bool = True

    @property
    def label(self) -> str:
        """The name on screen."""
        details = ", ".join(part for part in (label("outcome", self.outcome), self.base) if part)
        return f"{self.name} ({details})" if details else self.name


def _of_coalitions(name: str, outcome: str, base: str, function: Callable[[np.ndarray], np.ndarray]) -> Measure:
    def of(setting: Setting) -> Estimate:
        stacked = np.stack([coalition_parts(run, outcome, base) for run in setting.runs])
        return over_samples(setting.weak, stacked, function)

    return Measure(name, outcome, base, of)


def _of_parts(
    name: str, outcome: str, base: str, function: Callable[[Run, int], np.ndarray], causal: bool = False
) -> Measure:
    def of(setting: Setting) -> Estimate:
        stacked = np.stack([function(run, probed(run).epoch) for run in setting.runs])
        return over_samples(setting.weak, stacked, lambda values: values)

    return Measure(name, outcome, base, of, causal)


PRIMARY = _of_coalitions("Shapley", "probability", "mean", shapley)
"""The measure a verdict rests on."""

MEASURES = (
    PRIMARY,
    _of_coalitions("Shapley", "log_loss", "mean", shapley),
    _of_coalitions("Shapley", "f_score", "mean", shapley),
    _of_coalitions("drop", "probability", "mean", drops),
    _of_coalitions("drop", "probability", "zero", drops),
    _of_coalitions("drop", "probability", "permuted", drops),
    _of_coalitions("drop", "f_audio", "mean", drops),
    _of_coalitions("drop", "f_visual", "mean", drops),
    _of_coalitions("perceptual", "f_score", "permuted", relative_drops),
    _of_coalitions("utilisation", "f_score", "mean", relative_drops),
    _of_parts("swap", "", "swapped", swap_parts, causal=True),
    _of_parts("cross", "probability", "cross", cross_parts, causal=True),
    _of_parts("attention", "", "", attention_parts),
    _of_parts("contribution", "", "", contribution_parts),
    _of_parts("branch score", "", "", score_parts),
)

COOPERATION = _of_coalitions(
    "cooperation", "probability", "mean", lambda v: np.repeat(cooperation(v)[..., None], 2, axis=-1)
)
"""Of both modalities together, so without a balance."""


def applicable(setting: Setting) -> Iterator[tuple[Measure, Estimate]]:
    """The measures that the setting's records allow, with their estimates; the primary one first.

    Raises
    ------
    BadInputError
        If the primary one does not apply, and why.
    """
    yield PRIMARY, PRIMARY.estimate(setting)
    for measure in MEASURES[1:]:
        try:
            found = measure.estimate(setting)
        except BadInputError:
            continue
        yield measure, found


Estimates = Sequence[tuple[Setting, dict[Measure, Estimate]]]


def estimates(study: Study) -> Estimates:
    """Every setting with every measure that applies to it, the primary one first.

    They are what takes long in the tables below and in those of `mbias.analysis.diagnosis`; whoever wants several
    tables passes them on.

    Raises
    ------
    BadInputError
        If a run is not probed or has not two modalities.
    """
    return [(setting, dict(applicable(setting))) for setting in settings(study)]


def primary_estimates(study: Study) -> Estimates:
    """`estimates` of the primary measure alone."""
    return [(setting, {PRIMARY: PRIMARY.estimate(setting)}) for setting in settings(study)]


LAYOUTS = {
    "measures": Layout(
        ("variant", "smoothing", "control", "measure"),
        ("modality",),
        {"{}": ranged("value", ".3f"), "balance": ranged("balance", ".2f")},
    ),
    "categories": Layout(
        ("variant", "smoothing", "control", "category", "samples"),
        ("modality",),
        {"S_{}": ranged("shapley", ".3f"), "balance": ranged("balance", ".2f")},
    ),
    "agreement": Layout(
        ("over", "measure", "other"), (), {"rho": ranged("rho", ".2f"), "number": lambda row: str(row.number)}
    ),
}


def measures(study: Study, found: Estimates | None = None) -> pd.DataFrame:
    """Every measure of every setting, over all categories, with 95 % intervals over its seeds and samples.

    Parameters
    ----------
    found
        The study's `estimates`, where they are at hand.

    Returns
    -------
    pandas.DataFrame
        A row a setting, ``measure`` (of a ``kind``, ``outcome`` and ``base``) and modality (``both`` for
        cooperation): ``value`` with ``value_low`` and ``value_high``, in the measure's own units; ``balance`` of the
        two modalities with its ends, in [-1, 1], positive toward the first; ``causal``, whether inputs were changed
        for it; ``seeds`` and ``samples``. With one seed the interval is over samples only. The gradient ratio, where
        recorded, has an interval over seeds only.

    Raises
    ------
    BadInputError
        If a run is not probed or has not two modalities.
    """
    rows: list[dict[str, Any]] = []
    for setting, by_measure in found or estimates(study):
        for measure, of_measure in by_measure.items():
            rows += _rows(setting, measure, _columns(of_measure, 0), setting.modalities)
        joint = _columns(COOPERATION.estimate(setting), 0)
        rows += _rows(
            setting, COOPERATION, {**joint, "balance": np.nan, "balance_low": np.nan, "balance_high": np.nan}, ("both",)
        )
        rows += _gradient_rows(setting)
    return pd.DataFrame(rows)


def categories(study: Study, found: Estimates | None = None) -> pd.DataFrame:
    """Shapley values of p_wsl, the training mean standing in, by category, with 95 % intervals.

    Parameters
    ----------
    found
        The study's `estimates`, where they are at hand.

    Returns
    -------
    pandas.DataFrame
        A row a setting, category (with `FEWEST` samples or more) and modality: ``shapley`` and ``balance``, each with
        ``_low`` and ``_high``; ``samples`` is how many have the category.
    """
    rows: list[dict[str, Any]] = []
    for setting, by_measure in found or primary_estimates(study):
        for place in np.flatnonzero(enough(setting.weak)):
            columns = _columns(by_measure[PRIMARY], 1 + int(place))
            for m, modality in enumerate(setting.modalities):
                rows.append(
                    {
                        **setting.who,
                        "category": setting.categories[place],
                        "modality": modality,
                        **{f"shapley{end}": columns[f"value{end}"][m] for end in ("", "_low", "_high")},
                        **{f"balance{end}": columns[f"balance{end}"] for end in ("", "_low", "_high")},
                        "samples": int(setting.weak[:, place].sum()),
                    }
                )
    return pd.DataFrame(rows)


def agreement(study: Study, found: Estimates | None = None) -> pd.DataFrame:
    """Whether the measures agree: Spearman's rank correlation of their balances.

    Parameters
    ----------
    found
        The study's `estimates`, where they are at hand.

    Returns
    -------
    pandas.DataFrame
        A row a pair of measures and ``over`` what: ``runs`` (one balance a run) or ``categories`` (within a run, the
        mean over runs): ``rho`` in [-1, 1], ``number`` of runs, and 95 % ends ``rho_low``, ``rho_high``: over runs by
        Fisher's transformation (unknown below 5 runs; runs of one setting are taken as independent), over categories
        by the spread between runs (unknown for one).
    """
    cells: dict[str, list[np.ndarray]] = {}
    for setting, by_measure in found or estimates(study):
        kept = np.concatenate([[True], enough(setting.weak)])
        for measure, of_measure in by_measure.items():
            balances = np.where(kept, of_measure.by_seed[..., 2], np.nan)
            cells.setdefault(measure.label, []).append(balances)
    whole = {name: np.concatenate(found) for name, found in cells.items()}
    runs = max(map(len, whole.values()))
    whole = {name: values for name, values in whole.items() if len(values) == runs}
    rows = []
    for one, other in itertools.combinations(whole, 2):
        rows.append(
            {"over": "runs", "measure": one, "other": other, **_over_runs(whole[one][:, 0], whole[other][:, 0])}
        )
        rows.append(
            {
                "over": "categories",
                "measure": one,
                "other": other,
                **_over_categories(whole[one][:, 1:], whole[other][:, 1:]),
            }
        )
    simulated = study.simulated
    return (
        pd.DataFrame(rows)
        .assign(simulated=simulated)
        .sort_values("over", ascending=False, kind="stable", ignore_index=True)
    )


def finding(table: pd.DataFrame) -> list[str]:
    """What a table of `measures` says: a sentence a setting, by the primary measure and what others say of it."""
    names = ["variant", "smoothing", "control", "run"]
    return [_sentence(rows) for _, rows in table.groupby(names, sort=False, dropna=False)]


def _sentence(rows: pd.DataFrame) -> str:
    primary = rows[rows["measure"] == PRIMARY.label]
    first, second = primary.itertuples()
    values = " and ".join(
        f"{row.value:.3f} [{row.value_low:.3f}, {row.value_high:.3f}] from {row.modality}" for row in (first, second)
    )
    text = (
        f"{setting_label(first.run, first.variant, first.smoothing, first.control)}: of p_wsl on the labels that are "
        f"present, {values} (Shapley values); "
        f"balance {first.balance:+.2f} [{first.balance_low:+.2f}, {first.balance_high:+.2f}]"
    )
    attention = rows[(rows["measure"] == "attention") & (rows["modality"] == first.modality)]
    if attention.empty:
        return f"{text}."
    return f"{text}; its attention W_{short(first.modality)} is {attention['value'].iloc[0]:.3f}."


def _columns(found: Estimate, row: int) -> dict[str, Any]:
    low, high = found.interval()
    low_balance, high_balance = found.interval(bounds=BALANCE)
    return {
        "value": found.point[row, :2],
        "value_low": low[row, :2],
        "value_high": high[row, :2],
        "balance": found.point[row, 2],
        "balance_low": low_balance[row, 2],
        "balance_high": high_balance[row, 2],
    }


def _rows(
    setting: Setting, measure: Measure, columns: dict[str, Any], modalities: Sequence[str]
) -> list[dict[str, Any]]:
    return [
        {
            **setting.who,
            "measure": measure.label,
            "kind": measure.name,
            "outcome": measure.outcome,
            "base": measure.base,
            "modality": modality,
            **{name: value[m] if name.startswith("value") else value for name, value in columns.items()},
            "causal": measure.causal,
            "samples": setting.samples,
        }
        for m, modality in enumerate(modalities)
    ]


def _gradient_rows(setting: Setting) -> list[dict[str, Any]]:
    try:
        norms = np.stack([gradient_ratio(run) for run in setting.runs])
    except BadInputError:
        return []
    values = np.concatenate([norms, balance(norms[:, 0], norms[:, 1])[:, None]], axis=1)
    point, low, high = student(values)
    columns = {
        "value": point[:2],
        "value_low": low[:2],
        "value_high": high[:2],
        "balance": point[2],
        "balance_low": max(low[2], -1.0),
        "balance_high": min(high[2], 1.0),
    }
    return _rows(setting, Measure("gradient", "", "", PRIMARY.estimate, causal=False), columns, setting.modalities)


def _over_runs(one: np.ndarray, other: np.ndarray) -> dict[str, Any]:
    known = ~np.isnan(one) & ~np.isnan(other)
    number = int(known.sum())
    rho = _spearman(one[known], other[known])
    low = high = np.nan
    if number >= 5 and abs(rho) < 1:
        # The variance of Fisher's z for ranks: Bonett & Wright 2000.
        half = ndtri(0.975) * np.sqrt((1 + rho**2 / 2) / (number - 3))
        low, high = np.tanh(np.arctanh(rho) + np.array([-half, half]))
    return {"rho": rho, "rho_low": low, "rho_high": high, "number": number}


def _over_categories(one: np.ndarray, other: np.ndarray) -> dict[str, Any]:
    found = []
    for a, b in zip(one, other, strict=True):
        known = ~np.isnan(a) & ~np.isnan(b)
        found.append(_spearman(a[known], b[known]))
    rhos = np.array(found)[~np.isnan(found)]
    if not len(rhos):
        return {"rho": np.nan, "rho_low": np.nan, "rho_high": np.nan, "number": 0}
    rho, low, high = np.clip(student(rhos), -1, 1)
    return {"rho": rho, "rho_low": low, "rho_high": high, "number": len(rhos)}


def _spearman(one: np.ndarray, other: np.ndarray) -> float:
    if len(one) < 3 or np.ptp(one) == 0 or np.ptp(other) == 0:
        return float("nan")
    return float(np.corrcoef(pd.Series(one).rank(), pd.Series(other).rank())[0, 1])


def _masked(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Numerators and denominators (..., 2) of the mean over a mask (sample, category) of values of its first axes."""
    shaped = mask.reshape(*mask.shape, *[1] * (values.ndim - 2)).astype(float)
    shape = np.broadcast_shapes(values.shape, shaped.shape)
    return np.stack([np.broadcast_to(values * shaped, shape), np.broadcast_to(shaped, shape)], axis=-1)


def _mean_where(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    total: np.ndarray = (values * mask).sum(axis=1) / np.maximum(mask.sum(axis=1), 1)
    return total


def _need(run: Run, epoch: int, *names: str) -> None:
    missing = [name for name in names if name not in run.commit(epoch).arrays]
    if missing:
        raise BadInputError(f"{run.path}: epoch {epoch} holds no {missing[0]!r}; record it with the run")
