"""The record of a run trained here."""

from __future__ import annotations

import platform
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch

from mbias.errors import BadInputError
from mbias.han.losses import JOINT_LOSS, LOSSES
from mbias.records.header import Header
from mbias.records.run import Run
from mbias.records.writer import RunWriter
from mbias.terms import CATEGORIES, Modality
from mbias.training.checkpoints import Checkpoints
from mbias.training.config import Settings
from mbias.training.data import Data
from mbias.training.devices import name_of

ARRAYS = {
    **dict.fromkeys(("wav", "wtp", "p"), ("video", "segment", "modality", "category")),
    "p_joint": ("video", "category"),
}


def open_record(path: Path, settings: Settings, data: Data, dtype: torch.dtype) -> RunWriter:
    """Writer of a run's record, new or to go on with.

    Raises
    ------
    BadInputError
        If the record is of other settings or data; the message names what differs.
    """
    computed_in = name_of(dtype)
    if not (path / "run.json").exists():
        return _create(path, settings, data, computed_in)
    check_same(path, settings, computed_in, data.fingerprint)
    return RunWriter.reopen(path)


def is_complete(path: Path, settings: Settings, computed_in: str, fingerprint: str) -> bool:
    """Whether the run of these settings and data is there, with all its epochs.

    Raises
    ------
    BadInputError
        If there is a run of other settings or data; the message names what differs.
    """
    if not (path / "run.json").exists():
        return False
    check_same(path, settings, computed_in, fingerprint)
    return Run(path).complete and Checkpoints(path).finished


def check_same(path: Path, settings: Settings, computed_in: str, fingerprint: str) -> None:
    """Raise where the run at ``path`` was trained with other settings, in another precision or on other data."""
    header = Header.read(path / "run.json")
    trained = header.training or {}
    # "auto" says different things on different machines; what it came to is what counts.
    wanted = {**settings.to_json(), "precision": computed_in}
    found = {**trained, "precision": trained.get("computed_in")}
    for name, value in wanted.items():
        if found.get(name) != value:
            raise BadInputError(
                f"{path}: trained with {name} = {found.get(name)}, not {value}; "
                f"choose another folder, or set {name} back"
            )
    if header.data != fingerprint:
        raise BadInputError(f"{path}: trained on other data; choose another folder, or give its data")


def _create(path: Path, settings: Settings, data: Data, computed_in: str) -> RunWriter:
    import pandas as pd

    split = data.splits[settings.record]
    header = Header(
        modalities=tuple(Modality),
        categories=CATEGORIES,
        losses=LOSSES,
        joint_loss=JOINT_LOSS,
        split=settings.record,
        arrays=ARRAYS,
        sample="video",
        simulated=data.simulated,
        training={**settings.to_json(), "computed_in": computed_in},
        data=data.fingerprint,
        software={
            "mbias": version("mbias"),
            "torch": torch.__version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
        },
    )
    truth = {str(modality): data.truth(settings.record)[:, :, i] for i, modality in enumerate(Modality)}
    return RunWriter.create(path, header, pd.DataFrame({"video": split.videos}), {"weak": split.weak, **truth})
