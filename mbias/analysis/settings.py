"""Runs that differ in their seed only: what an interval over seeds is about."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mbias.errors import BadInputError
from mbias.records.run import Run
from mbias.records.study import Study
from mbias.stats.intervals import t_quantile
from mbias.tables.names import display_name
from mbias.terms import PRESETS, Variant

IDENTITY = ["run", "variant", "smoothing", "control", "simulated", "seeds"]
"""The columns that stand first in a table of settings."""


ONE_SEED = "one seed a setting is all there is, so nothing is known of others; train more seeds"


@dataclass(frozen=True)
class Setting:
    """The runs of one variant, smoothing and control, in the order of their seeds; an external run is one by itself.

    Parameters
    ----------
    who
        The columns that identify it; ``seeds`` is their number, ``run`` the run's name where there is one.
    runs
        All of the same samples, modalities and categories.
    """

    identity: dict[str, Any]
    runs: tuple[Run, ...]

    @property
    def display_name(self) -> str:
        """Its name on screen."""
        return setting_name(**{name: self.identity[name] for name in ("run", "variant", "smoothing", "control")})

    @property
    def samples(self) -> int:
        """How many samples were recorded."""
        return len(self.runs[0].samples)

    @property
    def modalities(self) -> tuple[str, ...]:
        """Names of the modalities."""
        return self.runs[0].header.modalities

    @property
    def categories(self) -> tuple[str, ...]:
        """Names of the categories."""
        return self.runs[0].header.categories

    @property
    def weak(self) -> np.ndarray:
        """The labels of whole samples, bool (sample, category).

        Raises
        ------
        BadInputError
            If the truth is not recorded.
        """
        if "weak" not in self.runs[0].truth:
            raise BadInputError(f"{self.runs[0].path}: its labels ('weak') are not recorded, so this does not apply")
        return self.runs[0].truth["weak"]


def settings(study: Study) -> list[Setting]:
    """The settings of a study, in the order of the paper's tables.

    Raises
    ------
    BadInputError
        If runs of one setting were recorded on different samples, or two have the same seed.
    """
    groups: dict[tuple, list[tuple[Run, dict[str, Any]]]] = {}
    for run, identity in identified(study):
        external = run.variant is None or run.smoothing is None
        key = (identity["run"],) if external else (run.variant, run.smoothing, run.control)
        groups.setdefault(key, []).append((run, identity))
    return [_setting(members) for members in groups.values()]


def of_several_seeds(study: Study) -> list[Setting]:
    """The settings of a study that have two seeds or more.

    Raises
    ------
    BadInputError
        As `settings`; or if there is none.
    """
    several = [setting for setting in settings(study) if len(setting.runs) > 1]
    if not several:
        raise BadInputError(ONE_SEED)
    return several


def over_seeds(table: pd.DataFrame, by: list[str], bounds: Mapping[str, tuple[float, float]]) -> pd.DataFrame:
    """A table of runs as one of settings: means over seeds, with the ends of Student's 95 % intervals.

    Parameters
    ----------
    table
        The columns of `mbias.analysis.settings.identified` and others.
    by
        Columns that tell the rows of a run apart.
    bounds
        The columns to average, with what each can be; intervals are cut to it.

    Returns
    -------
    pandas.DataFrame
        The columns `IDENTITY`, those of ``by`` and, of each column averaged, its mean and the ends ``_low`` and
        ``_high``, NaN where there is one seed.
    """
    external = table[["variant", "smoothing"]].isna().any(axis=1)
    named = table.assign(run=table["run"].where(external, ""))
    grouped = named.groupby([*(name for name in IDENTITY if name != "seeds"), *by], sort=False, dropna=False)
    seeds = grouped.size()
    result = seeds.rename("seeds").reset_index()[[*IDENTITY, *by]]
    for name, (least, most) in bounds.items():
        mean = grouped[name].mean().to_numpy()
        half = t_quantile(seeds.to_numpy() - 1) * grouped[name].std().to_numpy() / np.sqrt(seeds.to_numpy())
        ends = {f"{name}_low": mean - half, f"{name}_high": mean + half}
        result = result.assign(**{name: mean}, **{end: np.clip(at, least, most) for end, at in ends.items()})
    return result


def setting_name(run: str, variant: str | None, smoothing: str | None, control: str | None) -> str:
    """A setting on screen, as ``A_cross + V_self, LS-V``; an external one goes by its run."""
    texts = [display_name("variant", variant), display_name("smoothing", smoothing), display_name("control", control)]
    return ", ".join(text for text in texts if text) or run


def _setting(members: list[tuple[Run, dict[str, Any]]]) -> Setting:
    first, identity = members[0]
    seeds = [run.seed for run, _ in members]
    for run, _ in members[1:]:
        if not _same_samples(run, first):
            raise BadInputError(f"{run.path}: recorded on other samples than {first.path}; analyse them apart")
    if len(set(seeds)) < len(seeds):
        raise BadInputError(f"{members[-1][0].path}: a seed stands twice among its setting's runs; leave one out")
    columns = {
        "run": identity["run"] if len(members) == 1 else f"{len(members)} runs",
        "variant": first.variant,
        "smoothing": first.smoothing,
        "control": first.control,
        "simulated": identity["simulated"],
        "seeds": len(members),
    }
    return Setting(columns, tuple(run for run, _ in members))


def _same_samples(a: Run, b: Run) -> bool:
    return (
        a.header.modalities == b.header.modalities
        and a.header.categories == b.header.categories
        and list(a.samples.iloc[:, 0]) == list(b.samples.iloc[:, 0])
        and a.truth.keys() == b.truth.keys()
        and all(np.array_equal(a.truth[name], b.truth[name]) for name in a.truth)
    )


VARIANT_ORDER = tuple(Variant)
"""The order of the paper's Table 1."""

SMOOTHING_ORDER = tuple(PRESETS)
"""The order of the paper's Table 2."""


def identified(study: Study) -> Iterator[tuple[Run, dict[str, Any]]]:
    """Every run with the columns that identify it, in the order of the paper's tables.

    The columns are ``run`` (name of its folder; with the folder above where two runs share a name), ``variant``,
    ``smoothing``, ``control`` and ``seed`` (None for an external model), and ``simulated``.
    """
    names = Counter(run.name for run in study)
    for run in sorted(study, key=_place):
        path = run.path.resolve()
        yield (
            run,
            {
                "run": run.name if names[run.name] == 1 else f"{path.parent.name}/{run.name}",
                "variant": run.variant,
                "smoothing": run.smoothing,
                "control": run.control,
                "seed": run.seed,
                "simulated": run.header.simulated,
            },
        )


def place_of(name: str | None, order: tuple[str, ...]) -> tuple[int, str]:
    """Key that sorts names as ``order`` has them, and others behind, by name."""
    return (order.index(name) if name in order else len(order), str(name))


def one_variant(table: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """The rows of one variant, and its label.

    The variant is the original network's, A_cross + V_cross, where the table has it, else the first in the paper's
    order; a table of external models comes back whole, with an empty label.
    """
    variants = sorted(table["variant"].dropna().unique(), key=lambda name: place_of(name, VARIANT_ORDER))
    if not variants:
        return table, ""
    chosen: str = Variant.ACROSS_VCROSS if Variant.ACROSS_VCROSS in variants else variants[0]
    return table[table["variant"] == chosen], display_name("variant", chosen)


def _place(run: Run) -> tuple:
    seed = -1 if run.seed is None else run.seed
    return (
        place_of(run.variant, VARIANT_ORDER),
        place_of(run.smoothing, SMOOTHING_ORDER),
        str(run.control or ""),
        seed,
        run.name,
    )
