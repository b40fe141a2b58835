"""How a run is trained: everything its results depend on, apart from the data and the machine."""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mbias.errors import BadInputError
from mbias.terms import PRESETS, Control, Smoothing, Split, Variant

PRECISIONS = ("float32", "bfloat16", "auto")


@dataclass(frozen=True)
class Settings:
    """Settings of a run; the defaults are the paper's (section 5.1).

    Parameters
    ----------
    variant
        The aggregate of features.
    smoothing
        Label smoothing by modality.
    seed
        Of the initial weights, the order of the videos and the dropout.
    epochs, batch_size, learning_rate
        Of Adam.
    step, factor
        The learning rate is multiplied by ``factor`` after every ``step`` epochs.
    precision
        ``float32``, or ``bfloat16`` with heads, pooling and losses in float32, or ``auto``: bfloat16 where the
        processor computes in it natively.
    record
        The split whose attention is recorded.
    init
        File of the weights to begin with: an original checkpoint, or a run's; drawn from the seed where None.
    threads
        Of the processor. They decide in which order numbers are added up, and so the last bits of every result.
    control
        What the run is a control for; None for one that is none.
    """

    variant: Variant = Variant.ACROSS_VCROSS
    smoothing: Smoothing = PRESETS["ls_v"]
    seed: int = 0
    epochs: int = 40
    batch_size: int = 16
    learning_rate: float = 3e-4
    step: int = 10
    factor: float = 0.1
    precision: str = "auto"
    record: Split = Split.TEST
    init: str | None = None
    threads: int = 1
    control: Control | None = None

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "step", "threads"):
            if getattr(self, name) < 1:
                raise BadInputError(f"{name} is {getattr(self, name)}: it must be 1 or more")
        for name in ("learning_rate", "factor"):
            if not getattr(self, name) > 0:
                raise BadInputError(f"{name} is {getattr(self, name):g}: it must be above 0")
        if self.seed < 0:
            raise BadInputError(f"seed is {self.seed}: it must be 0 or more")
        if self.precision not in PRECISIONS:
            raise BadInputError(f"precision is {self.precision!r}: take {', '.join(PRECISIONS)}")
        if self.record == Split.TRAIN:
            raise BadInputError("record is 'train': take 'val' or 'test', whose events are annotated")

    @property
    def name(self) -> str:
        """Name of the run's folder in a study."""
        kind = [] if self.control is None else [str(self.control)]
        return "-".join([self.variant, self.smoothing.name, *kind, f"seed{self.seed}"])

    def to_json(self) -> dict[str, Any]:
        """The settings as a record holds them: of a file of weights, its sha256.

        Raises
        ------
        BadInputError
            If that file cannot be read.
        """
        init = self.init and _sha256(Path(self.init))
        return {**dataclasses.asdict(self), "smoothing": self.smoothing.name, "init": init}


def _sha256(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise BadInputError(f"{path}: not readable weights to begin with ({error.strerror})") from None
