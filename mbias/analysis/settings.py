"""Runs and settings: the columns that identify them in tables, and the runs that differ only in their seed."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mbias.errors import BadInputError, NotApplicableError
from mbias.records.run import Run
from mbias.records.study import Study, run_names
from mbias.stats.intervals import t_quantile
from mbias.tables.names import display_name, setting_name
from mbias.tasks import TARGET, Task
from mbias.terms import PRESETS, Modality, Variant, recorded_smoothing

VARIANT_ORDER = tuple(Variant)
"""The order of the paper's Table 1."""

SMOOTHING_ORDER = tuple(PRESETS)
"""The order of the paper's Table 2."""

RUN_COLUMNS = ["run", "variant", "smoothing", "mitigation", "control", "seed", "simulated"]
"""The first columns of a table with one row per run."""

SETTING_COLUMNS = ["run", "variant", "smoothing", "mitigation", "control", "simulated", "seeds"]
"""The first columns of a table with one row per setting."""

ONE_SEED = "every setting has one seed, so nothing is known about other seeds; train more seeds"


@dataclass(frozen=True)
class Setting:
    """The runs of one variant, smoothing, mitigation and control, in the order of their seeds.

    A run of an external model is a setting by itself unless its header names one.

    Parameters
    ----------
    identity
        The columns that identify the setting (`SETTING_COLUMNS`): ``seeds`` is the number of runs, ``run`` the name of
        the run where there is one.
    runs
        The runs, all of the same samples, modalities and categories.
    """

    identity: dict[str, Any]
    runs: tuple[Run, ...]

    @property
    def display_name(self) -> str:
        """The name of the setting on screen."""
        return setting_name(
            **{name: self.identity[name] for name in ("run", "variant", "smoothing", "mitigation", "control")}
        )

    @property
    def of_paper(self) -> bool:
        """Whether the training differs from the paper's in nothing but the variant and the smoothing."""
        return not (self.identity["mitigation"] or self.identity["control"])

    @property
    def samples(self) -> int:
        """The number of recorded samples."""
        return len(self.runs[0].samples)

    @property
    def modalities(self) -> tuple[str, ...]:
        """The names of the modalities."""
        return self.runs[0].header.modalities

    @property
    def categories(self) -> tuple[str, ...]:
        """The names of the categories."""
        return self.runs[0].header.categories

    @property
    def groups(self) -> np.ndarray | None:
        """The group of each sample; None where every sample is independent."""
        return self.runs[0].groups

    @property
    def weak(self) -> np.ndarray:
        """The labels of whole samples, bool (sample, category).

        Raises
        ------
        NotApplicableError
            If they are not recorded.
        """
        return weak_labels(self.runs[0])

    @property
    def task(self) -> Task:
        """What the models are asked for."""
        return self.runs[0].task

    @property
    def labels(self) -> np.ndarray | None:
        """What is true of each sample, (sample, category): bool, or numbers; None where it is not recorded."""
        return self.runs[0].truth.get(TARGET if self.task == Task.REGRESSION else "weak")


def weak_labels(run: Run) -> np.ndarray:
    """The labels of a run's whole samples, bool (sample, category).

    Raises
    ------
    NotApplicableError
        If they are not recorded.
    """
    if run.task == Task.REGRESSION:
        raise NotApplicableError(f"{run.path}: a regression has numbers in place of labels, so this does not apply")
    if "weak" not in run.truth:
        raise NotApplicableError(f"{run.path}: the labels of its samples ('weak') are not recorded; record the truth")
    return run.truth["weak"]


def identified(study: Study) -> Iterator[tuple[Run, dict[str, Any]]]:
    """Yield every run with the columns that identify it (`RUN_COLUMNS`), in the order of the paper's tables."""
    names = run_names(study)
    for run in sorted(study, key=_order):
        yield (
            run,
            {
                "run": names[run],
                "variant": run.variant,
                "smoothing": run.smoothing,
                "mitigation": run.mitigation,
                "control": run.control,
                "seed": run.seed,
                "simulated": run.header.simulated,
            },
        )


def settings(study: Study) -> list[Setting]:
    """The settings of a study, in the order of the paper's tables.

    Raises
    ------
    BadInputError
        If runs of one setting were recorded on different samples, or have the same seed.
    """
    groups: dict[tuple[Any, ...], list[tuple[Run, dict[str, Any]]]] = {}
    for run, identity in identified(study):
        key = (identity["run"],) if run.variant is None else (run.variant, run.smoothing, run.mitigation, run.control)
        groups.setdefault(key, []).append((run, identity))
    return [_setting(members) for members in groups.values()]


def of_several_seeds(study: Study) -> list[Setting]:
    """The settings of a study that have at least two seeds.

    Raises
    ------
    NotApplicableError
        If there is none.
    BadInputError
        As `settings`.
    """
    several = [setting for setting in settings(study) if len(setting.runs) > 1]
    if not several:
        raise NotApplicableError(ONE_SEED)
    return several


def with_one_seed(study: Study) -> dict[str, str]:
    """The settings that a table over seeds leaves out, by name, with the reason."""
    return {setting.display_name: "one seed" for setting in settings(study) if len(setting.runs) == 1}


def over_seeds(table: pd.DataFrame, by: list[str], bounds: Mapping[str, tuple[float, float]]) -> pd.DataFrame:
    """Average a table of runs over seeds, with Student's 95 % intervals.

    Parameters
    ----------
    table
        `RUN_COLUMNS` and other columns.
    by
        The columns that tell the rows of one run apart.
    bounds
        The columns to average, with the least and largest value that each can have; intervals are clipped to them.

    Returns
    -------
    pandas.DataFrame
        `SETTING_COLUMNS`, the columns ``by`` and, for each averaged column, its mean and the ends of its interval,
        ``_low`` and ``_high``, which are NaN where there is one seed.

    Raises
    ------
    BadInputError
        If two runs have the same setting and seed.
    """
    external = table["variant"].isna()
    _refuse_repeated_seeds(table[~external])
    named = table.assign(run=table["run"].where(external, ""))
    grouped = named.groupby([*(name for name in SETTING_COLUMNS if name != "seeds"), *by], sort=False, dropna=False)
    seeds = grouped.size()
    result = seeds.rename("seeds").reset_index()[[*SETTING_COLUMNS, *by]]
    for name, (least, most) in bounds.items():
        mean = grouped[name].mean().to_numpy()
        half = t_quantile(seeds.to_numpy() - 1) * grouped[name].std().to_numpy() / np.sqrt(seeds.to_numpy())
        ends = {f"{name}_low": mean - half, f"{name}_high": mean + half}
        result = result.assign(**{name: mean}, **{end: np.clip(at, least, most) for end, at in ends.items()})
    return result


def reason_for(error: NotApplicableError, runs: Iterable[Run]) -> str:
    """Why something does not apply, with runs by name: tables are shared, the folders above a run are not."""
    reason = str(error)
    for run in runs:
        reason = reason.replace(str(run.path), run.name)
    return reason


def order_key(name: str | None, order: tuple[str, ...]) -> tuple[int, str]:
    """The key that sorts names in the given order, and other names after them, alphabetically."""
    return (order.index(name) if name in order else len(order), str(name))


def smoothing_kind(name: str | None) -> str | None:
    """The preset that smooths the same modalities, whatever the delta; None for a name of another form, or none.

    Examples
    --------
    >>> smoothing_kind("ls_v0.2"), smoothing_kind("mixup")
    ('ls_v', None)
    """
    smoothing = recorded_smoothing(name)
    return smoothing.kind if smoothing else None


def smoothing_strength(name: str | None) -> str:
    """The delta of a smoothing as text (`mbias.terms.Smoothing.strength`); empty without smoothing.

    Settings are compared across smoothings at one delta; No-LS belongs to every delta.
    """
    smoothing = recorded_smoothing(name)
    return smoothing.strength if smoothing else ""


def smoothing_key(name: str | None) -> tuple[bool, float, int, int, str]:
    """The key that sorts smoothings by delta and, at each delta, in the order of Table 2; unknown names come last."""
    smoothing = recorded_smoothing(name)
    if smoothing is None:
        return (True, 0.0, 0, 0, str(name))
    largest = max(smoothing[modality] for modality in Modality)
    return (False, largest, smoothing.k, SMOOTHING_ORDER.index(smoothing.kind), str(name))


def one_variant(table: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """The rows of one variant, and the name of the variant on screen.

    The variant is the original network's, A_cross + V_cross, where the table has it, and otherwise the first one in
    the order of the paper. A table of external models is returned whole, with an empty name.
    """
    trained = table.loc[table["smoothing"].notna(), "variant"].dropna()
    variants = sorted(trained.unique(), key=lambda name: order_key(name, VARIANT_ORDER))
    if not variants:
        return table, ""
    chosen: str = Variant.ACROSS_VCROSS if Variant.ACROSS_VCROSS in variants else variants[0]
    return table[table["variant"] == chosen], display_name("variant", chosen)


def _order(run: Run) -> tuple[Any, ...]:
    return (
        order_key(run.variant, VARIANT_ORDER),
        smoothing_key(run.smoothing),
        str(run.mitigation or ""),
        str(run.control or ""),
        -1 if run.seed is None else run.seed,
        run.name,
    )


def _setting(members: list[tuple[Run, dict[str, Any]]]) -> Setting:
    first, identity = members[0]
    for run, _ in members[1:]:
        # A copy, so that the samples and truth of all runs are not kept.
        if not _same_samples(copy.copy(run), first):
            raise BadInputError(
                f"{run.path}: recorded on other samples than {first.path}; analyse the two in separate calls"
            )
    seeds = [run.seed for run, _ in members]
    if len(set(seeds)) < len(seeds):
        raise BadInputError(_repeated(str(members[-1][0].path)))
    columns = {
        "run": identity["run"] if len(members) == 1 else f"{len(members)} runs",
        "variant": first.variant,
        "smoothing": first.smoothing,
        "mitigation": first.mitigation,
        "control": first.control,
        "simulated": identity["simulated"],
        "seeds": len(members),
    }
    return Setting(columns, tuple(run for run, _ in members))


def _refuse_repeated_seeds(table: pd.DataFrame) -> None:
    runs = table[RUN_COLUMNS].drop_duplicates()
    repeated = runs[runs.duplicated(["variant", "smoothing", "mitigation", "control", "seed"])]
    if len(repeated):
        raise BadInputError(_repeated(str(repeated["run"].iloc[0])))


def _repeated(run: str) -> str:
    return f"{run}: another run has the same setting and seed; leave one of them out"


def _same_samples(a: Run, b: Run) -> bool:
    return (
        a.header.modalities == b.header.modalities
        and a.task == b.task
        and a.header.categories == b.header.categories
        and list(a.samples.iloc[:, 0]) == list(b.samples.iloc[:, 0])
        and a.truth.keys() == b.truth.keys()
        and all(np.array_equal(a.truth[name], b.truth[name]) for name in a.truth)
    )
