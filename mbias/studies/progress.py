"""What a person sees of runs that are being trained: on a terminal one bar over all of them, elsewhere a line an epoch.

It is read from the runs' records, so that it is the same wherever they are trained.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from mbias.errors import BadInputError
from mbias.records.commits import LOG, Commit, read_commits
from mbias.terms import Level, Metric, Split

if TYPE_CHECKING:
    from mbias.studies.plan import PlannedRun


class Progress:
    """Progress of some runs.

    Parameters
    ----------
    runs
        Those to be trained.
    total
        How many runs the study has; they come first in its count.
    """

    def __init__(self, runs: Sequence[PlannedRun], total: int) -> None:
        from tqdm import tqdm

        self._epochs = {run.path: run.settings.epochs for run in runs}
        self._labels = {
            run.path: f"[{total - len(runs) + number}/{total}] {run.path.name}" if total > 1 else run.path.name
            for number, run in enumerate(runs, start=1)
        }
        self._seen = {run.path: len(_commits(run.path)) for run in runs}
        self._sizes = {run.path: _size(run.path) for run in runs}
        self._on_terminal = sys.stderr.isatty()
        # disable=None: tqdm stays silent off a terminal.
        self._bar = tqdm(total=sum(self._epochs.values()), initial=sum(self._seen.values()), unit="epoch", disable=None)

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.look()
        self._bar.close()

    def look(self) -> None:
        """Show the epochs committed since the last look."""
        for path, size in self._sizes.items():
            now = _size(path)
            if now == size:
                continue
            self._sizes[path] = now
            commits = _commits(path)
            for commit in commits[self._seen[path] :]:
                self._show(path, commit)
            self._seen[path] = len(commits)

    def tell(self, path: Path, text: str) -> None:
        """Say something of a run."""
        self.look()
        self._bar.write(f"{self._labels[path]}: {text}", file=sys.stdout)
        sys.stdout.flush()

    def _show(self, path: Path, commit: Commit) -> None:
        if self._on_terminal:
            self._bar.set_postfix_str(f"{path.name} {_summary(commit)}", refresh=False)
            self._bar.update()
        else:
            seconds = f", {commit.seconds:.1f} s" if commit.seconds is not None else ""
            line = f"{self._labels[path]}: epoch {commit.epoch}/{self._epochs[path]}, {_summary(commit)}{seconds}"
            print(line, flush=True)


def _commits(path: Path) -> Sequence[Commit]:
    try:
        return read_commits(path)[0]
    except BadInputError:
        # What is wrong with the record, its task will say.
        return ()


def _size(path: Path) -> int:
    try:
        return (path / LOG).stat().st_size
    except OSError:
        return 0


def _summary(commit: Commit) -> str:
    on_screen = {"audio": "L_a", "visual": "L_v", "wsl": "L_wsl"}
    losses = [f"{on_screen[name]} {values['optimised']:.4f}" for name, values in commit.losses.items()]
    type_av = commit.scores[Split.VAL][Level.SEGMENT][Metric.TYPE_AVERAGE]
    return " ".join([*losses, f"Type@AV {100 * type_av:.1f}"])
