"""Reads answer logs: JSON lines with an item, an answer, whether it is correct, and the condition."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mbias.arguments import shown
from mbias.errors import BadInputError

SUFFIX = ".jsonl"

LARGEST = 2**28
"""Bytes of the largest log that is read."""

FIELDS: dict[str, tuple[str, ...]] = {
    "item": ("item", "item_id", "question_id", "qid", "sample_id", "doc_id", "id", "index", "idx"),
    "answer": (
        *("prediction", "pred", "predicted_answer", "pred_answer", "model_answer", "model_prediction"),
        *("model_output", "model_response", "response", "output", "answer"),
    ),
    "correct": ("correct", "is_correct", "hit", "acc", "accuracy", "match"),
    "gold": ("gold", "gold_answer", "label", "target", "reference", "ground_truth", "gt", "correct_answer", "answer"),
    "condition": ("condition", "setting", "ablation", "modality", "modalities", "modal_type", "input", "mode"),
    "group": ("group", "video_id", "video", "clip", "clip_id"),
    "draw": ("draw", "repeat", "trial"),
}
"""What an entry says, with the names of its field from the most to the least specific. Case, hyphens and spaces do not
count. ``answer`` is that of the model, unless another field is."""

_REQUIRED = ("item", "answer")
_TRUE, _FALSE = ("true", "yes", "1"), ("false", "no", "0")


@dataclass(frozen=True)
class Entry:
    """One line of a log.

    Parameters
    ----------
    path, line
        Where it is.
    item
        What was asked.
    condition
        What the model got.
    answer
        What it answered.
    correct
        Whether that is right; None if the log does not say so.
    gold
        The right answer; None if the log does not have it as text.
    group
        What the item belongs to, such as its video; None if the log does not say so.
    draw
        Which of several answers it is; None if the log does not number them.
    """

    path: Path
    line: int
    item: str
    condition: str
    answer: str
    correct: bool | None
    gold: str | None
    group: str | None
    draw: str | None

    @property
    def where(self) -> str:
        """File and line, for an error message."""
        return f"{self.path}: line {self.line}"


def read_log(paths: Sequence[Path], fields: Mapping[str, str]) -> tuple[list[Entry], dict[str, str]]:
    r"""Read the entries of logs.

    Parameters
    ----------
    paths
        The files. Where entries have no condition, it is the name of the file without its suffix.
    fields
        By name in `FIELDS`, the field of the log; others are found by their synonyms.

    Returns
    -------
    entries : list of Entry
        In the order of the lines.
    found : dict of str to str
        The field of each name.

    Raises
    ------
    BadInputError
        If a file is missing, a line is not an entry, or a field is missing.

    Examples
    --------
    >>> import tempfile
    >>> line = '{"question_id": 7, "pred": "yes", "answer": "no", "condition": "no audio"}\n'
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "log.jsonl").write_text(line)
    ...     (entry,), found = read_log([Path(folder, "log.jsonl")], {})
    >>> entry.item, entry.answer, entry.gold, entry.condition
    ('7', 'yes', 'no', 'no audio')
    >>> found
    {'item': 'question_id', 'answer': 'pred', 'gold': 'answer', 'condition': 'condition'}
    """
    lines = [(path, number, content) for path in paths for number, content in _objects(path)]
    found = _found(paths, list(dict.fromkeys(name for _, _, content in lines for name in content)), fields)
    return [_entry(path, number, content, found) for path, number, content in lines], found


def _objects(path: Path) -> list[tuple[int, dict[str, Any]]]:
    try:
        if path.exists() and (not path.is_file() or path.stat().st_size > LARGEST):
            raise BadInputError(f"{path}: not a regular file below {LARGEST:,} bytes; give an answer log")
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise BadInputError(f"{path}: there is no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError(f"{path}: not readable as UTF-8 ({error}); save the log again") from None
    objects = []
    # Only newlines end a line of JSON lines: text may hold other separators.
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            content = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise BadInputError(f"{path}: line {number}: not JSON ({error}); write one object per line") from None
        if not isinstance(content, dict):
            raise BadInputError(f"{path}: line {number}: {shown(content)} is not an object; write one object per line")
        objects.append((number, content))
    if not objects:
        raise BadInputError(f"{path}: the log is empty; write one object per line")
    return objects


def _found(paths: Sequence[Path], held: Sequence[str], fields: Mapping[str, str]) -> dict[str, str]:
    """The field of each name in `FIELDS` that the log has."""
    given = {_plain(name): name for name in reversed(held)}
    found: dict[str, str] = {}
    for name, field in fields.items():
        if name not in FIELDS:
            raise BadInputError(f"fields: {name!r} given; take {', '.join(FIELDS)} (--field NAME=FIELD)")
        if field not in held:
            raise BadInputError(f"{paths[0]}: no line has a field {field!r}; the fields are {shown(', '.join(held))}")
    for name, synonyms in FIELDS.items():
        taken = {*fields.values(), *found.values()}
        free = [given[synonym] for synonym in synonyms if synonym in given and given[synonym] not in taken]
        if name in fields or free:
            found[name] = fields[name] if name in fields else free[0]
        elif name in _REQUIRED:
            raise BadInputError(
                f"{paths[0]}: no field is known to hold the {name}; name it with --field {name}=FIELD (fields= in "
                f"Python), one of {shown(', '.join(held))}"
            )
    if "correct" not in found and "gold" not in found:
        raise BadInputError(
            f"{paths[0]}: no field says which answers are correct; name one with --field correct=FIELD, or that of the "
            f"right answer with --field gold=FIELD (fields= in Python)"
        )
    return found


def _entry(path: Path, line: int, content: Mapping[str, Any], found: Mapping[str, str]) -> Entry:
    where = f"{path}: line {line}"

    def text(name: str, numbers: bool = True) -> str:
        if found[name] not in content:
            raise BadInputError(f"{where}: the field {found[name]!r} is missing; add the {name}")
        value = content[found[name]]
        if numbers and isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if not isinstance(value, str):
            raise BadInputError(f"{where}: the {name} is {shown(value)}, not text; write it as text")
        return value

    def label(name: str) -> str | None:
        if name not in found:
            return None
        value = text(name)
        if not value.strip() or not value.isprintable():
            raise BadInputError(f"{where}: the {name} is {shown(value)}; write printable text")
        return value

    gold = content.get(found.get("gold", ""))
    return Entry(
        path,
        line,
        label("item") or "",
        text("condition", numbers=False) if "condition" in found else path.stem,
        text("answer", numbers=False),
        _correct(where, found["correct"], content) if "correct" in found else None,
        gold if isinstance(gold, str) else None,
        label("group") if content.get(found.get("group", "")) is not None else None,
        label("draw"),
    )


def _correct(where: str, field: str, content: Mapping[str, Any]) -> bool:
    value = content.get(field)
    plain = str(value).strip().casefold() if isinstance(value, str | bool) else value
    if plain == 1 or plain in _TRUE:
        return True
    if plain == 0 or plain in _FALSE:
        return False
    raise BadInputError(f"{where}: {field!r} is {shown(value)}, not true or false; correct it, or name another field")


def _plain(name: str) -> str:
    return name.strip().casefold().replace("-", "_").replace(" ", "_")
