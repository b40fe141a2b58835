"""Why training of a run failed: the file ``failed.json`` in its folder, deleted when training resumes."""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mbias.errors import BadInputError
from mbias.files import read_json, write_json
from mbias.records.paths import record_file

FILE = "failed.json"


@dataclass(frozen=True)
class Failure:
    """Why and where training of a run failed.

    Parameters
    ----------
    reason
        The reason, in one line.
    epoch
        The epoch that was being trained, from 1.
    step
        The training step of that epoch that failed, from 1; None if the failure does not belong to a step.
    time
        The time of the failure in UTC, in ISO 8601 format.
    """

    reason: str
    epoch: int
    step: int | None = None
    time: str = dataclasses.field(default_factory=lambda: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))

    def __str__(self) -> str:
        position = f"epoch {self.epoch}" + (f", step {self.step}" if self.step else "")
        return f"failed in {position}: {self.reason}"


def read_failure(run: Path) -> Failure | None:
    """The failure of the run at ``run``, or None if it did not fail.

    Raises
    ------
    BadInputError
        If ``failed.json`` cannot be read as a failure.
    """
    path = record_file(run, FILE)
    if not path.exists():
        return None
    content: Any = read_json(path, "failure of a run", "delete the file")
    try:
        return Failure(**content)
    except TypeError as error:
        raise BadInputError(f"{path}: not a readable failure of a run ({error}); delete the file") from None


def write_failure(run: Path, failure: Failure) -> None:
    """Mark the run at ``run`` as failed; an earlier mark is replaced."""
    write_json(run / FILE, dataclasses.asdict(failure))


def clear_failure(run: Path) -> None:
    """Remove the mark of a failure, if there is one."""
    (run / FILE).unlink(missing_ok=True)
