"""The record of a run that is trained here: what its folder holds, and the writer of its epochs."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch

from mbias.errors import BadInputError
from mbias.han.losses import JOINT_LOSS, LOSSES
from mbias.llp.streams.presets import HAN_STREAMS
from mbias.llp.streams.recorded import streams_from_json, streams_to_json
from mbias.llp.streams.stream import Streams, mismatch, widths
from mbias.records.commits import Commit
from mbias.records.header import Header
from mbias.records.run import Run
from mbias.records.writer import RunWriter
from mbias.terms import CATEGORIES, Modality
from mbias.training.checkpoints import Checkpoints
from mbias.training.config import TrainingConfig
from mbias.training.data import Data

ARRAYS = {
    **dict.fromkeys(("wav", "wtp", "p"), ("video", "segment", "modality", "category")),
    "p_joint": ("video", "category"),
}


class OtherRunError(BadInputError):
    """The folder holds a run of another configuration, in another precision or on other data."""


@dataclass(frozen=True)
class RunState:
    """What the folder of a run holds: nothing, some epochs, or the complete run.

    Parameters
    ----------
    path
        The run's folder.
    config
        The configuration with which the run is, or is to be, trained.
    computed_in
        Name of the precision in which it is computed: ``float32`` or ``bfloat16``.
    run
        The run in the folder, as read once; None where there is none.
    complete
        Whether all epochs are committed and the last weights are kept.
    damage
        Why the record cannot be read; None if it can, or if there is none.
    """

    path: Path
    config: TrainingConfig
    computed_in: str
    run: Run | None = None
    complete: bool = False
    damage: BadInputError | None = None

    @property
    def missing(self) -> bool:
        """Whether the folder holds no run."""
        return self.run is None and self.damage is None

    @property
    def commits(self) -> Sequence[Commit]:
        """The committed epochs."""
        return self.run.commits if self.run else ()

    @property
    def epochs_left(self) -> int:
        """How many epochs are still to be trained."""
        return self.config.epochs - len(self.commits)


def inspect_run(
    path: str | Path, config: TrainingConfig, computed_in: str, fingerprint: str, streams: Streams = HAN_STREAMS
) -> RunState:
    """Read what the folder of a run holds, and check that it is the run to be trained.

    The state describes the folder at this moment. Hold the run's lock while a decision depends on it.

    Parameters
    ----------
    path
        The run's folder, which need not exist.
    config
        The configuration with which the run is to be trained.
    computed_in
        Name of the precision in which it is to be computed.
    fingerprint
        Fingerprint of the data (`mbias.training.data.Data.fingerprint`).
    streams
        The streams of the data.

    Returns
    -------
    RunState
        What the folder holds.

    Raises
    ------
    OtherRunError
        If the folder holds a run of another configuration, precision or data; the message names the field or the
        stream.
    BadInputError
        If the record is damaged.

    Examples
    --------
    >>> state = inspect_run("models/not-there", TrainingConfig(epochs=3), "float32", "train:0")
    >>> state.missing, state.complete, state.epochs_left
    (True, False, 3)
    """
    path = Path(path)
    if not (path / "run.json").exists():
        return RunState(path, config, computed_in)
    run = Run(path)
    require_same_run(path, run.header, config, computed_in, fingerprint, streams)
    return RunState(path, config, computed_in, run, run.complete and Checkpoints(path).finished)


def require_same_run(
    path: Path, header: Header, config: TrainingConfig, computed_in: str, fingerprint: str, streams: Streams
) -> None:
    """Check that a header belongs to a run of this configuration, precision and data.

    Parameters
    ----------
    path
        The run's folder, for the message.
    header
        The header of the run in the folder.
    config, computed_in, fingerprint, streams
        As for `inspect_run`.

    Raises
    ------
    OtherRunError
        If it does not; the message names the field or the stream.
    """
    trained = header.training or {}
    # "auto" means different types on different machines, so the type that was chosen is compared.
    # A record without a mitigation has no such field.
    wanted = {"mitigation": None, **config.to_json(), "precision": computed_in}
    recorded = {**trained, "precision": trained.get("computed_in")}
    for name, value in wanted.items():
        if recorded.get(name) != value:
            raise OtherRunError(
                f"{path}: trained with {name} = {recorded.get(name)}, not {value}; "
                f"choose another folder, or set {name} back"
            )
    unfit = mismatch(streams, widths(streams_from_json(trained, path / "run.json")), "this run")
    if unfit:
        raise OtherRunError(f"{path}: {unfit}; choose another folder, or give the data it was trained on")
    if header.data != fingerprint:
        raise OtherRunError(f"{path}: trained on other data; choose another folder, or give the data it was trained on")


def open_record(state: RunState, data: Data) -> RunWriter:
    """Open the record of a run for writing: a new one, or the one in the folder after its last committed epoch.

    Parameters
    ----------
    state
        What the run's folder holds.
    data
        The data it is trained on.

    Returns
    -------
    RunWriter
        The writer of its epochs.
    """
    return _create(state, data) if state.run is None else RunWriter.reopen(state.run)


def _create(state: RunState, data: Data) -> RunWriter:
    import pandas as pd

    recorded = state.config.record
    split, truth = data.splits[recorded], data.truth(recorded)
    header = Header(
        modalities=tuple(Modality),
        categories=CATEGORIES,
        losses=LOSSES,
        joint_loss=JOINT_LOSS,
        split=recorded,
        arrays=ARRAYS,
        sample="video",
        simulated=data.simulated,
        training={**state.config.to_json(), "computed_in": state.computed_in, **streams_to_json(data.streams)},
        data=data.fingerprint,
        software={
            "mbias": version("mbias"),
            "torch": torch.__version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
        },
    )
    by_modality = {str(modality): truth[:, :, index] for index, modality in enumerate(Modality)}
    samples = pd.DataFrame({"video": split.videos})
    return RunWriter.create(state.path, header, samples, {"weak": split.weak, **by_modality})
