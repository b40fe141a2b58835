"""Why a run is not trained to its end: ``failed.json`` in its folder, gone again when it is trained on."""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mbias.errors import BadInputError
from mbias.files import read_json, write_json
from mbias.records.paths import part

FILE = "failed.json"


@dataclass(frozen=True)
class Failure:
    """A run that could not be trained on.

    Parameters
    ----------
    reason
        In one line.
    epoch
        The epoch that was being trained, from 1.
    step
        The training step of that epoch, from 1, where one is to blame.
    time
        When, as ISO 8601 in UTC.
    """

    reason: str
    epoch: int
    step: int | None = None
    time: str = dataclasses.field(default_factory=lambda: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))

    def __str__(self) -> str:
        place = f"epoch {self.epoch}" + (f", step {self.step}" if self.step else "")
        return f"failed in {place}: {self.reason}"


def read_failure(run: Path) -> Failure | None:
    """The failure of the run at ``run``, or None.

    Raises
    ------
    BadInputError
        If the file holds something else.
    """
    path = part(run, FILE)
    if not path.exists():
        return None
    content: Any = read_json(path, "failure of a run", "delete the file")
    try:
        return Failure(**content)
    except TypeError as error:
        raise BadInputError(f"{path}: not a readable failure of a run ({error}); delete the file") from None


def write_failure(run: Path, failure: Failure) -> None:
    """Mark the run at ``run`` as failed."""
    write_json(run / FILE, dataclasses.asdict(failure))


def clear_failure(run: Path) -> None:
    """Take the mark off."""
    (run / FILE).unlink(missing_ok=True)
