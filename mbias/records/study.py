"""Several runs, read together."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mbias.errors import BadInputError
from mbias.records.run import Run

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Study:
    """Runs, in the order of their paths.

    Parameters
    ----------
    runs
        Those to read.
    left_out
        Names of those that failed, or have no committed epoch yet, and why they are not among ``runs``.
    """

    runs: tuple[Run, ...]
    left_out: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def __iter__(self) -> Iterator[Run]:
        return iter(self.runs)

    def __len__(self) -> int:
        return len(self.runs)

    @property
    def simulated(self) -> bool:
        """Whether any of the runs was trained on simulated data."""
        return any(run.header.simulated for run in self.runs)

    def _repr_html_(self) -> str:
        from mbias.records.preview import as_html

        return as_html(self.runs, self.left_out)

    def table(self) -> pd.DataFrame:
        """A row a run: run, variant, smoothing, seed, epochs, complete, simulated."""
        import pandas as pd

        return pd.DataFrame(
            {
                "run": [run.name for run in self],
                "variant": [run.variant for run in self],
                "smoothing": [run.smoothing for run in self],
                "seed": [run.seed for run in self],
                "epochs": [len(run.commits) for run in self],
                "complete": [run.complete for run in self],
                "simulated": [run.header.simulated for run in self],
            }
        )


def open_study(paths: str | Path | Sequence[str | Path]) -> Study:
    """Study of the runs at ``paths``, each the folder of a run or one that holds folders of runs.

    Raises
    ------
    BadInputError
        If a path holds no run, a run cannot be read, or all of them are to be left out.
    """
    given = [paths] if isinstance(paths, str | Path) else list(paths)
    found = {folder.resolve(): folder for path in given for folder in run_folders(Path(path))}
    runs = [Run(folder) for folder in found.values()]
    faults = {run: reason for run in runs if (reason := _fault(run))}
    if len(faults) == len(runs):
        run, reason = next(iter(faults.items()))
        raise BadInputError(f"{run.path}: {reason}; train it on, or give another run")
    left_out = {run.name: reason for run, reason in faults.items()}
    return Study(tuple(run for run in runs if run not in faults), left_out)


def _fault(run: Run) -> str | None:
    if run.failure:
        return str(run.failure)
    return None if run.commits else "no epoch is committed yet"


def run_folders(path: Path) -> Iterable[Path]:
    """The folders of runs at ``path``: itself, or those right below it, sorted.

    Raises
    ------
    BadInputError
        If there is none.
    """
    if (path / "run.json").is_file():
        return [path]
    if not path.is_dir():
        raise BadInputError(f"{path}: there is no such folder; give the folder of a run, or of runs")
    folders = sorted(below for below in path.iterdir() if (below / "run.json").is_file())
    if not folders:
        raise BadInputError(f"{path}: no run.json in it or right below it; give the folder of a run, or of runs")
    return folders
