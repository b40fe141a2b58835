"""The constants of a run: the content of ``run.json``."""

from __future__ import annotations

import dataclasses
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path
from typing import Any

from mbias.arguments import checked_names, require_mapping, shown
from mbias.errors import BadInputError
from mbias.files import read_json
from mbias.tasks import Task, checked_task

FORMAT = "mbias-run"
VERSION = 1


@dataclass(frozen=True, repr=False)
class Header:
    """The constants of a run.

    Parameters
    ----------
    modalities, categories
        The names, in the order of the arrays; two or more modalities, one or more categories.
    losses
        The names of the recorded losses.
    joint_loss
        The loss among ``losses`` that all modalities share (L_wsl).
    split
        The name of the recorded split.
    arrays
        The dimensions by name of each array that an epoch may hold. ``modality``, ``category`` and ``sample`` (under
        its own name, see below) have the same size in all arrays.
    sample
        What a sample is called, such as ``video``; also the name of that dimension.
    simulated
        Whether the data are simulated.
    training
        The training configuration; None for an external model.
    data
        The fingerprint of the data that the model was trained and recorded on; None if unknown.
    software
        The versions of the software that wrote the run, by name.
    task
        What the model is asked for, a `mbias.tasks.Task`. The run's array ``p_joint`` holds its outputs.
    setting
        The name that all runs have in common that differ only in their seed, such as ``late fusion``; for external
        models.
    seed
        The seed of an external model.

    Raises
    ------
    BadInputError
        If a name is empty, repeated, cannot be printed or cannot be a file name; if there are too few modalities or
        categories; if ``joint_loss`` is not among ``losses``; if there is no such task; or if it does not go with the
        number of categories.

    Examples
    --------
    >>> mbias.Header(
    ...     modalities=("audio", "visual"),
    ...     categories=("Dog", "Cat"),
    ...     losses=("audio", "visual", "wsl"),
    ...     joint_loss="wsl",
    ...     split="test",
    ...     arrays={"wav": ("video", "segment", "modality", "category")},
    ...     sample="video",
    ... )
    <Header: audio, visual; 2 categories; losses audio, visual, wsl; split test>
    """

    modalities: tuple[str, ...]
    categories: tuple[str, ...]
    losses: tuple[str, ...]
    joint_loss: str
    split: str
    arrays: dict[str, tuple[str, ...]]
    sample: str = "sample"
    simulated: bool = False
    training: dict[str, Any] | None = None
    data: str | None = None
    software: dict[str, str] = dataclasses.field(default_factory=dict)
    task: str = Task.MULTILABEL.value
    setting: str | None = None
    seed: int | None = None

    def __post_init__(self) -> None:
        self._check_types()
        for field in ("modalities", "categories", "losses"):
            names = getattr(self, field)
            for name in names:
                if not name or not _is_text(name):
                    raise BadInputError(f"{field}: {name!r} is not a name; use printable characters")
            if len(set(names)) < len(names):
                raise BadInputError(f"{field}: a name is repeated in {', '.join(names)}; names must be unique")
        for name in (*self.modalities, *self.arrays, self.sample, *(d for axes in self.arrays.values() for d in axes)):
            # Other tools create files and groups with these names.
            if not name or name.startswith(".") or set(name) & set("/\\:"):
                raise BadInputError(
                    f"{name!r} cannot name a modality, array or dimension; use one without / \\ : and leading dot"
                )
        if len(self.modalities) < 2:
            raise BadInputError(f"modalities: {len(self.modalities)} given; give two or more")
        if not self.categories:
            raise BadInputError("categories: none given; give at least one")
        if self.joint_loss not in self.losses:
            raise BadInputError(f"joint_loss: {self.joint_loss!r} is not among the losses {', '.join(self.losses)}")
        object.__setattr__(self, "task", checked_task(self.task, len(self.categories)).value)
        if self.training is not None and (self.setting, self.seed) != (None, None):
            raise BadInputError("setting, seed: the training configuration names them already; leave them out")

    def _check_types(self) -> None:
        """Store all names as tuples, and refuse fields of other types than ``run.json`` has."""
        for field in ("modalities", "categories", "losses"):
            object.__setattr__(self, field, checked_names(field, getattr(self, field)))
        require_mapping("arrays", self.arrays, "give the dimensions by name of each array")
        checked_names("arrays", tuple(self.arrays))
        if isinstance(self.seed, Integral) and not isinstance(self.seed, bool):
            object.__setattr__(self, "seed", int(self.seed))
        axes = {name: checked_names(f"arrays[{name!r}]", dimensions) for name, dimensions in self.arrays.items()}
        object.__setattr__(self, "arrays", axes)
        for field, expected in _EXPECTED.items():
            value = getattr(self, field)
            if not _VALID[field](value):
                raise BadInputError(f"{field}: {shown(value)} is not {expected}")

    def __repr__(self) -> str:
        categories = "1 category" if len(self.categories) == 1 else f"{len(self.categories)} categories"
        parts = [", ".join(self.modalities), categories, f"losses {', '.join(self.losses)}", f"split {self.split}"]
        parts += [f"task {self.task}"] * (self.task != Task.MULTILABEL)
        parts += [f"setting {self.setting}"] * (self.setting is not None)
        parts += [f"seed {self.seed}"] * (self.seed is not None)
        return f"<Header: {'; '.join(parts + ['simulated data'] * self.simulated)}>"

    def to_json(self) -> dict[str, Any]:
        """The content of ``run.json``."""
        fields = {name: value for name, value in dataclasses.asdict(self).items() if _LATER.get(name, ...) != value}
        return {"format": FORMAT, "version": VERSION, **fields}

    @classmethod
    def read(cls, path: Path) -> Header:
        """Read a header from a ``run.json``.

        Parameters
        ----------
        path
            The file.

        Returns
        -------
        Header
            The header.

        Raises
        ------
        BadInputError
            If the file is missing, is not the header of a run, has a newer version, or lacks a field.
        """
        damaged = "damaged; restore the file, or leave the run out"
        hint = damaged if path.exists() else "give the folder of a run, or of runs"
        return cls.from_json(path, read_json(path, "run", hint))

    @classmethod
    def from_json(cls, path: Path, content: Any) -> Header:
        """Make a header from the content of a ``run.json``.

        Parameters
        ----------
        path
            The file, for error messages.
        content
            Its content.

        Returns
        -------
        Header
            The header.

        Raises
        ------
        BadInputError
            As `read`.
        """
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            raise BadInputError(f"{path}: 'format' is not {FORMAT!r}, so this is not the header of a run")
        version = content.get("version")
        if type(version) is not int or version < 1:
            raise BadInputError(
                f"{path}: 'version' is {version!r}, which is not a version of the record format; record the run again"
            )
        if version > VERSION:
            raise BadInputError(
                f"{path}: has version {version}; this mbias reads versions up to {VERSION}; upgrade mbias"
            )
        return _from_json(path, content)


def _from_json(path: Path, content: dict[str, Any]) -> Header:
    fields = {}
    for field in dataclasses.fields(Header):
        if field.name not in content and field.name in _LATER:
            continue
        if field.name not in content:
            raise BadInputError(f"{path}: {field.name!r} is missing; the file was cut or edited, record the run again")
        value = content[field.name]
        if not _VALID[field.name](value):
            raise BadInputError(
                f"{path}: {field.name!r} has the wrong type or holds unprintable names; record the run again"
            )
        fields[field.name] = _as_tuples(value) if field.name != "training" else value
    try:
        return Header(**fields)
    except BadInputError as error:
        raise BadInputError(f"{path}: {error}") from None


def _as_tuples(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _as_tuples(part) for name, part in value.items()}
    return tuple(value) if isinstance(value, list) else value


def _is_names(value: object) -> bool:
    return isinstance(value, list) and all(_is_text(name) and name for name in value)


def _is_text(value: object) -> bool:
    # Control characters can command a terminal, and surrogates cannot be printed.
    return isinstance(value, str) and not any(unicodedata.category(character) in ("Cc", "Cs") for character in value)


def _is_training(value: object) -> bool:
    if not isinstance(value, dict):
        return value is None
    texts = all(value.get(name) is None or _is_text(value[name]) for name in ("variant", "smoothing"))
    return texts and all(value.get(name) is None or type(value[name]) is int for name in ("seed", "epochs"))


_LATER = {"task": Task.MULTILABEL.value, "setting": None, "seed": None}
"""The fields that the first runs of version 1 do not have, with their defaults, which are not written."""

_EXPECTED = {
    "joint_loss": "the name of a loss; give a printable string",
    "split": "the name of a split; give a printable string",
    "sample": "a name for one sample; give a printable string",
    "simulated": "True or False",
    "training": "a training configuration; give None or a dict with the variant and smoothing as strings",
    "data": "a fingerprint; give None or a string",
    "software": "a dict of versions; give strings",
    "setting": "the name of a setting; give a printable string, or None",
    "seed": "a seed; give a whole number, or None",
}
"""By field of a `Header` that does not hold a sequence of names, what it must be, for error messages."""

_VALID: dict[str, Callable[[Any], bool]] = {
    "modalities": _is_names,
    "categories": _is_names,
    "losses": _is_names,
    "joint_loss": _is_text,
    "split": _is_text,
    "arrays": lambda value: (
        isinstance(value, dict) and all(map(_is_text, value)) and all(map(_is_names, value.values()))
    ),
    "sample": _is_text,
    "simulated": lambda value: isinstance(value, bool),
    "training": _is_training,
    "data": lambda value: value is None or isinstance(value, str),
    "software": lambda value: isinstance(value, dict) and all(map(_is_text, value.values())),
    "task": _is_text,
    "setting": lambda value: value is None or (_is_text(value) and bool(value.strip())),
    "seed": lambda value: value is None or type(value) is int,
}
