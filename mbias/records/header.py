"""What a run is, apart from its epochs: the content of ``run.json``."""

from __future__ import annotations

import dataclasses
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mbias.errors import BadInputError
from mbias.files import read_json

FORMAT = "mbias-run"
VERSION = 1


@dataclass(frozen=True)
class Header:
    """A run's constants.

    Parameters
    ----------
    modalities, categories
        Names, in the order of the arrays.
    losses
        Names of the recorded losses.
    joint_loss
        The one among ``losses`` that all modalities share (L_wsl).
    split
        Name of the recorded split.
    arrays
        Dimensions of every array an epoch may hold, by name.
    sample
        The word for a sample, and the name of that dimension.
    simulated
        Whether the data were simulated.
    training
        The training configuration, or None for an external model.
    data
        Fingerprint of the data the model was trained on and recorded with, or None.
    software
        Versions of what wrote the run.
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

    def __post_init__(self) -> None:
        for field in ("modalities", "categories", "losses"):
            names = getattr(self, field)
            for name in names:
                if not name or not _is_text(name):
                    raise BadInputError(f"{field}: {name!r} is no name: take one of characters that can be printed")
            if len(set(names)) < len(names):
                raise BadInputError(f"{field}: a name stands twice in {', '.join(names)}; give each its own")
        for name in (*self.modalities, *self.arrays, self.sample, *(d for axes in self.arrays.values() for d in axes)):
            # Other tools make files and groups of these names.
            if not name or name.startswith(".") or set(name) & set("/\\:"):
                raise BadInputError(f"{name!r} names a modality, an array or a dimension: take a name without / \\ : .")
        if len(self.modalities) < 2:
            raise BadInputError(f"modalities: {len(self.modalities)} named; a question of bias needs two or more")
        if not self.categories:
            raise BadInputError("categories: none named; name at least one")
        if self.joint_loss not in self.losses:
            raise BadInputError(f"joint_loss: {self.joint_loss!r} is not among the losses {', '.join(self.losses)}")

    def to_json(self) -> dict[str, Any]:
        """The content of ``run.json``."""
        return {"format": FORMAT, "version": VERSION, **dataclasses.asdict(self)}

    @classmethod
    def read(cls, path: Path) -> Header:
        """Header from a ``run.json``.

        Raises
        ------
        BadInputError
            If the file is missing, is no run's, is of a newer version, or misses a field.
        """
        return cls.from_json(path, read_json(path, "run", "give the folder of a run, or of runs"))

    @classmethod
    def from_json(cls, path: Path, content: Any) -> Header:
        """Header from the content of a ``run.json``, which ``path`` holds; it raises what `read` does."""
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            raise BadInputError(f"{path}: 'format' is not {FORMAT!r}, so this is no run's file")
        version = content.get("version")
        if type(version) is not int or version < 1:
            raise BadInputError(f"{path}: 'version' is {version!r}, which is no version of a run record")
        if version > VERSION:
            raise BadInputError(f"{path}: written in version {version}, this one reads up to {VERSION}; upgrade mbias")
        return _from_json(path, content)


def _from_json(path: Path, content: dict[str, Any]) -> Header:
    fields = {}
    for field in dataclasses.fields(Header):
        if field.name not in content:
            raise BadInputError(f"{path}: {field.name!r} is missing; the file was cut or edited, record the run again")
        value = content[field.name]
        if not _VALID[field.name](value):
            raise BadInputError(f"{path}: {field.name!r} does not hold what it should; record the run again")
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
    # No control characters, which a terminal obeys, and no halves of characters, which nothing can print.
    return isinstance(value, str) and not any(unicodedata.category(character) in ("Cc", "Cs") for character in value)


def _is_training(value: object) -> bool:
    if not isinstance(value, dict):
        return value is None
    texts = all(value.get(name) is None or _is_text(value[name]) for name in ("variant", "smoothing"))
    return texts and all(value.get(name) is None or type(value[name]) is int for name in ("seed", "epochs"))


_VALID = {
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
}
