"""The configuration of a training run: everything its results depend on except the data and the machine."""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mbias.errors import BadInputError
from mbias.terms import PRESETS, Control, Smoothing, Split, Variant
from mbias.training.mitigation_choice import MitigationChoice

PRECISIONS = ("float32", "bfloat16", "auto")


@dataclass(frozen=True)
class TrainingConfig:
    """Configuration of one training run.

    The defaults are those of the paper (section 5.1).

    Parameters
    ----------
    variant
        The aggregate of features.
    smoothing
        Label smoothing of each modality.
    seed
        Seed of the initial weights, the order of the videos and the dropout.
    epochs
        Number of epochs.
    batch_size
        Videos per training step.
    learning_rate
        Initial learning rate of Adam.
    step, factor
        The learning rate is multiplied by ``factor`` after every ``step`` epochs.
    precision
        ``float32``; ``bfloat16``, with heads, pooling and losses in float32; or ``auto``, which is bfloat16 where the
        processor multiplies it natively and float32 otherwise.
    record
        The split whose attention is recorded, ``val`` or ``test``.
    init
        File with the initial weights, from an original checkpoint or a run. None draws them from the seed.
    threads
        Number of processor threads. It decides in which order numbers are added, and therefore affects the last bits of
        every result.
    control
        The kind of negative control, or None for an ordinary run.
    mitigation
        The mitigation of modality bias that the run is trained with, or None for the paper's sum of losses.

    Raises
    ------
    BadInputError
        If a value is out of range; the message names the field.

    Examples
    --------
    >>> from mbias.terms import Variant
    >>> config = TrainingConfig(variant=Variant.ACROSS_VSELF, seed=3)
    >>> config.name
    'across_vself-ls_v-seed3'
    >>> TrainingConfig(epochs=0)
    Traceback (most recent call last):
        ...
    mbias.errors.BadInputError: epochs is 0: it must be 1 or more
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
    mitigation: MitigationChoice | None = None

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
            raise BadInputError(f"precision is {self.precision!r}: it must be one of {', '.join(PRECISIONS)}")
        if self.record == Split.TRAIN:
            raise BadInputError("record is 'train': it must be 'val' or 'test', whose events are annotated")

    @property
    def name(self) -> str:
        """Name of the run's folder in a study."""
        kinds = [] if self.mitigation is None else [self.mitigation.file_name]
        kinds += [] if self.control is None else [str(self.control)]
        return "-".join([self.variant, self.smoothing.name, *kinds, f"seed{self.seed}"])

    def to_json(self) -> dict[str, Any]:
        """Return the configuration as a run's record holds it.

        Returns
        -------
        dict
            The fields by name, a mitigation only if there is one; a file of initial weights is replaced by its SHA-256
            digest.

        Raises
        ------
        BadInputError
            If the file of initial weights cannot be read.
        """
        init = self.init and _sha256(Path(self.init))
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        # The records of runs without a mitigation stay as they were before there were mitigations.
        mitigation = fields.pop("mitigation")
        mitigated = {} if mitigation is None else {"mitigation": str(mitigation)}
        return {**fields, "smoothing": self.smoothing.name, "init": init, **mitigated}


def _sha256(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise BadInputError(f"{path}: cannot read the initial weights ({error.strerror}); give another file") from None
