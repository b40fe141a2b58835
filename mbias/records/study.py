"""Several runs, read together."""

from __future__ import annotations

import dataclasses
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING

from mbias.arguments import as_url, checked_path, counted, shown
from mbias.errors import BadInputError
from mbias.records.paths import folders_below
from mbias.records.run import Run
from mbias.remote import remote_runs

if TYPE_CHECKING:
    import pandas as pd

_SELECTED = ("run", "variant", "smoothing", "mitigation", "control", "seed")


@dataclass(frozen=True, repr=False)
class Study:
    """Runs that are analysed together, in the order of their paths; `open_study` makes one.

    Parameters
    ----------
    runs
        The runs.
    left_out
        Names of the runs that failed or have no committed epoch yet, with the reason why they are not among ``runs``.

    Examples
    --------
    >>> study = mbias.load_example()
    >>> study
    <Study of 8 runs: across_vcross (ls_v, no_ls), across_vself (ls_v modality_dropout, ls_v); 2 seeds; simulated data>
    >>> [run.name for run in study.select(smoothing="no_ls")]
    ['across_vcross-no_ls-seed0', 'across_vcross-no_ls-seed1']
    """

    runs: tuple[Run, ...]
    left_out: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        if isinstance(self.runs, str) or not isinstance(self.runs, Sequence) or not self.runs:
            raise BadInputError(f"Study: {shown(self.runs)} is not a sequence of runs; give one run or more")
        for run in self.runs:
            if not isinstance(run, Run):
                raise BadInputError(f"Study: {shown(run)} is not a Run; open paths with mbias.open_study")
        object.__setattr__(self, "runs", tuple(self.runs))

    def __iter__(self) -> Iterator[Run]:
        return iter(self.runs)

    def __len__(self) -> int:
        return len(self.runs)

    def __repr__(self) -> str:
        members: dict[str, list[str]] = {}
        for run in self:
            changed = [name for name in (run.mitigation, run.control) if name]
            member = " ".join([run.smoothing or run.name, *changed])
            members.setdefault(run.variant or "external", []).append(member)
        settings = [f"{variant} ({', '.join(dict.fromkeys(names))})" for variant, names in members.items()]
        seeds = len({run.seed for run in self if run.seed is not None})
        notes = [counted(seeds, "seed")] * bool(seeds) + ["simulated data"] * self.simulated
        notes += [f"{counted(len(self.left_out), 'run')} left out"] * bool(self.left_out)
        return f"<Study of {counted(len(self), 'run')}: {'; '.join([', '.join(settings), *notes])}>"

    @property
    def simulated(self) -> bool:
        """Whether any of the runs was trained on simulated data."""
        return any(run.header.simulated for run in self.runs)

    def _repr_html_(self) -> str:
        from mbias.records.preview import as_html

        return as_html(self.runs, self.left_out)

    def select(
        self,
        *,
        run: str | Sequence[str] | None = None,
        variant: str | Sequence[str] | None = None,
        smoothing: str | Sequence[str] | None = None,
        mitigation: str | Sequence[str] | None = None,
        control: str | Sequence[str] | None = None,
        seed: int | Sequence[int] | None = None,
    ) -> Study:
        """Select the runs that have all of the given values; several values of one name are alternatives.

        Parameters
        ----------
        run, variant, smoothing, mitigation, control, seed
            The values to keep, as in `table`; ``control="none"`` keeps the runs that are not controls, and
            ``mitigation="none"`` those without a mitigation.

        Returns
        -------
        Study
            The selected runs, in their order.

        Raises
        ------
        BadInputError
            If no run has one of the values, or no run has all of them; the message lists the known values.
        """
        given: dict[str, str | int | Sequence[str] | Sequence[int] | None] = dict(
            zip(_SELECTED, (run, variant, smoothing, mitigation, control, seed), strict=True)
        )
        kept = list(self.runs)
        for name, values in given.items():
            if values is not None:
                wanted = [values] if isinstance(values, str) or not isinstance(values, Iterable) else list(values)
                self._check_known(name, wanted)
                kept = [candidate for candidate in kept if _value(candidate, name) in wanted]
        if not kept:
            chosen = ", ".join(f"{name}={values!r}" for name, values in given.items() if values is not None)
            raise BadInputError(f"no run of the study has {chosen} together; see study.table()")
        return dataclasses.replace(self, runs=tuple(kept))

    def _check_known(self, name: str, wanted: Sequence[object]) -> None:
        known = list(dict.fromkeys(_value(run, name) for run in self))
        listed = ", ".join(str(value) for value in known)
        if not wanted:
            raise BadInputError(f"select: {name} has no value; the study has {listed}")
        for value in wanted:
            if not isinstance(value, str | Integral | None) or value not in known:
                raise BadInputError(f"no run of the study has the {name} {shown(value)}; it has {listed}")

    def table(self) -> pd.DataFrame:
        """One row per run: run, variant, smoothing, mitigation, control, seed, epochs, complete, simulated.

        Returns
        -------
        pandas.DataFrame
            ``epochs`` is the number of committed epochs; ``complete``, whether all epochs are committed.
        """
        import pandas as pd

        return pd.DataFrame(
            {
                "run": [run.name for run in self],
                "variant": [run.variant for run in self],
                "smoothing": [run.smoothing for run in self],
                "mitigation": [run.mitigation for run in self],
                "control": [run.control for run in self],
                "seed": [run.seed for run in self],
                "epochs": [len(run.commits) for run in self],
                "complete": [run.complete for run in self],
                "simulated": [run.header.simulated for run in self],
            }
        )


StudyLike = Study | Run | str | os.PathLike[str] | Sequence[Run | str | os.PathLike[str]]
"""What is taken wherever a study is: a study, a run, a path, or a list of runs and paths."""


def open_study(study: StudyLike) -> Study:
    """Open a study.

    Parameters
    ----------
    study
        The folder of a run, or a folder that holds folders of runs, or the address of one in remote storage, such as
        ``s3://bucket/models/demo``; a `Run`; a list of these; or a `Study`, which is returned as it is.

    Returns
    -------
    Study
        Every run once. Runs that failed, or that have no committed epoch yet, are in ``left_out``.

    Raises
    ------
    BadInputError
        If a path holds no run, a run cannot be read, or all runs would be left out.

    Examples
    --------
    >>> mbias.open_study("models/demo")
    <Study of 2 runs: across_vcross (ls_a, ls_v); 1 seed; simulated data>
    """
    if isinstance(study, Study):
        return study
    given = [study] if isinstance(study, Run | str | os.PathLike) else study
    if not isinstance(given, Sequence) or not given:
        raise BadInputError(f"{shown(study)} is not a study; give a folder of runs, a run, or a list of these")
    runs: dict[Path, Run] = {}
    for item in given:
        if isinstance(item, Study):
            runs |= {run.path.resolve(): run for run in item}
        elif isinstance(item, Run):
            runs[item.path.resolve()] = item
        elif isinstance(item, str | os.PathLike):
            for folder in run_folders(item):
                runs.setdefault(folder.resolve(), Run(folder))
        else:
            raise BadInputError(f"{shown(item)} is neither a run nor a path; give folders of runs")
    reasons = {run: reason for run in runs.values() if (reason := _unusable(run))}
    if len(reasons) == len(runs):
        run, reason = next(iter(reasons.items()))
        raise BadInputError(f"{run.path}: {reason}; train it further, or give another run")
    left_out = {run.name: reason for run, reason in reasons.items()}
    return Study(tuple(run for run in runs.values() if run not in reasons), left_out)


def load_example() -> Study:
    """Open the study that is installed with mbias: eight small runs with probes, on simulated data.

    The Hybrid Attention Network was trained for five epochs on 1,000 simulated videos of LLP in which sounds are weaker
    than pictures, with two seeds of four settings: A_cross + V_self with smoothed visual labels, without a mitigation
    and with modality dropout; and A_cross + V_cross without smoothing and with smoothed visual labels. Of the 150 test
    videos, the study has the eight most frequent categories; its losses and F-scores are those of all categories.

    Returns
    -------
    Study
        The study. Its runs are folders, so ``mbias-analyze`` takes their path too.

    Examples
    --------
    >>> study = mbias.load_example()
    >>> len(study), study.simulated
    (8, True)
    """
    with resources.as_file(resources.files("mbias.records") / "example") as folder:
        return open_study(folder)


def run_names(study: Study) -> dict[Run, str]:
    """The name of every run, with the folder above it where two runs share a name."""
    counts = Counter(run.name for run in study)
    return {run: run.name if counts[run.name] == 1 else f"{run.path.resolve().parent.name}/{run.name}" for run in study}


def run_folders(path: str | os.PathLike[str]) -> list[Path]:
    """The folders of runs at a path: the folder itself, or those directly below it, sorted.

    Parameters
    ----------
    path
        The folder of a run, or a folder that holds folders of runs, or the address of one in remote storage.

    Returns
    -------
    list of pathlib.Path
        At least one folder.

    Raises
    ------
    BadInputError
        If the folder does not hold a run.
    """
    if url := as_url(path):
        return remote_runs(url)
    path = checked_path(path, "a path of runs", "give the folder of a run, or of runs")
    if (path / "run.json").is_file():
        return [path]
    if path.is_file():
        raise BadInputError(f"{path}: is a file; give the folder of a run, or of runs")
    if not path.is_dir():
        raise BadInputError(f"{path}: there is no such folder; give the folder of a run, or of runs")
    folders = folders_below(path)
    if not folders:
        raise BadInputError(f"{path}: no run.json in it or directly below it; give the folder of a run, or of runs")
    return folders


def _value(run: Run, name: str) -> str | int | None:
    if name == "run":
        return run.name
    if name in ("mitigation", "control"):
        return getattr(run, name) or "none"
    value: str | int | None = getattr(run, name)
    return value


def _unusable(run: Run) -> str | None:
    if run.failure:
        return str(run.failure)
    return None if run.commits else "no epoch is committed yet"
