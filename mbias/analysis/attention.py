"""Which modality does the attention W_av favour, category by category? (Fig. 3)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from mbias.analysis.per_run import scopes, weights
from mbias.analysis.per_run.mapping import mapped, of_runs
from mbias.analysis.per_run.pooling import shares_of
from mbias.analysis.questions import Question, Table
from mbias.analysis.settings import (
    RUN_COLUMNS,
    SETTING_COLUMNS,
    of_several_seeds,
    one_variant,
    over_seeds,
    with_one_seed,
)
from mbias.records.run import Run
from mbias.records.study import Study, StudyLike, open_study
from mbias.records.summary import SCOPES
from mbias.tables.layout import RUN, SHARED, Layout, concatenated, number, with_interval, with_left_out
from mbias.tables.names import setting_names, subscript
from mbias.tables.words import Words, with_words


def categories(study: StudyLike, epoch: int | str = "last") -> pd.DataFrame:
    """Distribution of W_av over segments, by category and modality.

    Returns
    -------
    pandas.DataFrame
        One row per run, scope, modality and category: ``mean``, with its 95 % interval over the samples in scope,
        ``mean_low`` and ``mean_high``, conditional on this seed (NaN for fewer than 5 samples); the quantiles ``q05``,
        ``q25``, ``q50``, ``q75`` and ``q95``; and ``saturated``, the share of weights above 0.9. All are in [0, 1].
        ``scope`` is ``all`` segments, or those in which the category is ``present`` in some modality (without a row
        where it never is). ``samples`` is the number of recorded samples.

    Raises
    ------
    NotApplicableError
        If a run did not record ``wav``, or not at that epoch.
    BadInputError
        If a run does not have that epoch, or is damaged.
    """
    study = open_study(study)
    ends = pd.concat(
        [ends.assign(run=identity["run"]) for _, identity, ends in of_runs(_ends, study, epoch)], ignore_index=True
    )
    return with_words(_distributions(study, epoch).merge(ends, how="left"), Words.of(study))


def shares(study: StudyLike, epoch: int | str = "last") -> pd.DataFrame:
    """Attention on each modality and its contribution to p_wsl, averaged over categories.

    Attention says where the network looks. The contribution phi says which part of p_wsl comes from there
    (`contributions`). The two can name different modalities.

    Parameters
    ----------
    study
        A path, a `Run`, a list of these, or a `Study`.
    epoch
        A number from 1, ``"last"`` or ``"best"``, as in `Run.commit`.

    Returns
    -------
    pandas.DataFrame
        One row per run, scope and modality: ``attention``, the mean of W_av; ``saturated``, the share of weights above
        0.9; and ``contribution``, the mean share of phi (NaN where contributions do not apply to the run). All are in
        [0, 1], and each category has the same weight. ``attention_low``, ``attention_high``, ``contribution_low`` and
        ``contribution_high`` are the ends of 95 % intervals over samples, conditional on this seed; `seeds` has
        intervals over seeds and samples. ``toward`` is the number of ``categories`` whose mean weight is above 0.5.
        ``scope`` is as in `categories`.

    Raises
    ------
    NotApplicableError, BadInputError
        As `categories`.

    Examples
    --------
    >>> study = mbias.load_example().select(variant="across_vcross", seed=0)
    >>> table = mbias.analysis.attention.shares(study)
    >>> everywhere = table[table["scope"] == "all"]
    >>> everywhere[["smoothing", "modality", "attention", "toward"]].round(2)
      smoothing modality  attention  toward
    0     no_ls    audio       0.44       0
    1     no_ls   visual       0.56       8
    4      ls_v    audio       0.80       7
    5      ls_v   visual       0.20       1
    """
    study = open_study(study)
    table = _distributions(study, epoch)
    grouped = table.groupby([*RUN_COLUMNS, "epoch", "scope", "modality"], sort=False, dropna=False)
    result = grouped.agg(
        attention=("mean", "mean"),
        saturated=("saturated", "mean"),
        toward=("mean", lambda means: int((means > 0.5).sum())),
        categories=("mean", "size"),
    ).reset_index()
    rows = []
    for run, identity, (means, reasons) in of_runs(scopes.run_means, study, epoch):
        rows.append(with_left_out(_rows(run, {"run": identity["run"]}, means), reasons))
    known = concatenated(rows)
    merged = result.merge(known.drop(columns="attention"), on=["run", "scope", "modality"], how="left")
    return with_left_out(merged, known.attrs["left_out"])


def seeds(study: StudyLike, epoch: int | str = "last") -> pd.DataFrame:
    """`shares` of every setting, as means over its seeds.

    Returns
    -------
    pandas.DataFrame
        One row per setting with two seeds or more, per scope and modality: ``attention`` and ``contribution`` (NaN
        where contributions do not apply to a run), means over ``seeds`` runs, with the ends of their 95 % intervals
        over seeds and samples, ``_low`` and ``_high``.

    Raises
    ------
    NotApplicableError
        As `shares`; or if no setting has two seeds.
    BadInputError
        As `shares`.
    """
    study = open_study(study)
    tables = []
    settings = of_several_seeds(study)
    for setting, (means, reasons) in zip(settings, mapped(scopes.setting_means, settings, epoch), strict=True):
        identity = {name: setting.identity[name] for name in SETTING_COLUMNS}
        tables.append(with_left_out(_rows(setting.runs[0], identity, means), reasons))
    table = concatenated(tables)
    return with_left_out(table, table.attrs["left_out"] | with_one_seed(study))


def contributions(study: StudyLike, epoch: int | str = "last") -> pd.DataFrame:
    """What each modality contributes to p_wsl, by category; exact, from Eq. 3.

    With phi_m = sum over segments of W_tp W_av P, p_wsl is the sum of phi_m over modalities. For a model without
    segments, phi_m = W_av P.

    Returns
    -------
    pandas.DataFrame
        One row per run, scope, modality and category: ``phi``, the mean over samples, a probability; and ``share``,
        the mean over samples of phi_m / p_wsl, in [0, 1], which adds up to 1 over modalities. Both have their 95 %
        intervals over samples, ``_low`` and ``_high`` (NaN for fewer than 5). ``samples`` is the number of samples.
        ``scope`` is ``all`` samples of the recorded split, or those that have the category (``present``).

    Raises
    ------
    NotApplicableError
        If the epoch lacks ``wav``, ``wtp`` or ``p``, or p_joint is not what Eq. 3 gives.
    BadInputError
        If a run does not have that epoch, or is damaged.
    """
    study = open_study(study)
    rows = [{**identity, **row} for _, identity, rows in of_runs(_contributions, study, epoch) for row in rows]
    return pd.DataFrame(rows)


def movement(study: StudyLike) -> pd.DataFrame:
    """How attention moves over epochs, as means over seeds.

    Returns
    -------
    pandas.DataFrame
        One row per setting, epoch, scope and modality: ``attention``, the mean of W_av, and ``saturated``, the share
        of weights above 0.9, each averaged over the ``categories`` in scope and over the ``seeds``, with the ends of
        their 95 % intervals over seeds, ``_low`` and ``_high``; in [0, 1]. ``scope`` is as in `categories`.

    Raises
    ------
    NotApplicableError
        If no run recorded ``wav``.
    """
    study = open_study(study)
    rows = [{**identity, **row} for _, identity, rows in of_runs(weights.movement, study) for row in rows]
    if not rows:
        raise scopes.no_attention(study.runs[0])
    by = ["epoch", "scope", "modality", "categories"]
    return over_seeds(pd.DataFrame(rows), by, {"attention": (0, 1), "saturated": (0, 1)})


def finding(table: pd.DataFrame) -> list[str]:
    """What a table of `shares` shows: one sentence per setting of one variant, with means over seeds."""
    rows, _ = one_variant(table[table["scope"] == "all"])
    return [_sentence(setting, part) for setting, part in rows.groupby(setting_names(rows), sort=False)]


QUESTION = Question(
    name="attention",
    paper="Fig. 3",
    tables=(
        Table(
            shares,
            Layout(
                (*RUN, "scope"),
                ("modality",),
                {
                    "W_{}": with_interval("attention", ".3f"),
                    "W_{}\n>.9": number("saturated", ".3f"),
                    "phi_{}": number("contribution", ".3f"),
                },
            ),
            finding,
        ),
        Table(
            seeds,
            Layout(
                (*SHARED, "scope"),
                ("modality",),
                {
                    "W_{}": with_interval("attention", ".3f"),
                    "phi_{}": with_interval("contribution", ".3f"),
                    "seeds": number("seeds", ".0f"),
                },
            ),
        ),
        Table(
            categories,
            Layout(
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
        ),
        Table(
            contributions,
            Layout(
                (*RUN, "scope", "category"),
                ("modality",),
                {"phi_{}": with_interval("phi", ".4f"), "share {}": with_interval("share", ".3f")},
            ),
        ),
        Table(
            movement,
            Layout(
                (*SHARED, "scope", "epoch"),
                ("modality",),
                {
                    "W_{}": with_interval("attention", ".3f"),
                    "W_{}\n>.9": with_interval("saturated", ".3f"),
                    "seeds": number("seeds", ".0f"),
                },
            ),
        ),
    ),
    drawn="categories",
)


def _sentence(setting: str, rows: pd.DataFrame) -> str:
    columns = ["attention", "saturated", "toward", "categories", "contribution"]
    means = rows.groupby("modality", sort=False)[columns].mean()
    most = means["attention"].idxmax()
    # The weight of the first of many modalities does not say what the others have.
    shown, favoured = means.index[0] if len(means) == 2 else most, means.loc[most]
    contribution = f"; {most} has {favoured['contribution']:.3f} of the contributions"
    return (
        f"{setting}: mean W_{subscript(str(shown))} is {means.loc[shown, 'attention']:.3f}, toward {most} in "
        f"{favoured['toward']:.3g} of {favoured['categories']:.3g} categories; "
        f"{favoured['saturated']:.0%} of the weights of {most} are above 0.9"
        f"{contribution if pd.notna(favoured['contribution']) else ''}."
    )


def _distributions(study: Study, epoch: int | str) -> pd.DataFrame:
    """`categories` without intervals: what was aggregated when the epoch was committed."""
    parts = [
        pd.DataFrame({**identity, **columns}).dropna(subset=["mean"])
        for _, identity, of_scopes in of_runs(weights.distribution, study, epoch)
        for columns in of_scopes
    ]
    return pd.concat(parts, ignore_index=True)


def _ends(run: Run, epoch: int | str) -> pd.DataFrame:
    """The ends of the intervals of the means, one row per scope, modality and category."""
    _, *ends = np.clip(scopes.weight_means(run, epoch).intervals(), 0, 1)
    tables = []
    for scope, low, high in zip(SCOPES, *ends, strict=False):
        columns = {**scopes.cells(run), "scope": scope, "mean_low": low.ravel(), "mean_high": high.ravel()}
        tables.append(pd.DataFrame(columns))
    return pd.concat(tables)


def _rows(run: Run, identity: dict[str, Any], columns: dict[str, scopes.Scoped]) -> pd.DataFrame:
    """One row per scope and modality, from means with the ends of their intervals, (3, modality), by column."""
    rows = []
    for scope in columns["attention"]:
        for index, modality in enumerate(run.header.modalities):
            row = {**identity, "scope": scope, "modality": modality}
            for name, by_scope in columns.items():
                cells = by_scope[scope][:, index] if scope in by_scope else (np.nan,) * 3
                row |= dict(zip((name, f"{name}_low", f"{name}_high"), cells, strict=True))
            rows.append(row)
    return pd.DataFrame(rows)


def _contributions(run: Run, epoch: int | str) -> list[dict[str, Any]]:
    """The rows of a run in `contributions`."""
    values = scopes.sample_means(run, epoch, lambda phi: np.stack([phi, shares_of(phi)], axis=1))
    means = np.clip(values.intervals(), 0, 1)
    rows = []
    for index, (scope, counts) in enumerate(zip(SCOPES, scopes.sample_counts(run), strict=False)):
        for c in np.flatnonzero(counts):
            for m, modality in enumerate(run.header.modalities):
                row: dict[str, Any] = {"epoch": run.commit(epoch).epoch, "scope": scope}
                row |= {"modality": modality, "category": run.header.categories[c]}
                for name, cells in zip(("phi", "share"), np.moveaxis(means[:, index], 1, 0), strict=True):
                    row |= dict(zip((name, f"{name}_low", f"{name}_high"), cells[:, m, c], strict=True))
                rows.append(row | {"samples": int(counts[c])})
    return rows
