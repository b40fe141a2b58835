"""How do two studies, or two runs, differ? Paired by seed and by sample, with intervals, tests and effect sizes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd

from mbias.analysis.measures.catalogue import PRIMARY
from mbias.analysis.measures.coalitions import coalition_parts, enough, with_mean
from mbias.analysis.measures.values import balance, shapley
from mbias.analysis.paper.scores import sample_scores
from mbias.analysis.settings import Setting, settings
from mbias.errors import BadInputError
from mbias.records.run import Run
from mbias.records.study import Study
from mbias.scores.f_scores import LEVELS, METRICS
from mbias.stats.estimates import Estimate, Statistic, estimate
from mbias.stats.intervals import ratio
from mbias.stats.significance import cliffs_delta, holm, sign_flip, standardised
from mbias.tables.layout import Layout, number, with_interval
from mbias.tables.names import display_name, subscript

LAYOUTS = {
    "comparison": Layout(
        ("variant", "smoothing", "control", "a", "b", "seeds", "quantity", "level"),
        (),
        {
            "A": with_interval("value_a", ".3f"),
            "B": with_interval("value_b", ".3f"),
            "B - A": with_interval("difference", "+.3f"),
            "d_z": number("d_z", ".2f"),
            "delta": number("cliffs_delta", ".2f"),
            "p (Holm)": number("p_holm", ".3f"),
        },
    )
}


def comparison(a: Study, b: Study) -> pd.DataFrame:
    """What both studies have, side by side: F-scores, mean attention, and where both are probed, the balance.

    Settings are paired by variant, smoothing and control, or, where either study is of one setting, that one with
    the other's; runs by seed; samples by being the same. F-scores are of the model kept (epoch ``best``).

    Returns
    -------
    pandas.DataFrame
        A row a pair of settings and quantity (an F-score's metric with its ``level``; ``attention`` on the first of
        two modalities, or on each of more; ``balance`` of its Shapley values): ``value_a``, ``value_b`` and
        ``difference`` (B - A), in [0, 1] or [-1, 1], each with its 95 % ends over seeds and samples
        (`mbias.stats.estimates.estimate`); ``d_z`` of the paired differences and ``cliffs_delta`` of B over A;
        ``p`` of a sign-flip test, over ``tested`` (``seeds``, or ``samples`` where there is one), and ``p_holm``,
        adjusted over the quantities of a pair.

    Raises
    ------
    BadInputError
        If nothing can be paired, or pairs were recorded on different samples.
    """
    rows: list[dict[str, Any]] = []
    for one, other in _pairs(settings(a), settings(b)):
        mine: list[dict[str, Any]] = []
        for kind, stacked in _recorded(one, other):
            mine += _rows(kind, stacked)
        adjusted = holm(np.array([row["p"] for row in mine]))
        identity = {
            "variant": one.identity["variant"] if one.identity["variant"] == other.identity["variant"] else None,
            "smoothing": one.identity["smoothing"]
            if one.identity["smoothing"] == other.identity["smoothing"]
            else None,
            "control": one.identity["control"] if one.identity["control"] == other.identity["control"] else None,
            "a": one.display_name,
            "b": other.display_name,
            "seeds": len(one.runs),
            "simulated": one.identity["simulated"] or other.identity["simulated"],
        }
        rows += [{**identity, **row, "p_holm": float(p)} for row, p in zip(mine, adjusted, strict=True)]
    return pd.DataFrame(rows)


def finding(table: pd.DataFrame) -> list[str]:
    """What a table of `comparison` says: which differences hold after Holm's correction, a sentence a pair."""
    sentences = []
    for (a, b), rows in table.groupby(["a", "b"], sort=False):
        sure = rows[rows["p_holm"] <= 0.05]
        texts = [
            f"{_name(row)} {row.difference:+.3f} [{row.difference_low:+.3f}, {row.difference_high:+.3f}]"
            for row in sure.itertuples()
        ]
        pair = f"{b} against {a}" if a != b else str(a)
        said = ", ".join(texts) if texts else f"no difference holds at 5 % over {len(rows)} quantities"
        sentences.append(f"{pair}: {said} ({_seeds(rows['seeds'].iloc[0])}; Holm).")
    return sentences


def _seeds(number: int) -> str:
    return "one seed" if number == 1 else f"{number} seeds"


def _name(row: Any) -> str:
    return f"{row.level}-level {display_name('metric', row.quantity)}" if row.level else str(row.quantity)


def _pairs(a: list[Setting], b: list[Setting]) -> Iterator[tuple[Setting, Setting]]:
    if len(a) == 1 or len(b) == 1:
        pairs = [(one, other) for one in a for other in b]
    else:
        by_key = {_key(setting): setting for setting in b}
        pairs = [(one, by_key[_key(one)]) for one in a if _key(one) in by_key]
    if not pairs:
        raise BadInputError(
            "the two share no variant and smoothing, so nothing can be paired; give settings that both have"
        )
    for one, other in pairs:
        yield _paired(one, other)


def _key(setting: Setting) -> tuple:
    identity = setting.identity
    return (
        identity["variant"],
        identity["smoothing"],
        identity["control"],
        None if identity["variant"] else identity["run"],
    )


def _paired(one: Setting, other: Setting) -> tuple[Setting, Setting]:
    """Both with the runs whose seeds are in both; single runs as they are."""
    samples = [list(setting.runs[0].samples.iloc[:, 0]) for setting in (one, other)]
    if samples[0] != samples[1] or one.categories != other.categories or one.modalities != other.modalities:
        raise BadInputError(
            f"{one.runs[0].path} and {other.runs[0].path} were recorded on different samples, so they cannot be paired"
        )
    if len(one.runs) == len(other.runs) == 1:
        return one, other
    shared = sorted({run.seed for run in one.runs if run.seed is not None} & {run.seed for run in other.runs})
    if not shared:
        raise BadInputError(
            f"{one.runs[0].path} and {other.runs[0].path}: their settings have no seed in common; train the same seeds"
        )
    by_seed = [{run.seed: run for run in setting.runs} for setting in (one, other)]
    both = [tuple(runs[seed] for seed in shared) for runs in by_seed]
    return dataclasses.replace(one, runs=both[0]), dataclasses.replace(other, runs=both[1])


@dataclasses.dataclass(frozen=True)
class _Kind:
    """Quantities of one kind: their names and levels, parts by sample of a run, and sums of these to values."""

    names: list[tuple[str, str]]
    parts: Callable[[Run], np.ndarray]
    values: Callable[[np.ndarray], np.ndarray]
    mean: bool = True
    """Whether they are means over samples, so that a sample has a value of its own."""


def _recorded(one: Setting, other: Setting) -> Iterator[tuple[_Kind, np.ndarray]]:
    """Every kind that both settings' records hold, with its parts, (seed, sample, side, ...)."""
    found = False
    for kind in _kinds(one):
        try:
            sides = [np.stack([kind.parts(run) for run in setting.runs]) for setting in (one, other)]
        except BadInputError:
            continue
        found = True
        yield kind, np.stack(sides, axis=2)
    if not found:
        raise BadInputError(f"{one.runs[0].path}: neither scores, attention nor a probe to compare; record more")


def _kinds(setting: Setting) -> Iterator[_Kind]:
    yield _Kind([(str(metric), str(level)) for level in LEVELS for metric in METRICS], _score_parts, ratio)
    yield _Kind([(f"attention {subscript(m)}", "") for m in _told(setting.modalities)], _attention_parts, ratio)
    if len(setting.modalities) == 2 and "weak" in setting.runs[0].truth:
        kept = enough(setting.weak)

        def balances(sums: np.ndarray) -> np.ndarray:
            pair = shapley(with_mean(ratio(sums), kept)[..., 0, :])
            return balance(pair[..., 0], pair[..., 1])[..., None]

        yield _Kind(
            [("balance", "")], lambda run: coalition_parts(run, PRIMARY.outcome, PRIMARY.baseline), balances, mean=False
        )


def _score_parts(run: Run) -> np.ndarray:
    """F-scores of every sample as parts of a mean, (sample, level x metric, 2)."""
    scores = sample_scores(run)
    scores = scores.reshape(len(scores), -1)
    return np.stack([scores, np.ones_like(scores)], axis=-1)


def _told(modalities: tuple[str, ...]) -> tuple[str, ...]:
    """The modalities whose attention is told: of two the first, since theirs adds up to 1."""
    return modalities[:1] if len(modalities) == 2 else modalities


def _attention_parts(run: Run) -> np.ndarray:
    """Mean attention on each modality that is told, (sample, modality, 2)."""
    if "wav" not in run.header.arrays:
        raise BadInputError(f"{run.path}: it recorded no attention 'wav'; record it as 'wav'")
    wav = np.moveaxis(run.values("wav", "best"), run.header.arrays["wav"].index("modality"), 1)
    mean = wav.reshape(*wav.shape[:2], -1).mean(axis=2, dtype=float)[:, : len(_told(run.header.modalities))]
    return np.stack([mean, np.ones_like(mean)], axis=-1)


def _rows(kind: _Kind, stacked: np.ndarray) -> list[dict[str, Any]]:
    # (seed, sample, side, *cells): seen from the end, the side is where it is in sums too.
    side = 2 - stacked.ndim

    def statistic(sums: np.ndarray) -> np.ndarray:
        a, b = (kind.values(sums.take(place, axis=side)) for place in (0, 1))
        return np.stack([a, b, b - a], axis=-2)

    found = estimate(stacked, statistic)
    ends = found.interval()
    p, d_z, tested = _test(kind, found, stacked[0], statistic)
    delta = cliffs_delta(found.by_seed[:, 1], found.by_seed[:, 0])
    return [
        {
            "quantity": quantity,
            "level": level,
            **{
                f"{name}{end}": float(array[place, i])
                for place, name in enumerate(("value_a", "value_b", "difference"))
                for end, array in (("", found.point), ("_low", ends[0]), ("_high", ends[1]))
            },
            "d_z": float(d_z[i]),
            "cliffs_delta": float(delta[i]) if found.seeds > 1 else np.nan,
            "p": float(p[i]),
            "tested": tested,
        }
        for i, (quantity, level) in enumerate(kind.names)
    ]


def _test(
    kind: _Kind, found: Estimate, by_sample: np.ndarray, statistic: Statistic
) -> tuple[np.ndarray, np.ndarray, str]:
    """P of no difference, d_z, and what they are over: seeds; or with one seed, samples."""
    rng = np.random.default_rng(0)
    if found.seeds > 1:
        return sign_flip(found.by_seed[:, 2], rng), standardised(found.by_seed[:, 2]), "seeds"
    if kind.mean:
        differences = statistic(by_sample)[:, 2]
        return sign_flip(differences, rng), standardised(differences), "samples"
    both_sides = 2 * np.minimum(found.above(0), found.below(0))[2]
    return np.minimum(both_sides, 1), np.full(both_sides.shape, np.nan), "samples"
