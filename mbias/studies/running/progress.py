"""The progress of runs in training: one bar over all of them on a terminal, elsewhere one line per epoch.

It is read from the runs' records, and is therefore the same wherever they are trained.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from mbias.errors import BadInputError
from mbias.records.commits import LOG, Commit, read_commits
from mbias.terms import Level, Metric, Split
from mbias.training.record import RunState


class Progress:
    """Show the progress of some runs, as a context manager.

    Parameters
    ----------
    runs
        The runs to train, with their committed epochs.
    total
        Number of runs of the study. The complete ones are counted first.
    """

    def __init__(self, runs: Sequence[RunState], total: int) -> None:
        from tqdm import tqdm

        self._epochs = {run.path: run.config.epochs for run in runs}
        self._names = {
            run.path: f"[{total - len(runs) + number}/{total}] {run.path.name}" if total > 1 else run.path.name
            for number, run in enumerate(runs, start=1)
        }
        self._shown = {run.path: len(run.commits) for run in runs}
        self._sizes = {run.path: _size(run.path) for run in runs}
        self._on_terminal = sys.stderr.isatty()
        # disable=None: tqdm prints nothing if there is no terminal.
        self._bar = tqdm(
            total=sum(self._epochs.values()), initial=sum(self._shown.values()), unit="epoch", disable=None
        )

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.update()
        self._bar.close()

    def update(self) -> None:
        """Show the epochs committed since the last update."""
        for path, size in self._sizes.items():
            now = _size(path)
            if now == size:
                continue
            self._sizes[path] = now
            commits = _commits(path)
            for commit in commits[self._shown[path] :]:
                self._show(path, commit)
            self._shown[path] = len(commits)

    def write(self, path: Path, text: str) -> None:
        """Print a message about the run at ``path``."""
        self.update()
        self._bar.write(f"{self._names[path]}: {text}", file=sys.stdout)
        sys.stdout.flush()

    def _show(self, path: Path, commit: Commit) -> None:
        if self._on_terminal:
            self._bar.set_postfix_str(f"{path.name} {_summary(commit)}", refresh=False)
            self._bar.update()
        else:
            seconds = f", {commit.seconds:.1f} s" if commit.seconds is not None else ""
            line = f"{self._names[path]}: epoch {commit.epoch}/{self._epochs[path]}, {_summary(commit)}{seconds}"
            print(line, flush=True)


def _commits(path: Path) -> Sequence[Commit]:
    try:
        return read_commits(path)[0]
    except BadInputError:
        # The run's task reports the damage.
        return ()


def _size(path: Path) -> int:
    try:
        return (path / LOG).stat().st_size
    except OSError:
        return 0


def _summary(commit: Commit) -> str:
    display_names = {"audio": "L_a", "visual": "L_v", "wsl": "L_wsl"}
    losses = [f"{display_names[name]} {values['optimised']:.4f}" for name, values in commit.losses.items()]
    type_av = commit.scores[Split.VAL][Level.SEGMENT][Metric.TYPE_AVERAGE]
    return " ".join([*losses, f"Type@AV {100 * type_av:.1f}"])
