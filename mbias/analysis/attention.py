"""Which modality does the attention W_av favour, category by category? (Fig. 3)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from mbias.analysis.measures.pooling import pooled
from mbias.analysis.settings import IDENTITY as SETTING
from mbias.analysis.settings import Setting, identified, of_several_seeds, one_variant, over_seeds
from mbias.errors import BadInputError
from mbias.records.run import Run
from mbias.records.study import Study
from mbias.records.summary import SCOPES, STATISTICS, aligned, presence
from mbias.stats.estimates import estimate
from mbias.stats.intervals import linearised, ratio, student
from mbias.tables.layout import RUN, SHARED, Layout, number, with_interval
from mbias.tables.names import setting_names, subscript

LAYOUTS = {
    "shares": Layout(
        (*RUN, "scope"),
        ("modality",),
        {
            "W_{}": with_interval("attention", ".3f"),
            "W_{}\n>.9": number("saturated", ".3f"),
            "phi_{}": number("contribution", ".3f"),
        },
    ),
    "seeds": Layout(
        (*SHARED, "scope"),
        ("modality",),
        {
            "W_{}": with_interval("attention", ".3f"),
            "phi_{}": with_interval("contribution", ".3f"),
            "seeds": number("seeds", ".0f"),
        },
    ),
    "categories": Layout(
        (*RUN, "scope", "modality", "category"),
        (),
        {
            "mean": with_interval("mean", ".3f"),
            "5 %": number("q05", ".3f"),
            "50 %": number("q50", ".3f"),
            "95 %": number("q95", ".3f"),
            "W>.9": number("saturated", ".3f"),
        },
    ),
    "contributions": Layout(
        (*RUN, "scope", "category"),
        ("modality",),
        {"phi_{}": with_interval("phi", ".4f"), "share {}": with_interval("share", ".3f")},
    ),
    "movement": Layout(
        (*SHARED, "scope", "epoch"),
        ("modality",),
        {
            "W_{}": with_interval("attention", ".3f"),
            "W_{}\n>.9": with_interval("saturated", ".3f"),
            "seeds": number("seeds", ".0f"),
        },
    ),
}


def categories(study: Study, epoch: int | str = "last") -> pd.DataFrame:
    """Distribution of W_av over segments, by category and modality.

    Returns
    -------
    pandas.DataFrame
        A row a run, scope, modality and category: ``mean``, with its 95 % interval over samples, the seed as it is,
        ``mean_low`` and ``mean_high``; the quantiles ``q05``, ``q25``, ``q50``, ``q75``, ``q95`` and ``saturated``,
        the share of weights above 0.9; all in [0, 1]. ``scope`` is ``all`` segments of the recorded split, or those
        in which the category is ``present`` in some modality (no row where it never is); ``samples`` is the number of
        samples these segments come from.

    Raises
    ------
    BadInputError
        If a run has not that epoch, or recorded no ``wav``.
    """
    table = _distributions(study, epoch)
    ends = pd.concat([_ends(run, identity["run"], epoch) for run, identity in identified(study)])
    return table.merge(ends, on=["run", "scope", "modality", "category"], how="left")


def shares(study: Study, epoch: int | str = "last") -> pd.DataFrame:
    """Attention and contribution of each modality, averaged over categories.

    Attention says where the network looks, the contribution phi what of p_wsl comes from there (`contributions`); the
    two can name different modalities.

    Returns
    -------
    pandas.DataFrame
        A row a run, scope and modality: ``attention``, the mean of W_av; ``saturated``, the share of weights above
        0.9; ``contribution``, the mean share of phi (NaN where the run lacks the arrays); all in [0, 1], each
        category weighing the same; ``attention_low``, ``attention_high``, ``contribution_low`` and
        ``contribution_high``, 95 % intervals over samples, the seed as it is (`seeds` has those over
        both). ``toward`` is the number of ``categories`` whose mean weight is above 0.5.
    """
    table = _distributions(study, epoch)
    grouped = table.groupby([*IDENTITY, "epoch", "scope", "modality"], sort=False, dropna=False)
    result = grouped.agg(
        attention=("mean", "mean"),
        saturated=("saturated", "mean"),
        toward=("mean", lambda means: int((means > 0.5).sum())),
        categories=("mean", "size"),
    ).reset_index()
    known = pd.concat([_of_run(run, identity["run"], epoch) for run, identity in identified(study)]).drop(
        columns="attention"
    )
    return result.merge(known, on=["run", "scope", "modality"], how="left")


def seeds(study: Study, epoch: int | str = "last") -> pd.DataFrame:
    """`shares` of every setting, over its seeds.

    Returns
    -------
    pandas.DataFrame
        A row a setting, scope and modality: ``attention`` and ``contribution`` (NaN where a run lacks the arrays),
        means over ``seeds`` runs, with the ends of their 95 % intervals over seeds and samples, ``_low`` and
        ``_high``.

    Raises
    ------
    BadInputError
        As `shares`; or if no setting has two seeds.
    """
    return pd.concat([_of_setting(setting, epoch) for setting in of_several_seeds(study)], ignore_index=True)


def contributions(study: Study, epoch: int | str = "last") -> pd.DataFrame:
    """What each modality contributes to p_wsl, by category: exact, from Eq. 3.

    With phi_m = sum over segments of W_tp W_av P, p_wsl is the sum of phi_m over modalities. Of a model without
    segments, phi_m = W_av P.

    Returns
    -------
    pandas.DataFrame
        A row a run, scope, modality and category: ``phi``, the mean over samples, in probability; ``share``, the mean
        over samples of phi_m / p_wsl, in [0, 1], summing to 1 over modalities, both with their 95 % intervals over
        samples, ``_low`` and ``_high``; ``samples``, how many. ``scope`` is ``all`` samples of the recorded split, or
        those that have the category (``present``).

    Raises
    ------
    BadInputError
        If a run has not that epoch, or that epoch not ``wav``, ``wtp`` and ``p``, or p_joint is not what Eq. 3 gives.
    """
    return pd.concat([_contributions(run, identity, epoch) for run, identity in identified(study)], ignore_index=True)


def movement(study: Study) -> pd.DataFrame:
    """How attention moves over epochs, over seeds.

    Returns
    -------
    pandas.DataFrame
        A row a setting, epoch, scope and modality: ``attention``, the mean of W_av, and ``saturated``, the share of
        weights above 0.9, each averaged over the ``categories`` in scope and the ``seeds``, with the ends of their
        95 % intervals over seeds, ``_low`` and ``_high``; in [0, 1].
    """
    rows = []
    for run, identity in identified(study):
        run.commit()
        for commit in (commit for commit in run.commits if "wav_summary" in commit.arrays):
            values = _summary(run, commit.epoch)
            mean, saturated = values[:, STATISTICS.index("mean")], values[:, STATISTICS.index("saturated")]
            for s, scope in enumerate(SCOPES):
                known = ~np.isnan(mean[s, 0])
                if not known.any():
                    continue
                for m, modality in enumerate(run.header.modalities):
                    rows.append(
                        {
                            **identity,
                            "epoch": commit.epoch,
                            "scope": scope,
                            "modality": modality,
                            "attention": mean[s, m, known].mean(dtype=float),
                            "saturated": saturated[s, m, known].mean(dtype=float),
                            "categories": int(known.sum()),
                        }
                    )
    if not rows:
        raise BadInputError(_NO_ATTENTION.format(study.runs[0].path))
    by = ["epoch", "scope", "modality", "categories"]
    return over_seeds(pd.DataFrame(rows), by, {"attention": (0, 1), "saturated": (0, 1)})


def finding(table: pd.DataFrame) -> list[str]:
    """What a table of `shares` says: a sentence a setting of one variant, with its numbers (means over seeds)."""
    rows, _ = one_variant(table[table["scope"] == "all"])
    return [_sentence(setting, part) for setting, part in rows.groupby(setting_names(rows), sort=False)]


def _sentence(setting: str, rows: pd.DataFrame) -> str:
    means = rows.groupby("modality", sort=False)[
        ["attention", "saturated", "toward", "categories", "contribution"]
    ].mean()
    first = means.iloc[0]
    most = means["attention"].idxmax()
    favoured = means.loc[most]
    contribution = f"; its share of the contributions is {favoured['contribution']:.3f}"
    return (
        f"{setting}: mean W_{subscript(str(means.index[0]))} is {first['attention']:.3f}, toward {most} in "
        f"{favoured['toward']:.3g} of {favoured['categories']:.3g} categories, "
        f"{favoured['saturated']:.0%} of its weights above 0.9"
        f"{contribution if pd.notna(favoured['contribution']) else ''}."
    )


_NO_ATTENTION = "{}: it recorded no attention 'wav', so this does not apply; record it as 'wav'"

_ROUNDING = 0.01
"""How far p_joint may be from Eq. 3, in probability: half precision rounds to 0.004."""

IDENTITY = ["run", "variant", "smoothing", "control", "seed", "simulated"]


def _distributions(study: Study, epoch: int | str) -> pd.DataFrame:
    """`categories` without intervals: what was summed up when the epoch was committed."""
    parts = []
    for run, identity in identified(study):
        values = _summary(run, epoch)
        modalities, names = run.header.modalities, run.header.categories
        identity = {**identity, "epoch": run.commit(epoch).epoch, "samples": len(run.samples)}
        for scope, statistics in zip(SCOPES, values, strict=True):
            cells = statistics.reshape(len(STATISTICS), -1).T.astype(float)
            part = pd.DataFrame(cells, columns=list(STATISTICS))
            part.insert(0, "category", np.tile(names, len(modalities)))
            part.insert(0, "modality", np.repeat(modalities, len(names)))
            part.insert(0, "scope", scope)
            parts.append(_with(identity, part).dropna(subset=["mean"]))
    return pd.concat(parts, ignore_index=True)


def _ends(run: Run, name: str, epoch: int | str) -> pd.DataFrame:
    """The ends of the means' intervals, a row a scope, modality and category."""
    modalities, names = run.header.modalities, run.header.categories
    cells = {"run": name, "modality": np.repeat(modalities, len(names)), "category": np.tile(names, len(modalities))}
    found = []
    for scope, parts in _weight_parts(run, epoch).items():
        _, low, high = _student(linearised(parts))
        found.append(pd.DataFrame({**cells, "scope": scope, "mean_low": low.ravel(), "mean_high": high.ravel()}))
    return pd.concat(found)


def _with(identity: dict[str, Any], part: pd.DataFrame) -> pd.DataFrame:
    for place, (name, value) in enumerate(identity.items()):
        part.insert(place, name, value)
    return part


def _summary(run: Run, epoch: int | str) -> np.ndarray:
    if "wav" not in run.header.arrays:
        raise BadInputError(_NO_ATTENTION.format(run.path))
    return run.values("wav_summary", epoch)


def _rows(run: Run, identity: dict[str, Any], columns: dict[str, dict[str, np.ndarray]]) -> pd.DataFrame:
    """A row a scope and modality of means with the ends of their intervals, (3, modality), by column and scope."""
    rows = []
    for scope in columns["attention"]:
        for m, modality in enumerate(run.header.modalities):
            row = {**identity, "scope": scope, "modality": modality}
            for name, by_scope in columns.items():
                cells = by_scope[scope][:, m] if scope in by_scope else (np.nan,) * 3
                row |= dict(zip((name, f"{name}_low", f"{name}_high"), cells, strict=True))
            rows.append(row)
    return pd.DataFrame(rows)


def _of_run(run: Run, name: str, epoch: int | str) -> pd.DataFrame:
    """Means over categories of W and of the share of phi, with 95 % intervals over samples."""

    def means(parts: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {scope: _student(np.nanmean(linearised(of), axis=-1)) for scope, of in parts.items()}

    columns = {"attention": means(_weight_parts(run, epoch)), "contribution": means(_known_share_parts(run, epoch))}
    return _rows(run, {"run": name}, columns)


def _of_setting(setting: Setting, epoch: int | str) -> pd.DataFrame:
    """The same, with intervals over samples and seeds."""

    def means(of_runs: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
        shared = [scope for scope in of_runs[0] if all(scope in parts for parts in of_runs)]
        return {scope: _with_ends(np.stack([parts[scope] for parts in of_runs])) for scope in shared}

    columns = {
        "attention": means([_weight_parts(run, epoch) for run in setting.runs]),
        "contribution": means([_known_share_parts(run, epoch) for run in setting.runs]),
    }
    return _rows(setting.runs[0], {name: setting.identity[name] for name in SETTING}, columns)


def _with_ends(parts: np.ndarray) -> np.ndarray:
    """Mean over categories of the quotients of parts of several seeds, with its ends, (3, modality)."""
    # NaN where a resample lacks the category.
    found = estimate(parts, lambda sums: np.nanmean(ratio(sums), axis=-1))
    return np.concatenate([found.point[None], found.interval(bounds=(0, 1))])


def _student(values: np.ndarray) -> np.ndarray:
    """Mean over samples with its ends, in [0, 1]."""
    return np.clip(student(values), 0, 1)


def _weight_parts(run: Run, epoch: int | str) -> dict[str, np.ndarray]:
    """Sum and number of each sample's weights W_av, (sample, modality, category, 2), by scope."""
    present = presence(run.truth, run.header.modalities)
    weights, mask = aligned(run.values("wav", epoch), run.header.arrays["wav"], present, len(run.header.categories))
    masks = {"all": np.ones(()), **({} if mask is None else {"present": mask[..., None, :]})}
    between = tuple(range(1, weights.ndim - 2))
    parts = {}
    for scope, kept in masks.items():
        shown = np.broadcast_to(kept, weights.shape)
        parts[scope] = np.stack([(weights * shown).sum(axis=between, dtype=float), shown.sum(axis=between)], axis=-1)
    return parts


def _sample_parts(run: Run, values: np.ndarray) -> dict[str, np.ndarray]:
    """Each sample's value, and whether it counts, (sample, modality, category, 2), by scope."""
    parts = {}
    for scope, mask in _sample_scopes(run, values).items():
        shown = np.broadcast_to(mask[:, None], values.shape)
        parts[scope] = np.stack([values * shown, shown], axis=-1)
    return parts


def _known_share_parts(run: Run, epoch: int | str) -> dict[str, np.ndarray]:
    """`_sample_parts` of the shares of phi; none where the run lacks the arrays."""
    try:
        return _sample_parts(run, _shares_of(_phi(run, epoch)))
    except BadInputError:
        return {}


def _shares_of(phi: np.ndarray) -> np.ndarray:
    """Each modality's share of p_wsl, from phi."""
    shares: np.ndarray = phi / np.maximum(phi.sum(axis=1, keepdims=True), np.finfo(float).tiny)
    return shares


def _sample_scopes(run: Run, phi: np.ndarray) -> dict[str, np.ndarray]:
    """Which samples count for which category, bool (sample, category), by scope."""
    everywhere = {"all": np.ones((len(phi), phi.shape[-1]), dtype=bool)}
    return everywhere | ({"present": run.truth["weak"]} if "weak" in run.truth else {})


def _phi(run: Run, epoch: int | str) -> np.ndarray:
    """Contributions phi, (sample, modality, category), where they add up to the recorded p_wsl."""
    if "wav" not in run.header.arrays:
        raise BadInputError(_NO_ATTENTION.format(run.path))
    phi = pooled(run, epoch, "wav", "p")
    if "p_joint" in run.commit(epoch).arrays:
        joint = run.values("p_joint", epoch, ("sample", "category"))
        if np.abs(phi.sum(axis=1) - joint).max() > _ROUNDING:
            raise BadInputError(
                f"{run.path}: p_joint is not the sum of W_tp W_av P (Eq. 3), so contributions do not apply"
            )
    return phi


def _contributions(run: Run, identity: dict[str, Any], epoch: int | str) -> pd.DataFrame:
    phi = _phi(run, epoch)
    names, modalities = run.header.categories, run.header.modalities
    values = {"phi": _sample_parts(run, phi), "share": _sample_parts(run, _shares_of(phi))}
    rows = []
    for scope, mask in _sample_scopes(run, phi).items():
        found = {name: _student(linearised(parts[scope])) for name, parts in values.items()}
        for c in np.flatnonzero(mask.any(axis=0)):
            for m, modality in enumerate(modalities):
                row = {**identity, "epoch": run.commit(epoch).epoch, "scope": scope}
                row |= {"modality": modality, "category": names[c]}
                for name, cells in found.items():
                    row |= dict(zip((name, f"{name}_low", f"{name}_high"), cells[:, m, c], strict=True))
                rows.append(row | {"samples": int(mask[:, c].sum())})
    return pd.DataFrame(rows)
