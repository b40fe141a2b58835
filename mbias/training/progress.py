"""What a person sees of a run that is being trained: a bar on a terminal, elsewhere a line an epoch."""

from __future__ import annotations

import sys
from types import TracebackType

from mbias.records.commits import Commit
from mbias.terms import Level, Metric, Split


class ProgressBar:
    """Progress of one run.

    Parameters
    ----------
    label
        The run's name on screen.
    epochs
        How many it is trained for.
    """

    def __init__(self, label: str, epochs: int) -> None:
        from tqdm import tqdm

        self._label, self._epochs = label, epochs
        self._on_terminal = sys.stderr.isatty()
        # disable=None: tqdm stays silent off a terminal.
        self._bar = tqdm(total=epochs, desc=label, unit="epoch", disable=None)

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.close()

    def on_epoch(self, commit: Commit) -> None:
        """Show a committed epoch."""
        if self._on_terminal:
            self._bar.update(commit.epoch - self._bar.n)
            self._bar.set_postfix_str(_summary(commit), refresh=True)
        else:
            seconds = f", {commit.seconds:.1f} s" if commit.seconds is not None else ""
            print(f"{self._label}: epoch {commit.epoch}/{self._epochs}, {_summary(commit)}{seconds}", flush=True)


def _summary(commit: Commit) -> str:
    on_screen = {"audio": "L_a", "visual": "L_v", "wsl": "L_wsl"}
    losses = [f"{on_screen[name]} {values['optimised']:.4f}" for name, values in commit.losses.items()]
    type_av = commit.scores[Split.VAL][Level.SEGMENT][Metric.TYPE_AVERAGE]
    return " ".join([*losses, f"Type@AV {100 * type_av:.1f}"])
