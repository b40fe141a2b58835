"""From an answer log to a run: the answers are its outputs, and the conditions its passes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np

from mbias.arguments import counted, shown
from mbias.errors import BadInputError
from mbias.exchange.answers.conditions import PERMUTED, REMOVED, Meaning, canonical, meaning, modalities_of
from mbias.exchange.answers.log import Entry, read_log
from mbias.exchange.import_passes import AXES, Outputs
from mbias.exchange.import_plan import ImportedArray, ImportPlan
from mbias.passes import Pass, description
from mbias.records.header import Header
from mbias.records.writer import checked_truth
from mbias.records.writing.checks import JOINT_OUTPUT
from mbias.tasks import Task

MOST_ANSWERS = 50
"""Answers are a closed set if there are at most this many."""

Replacement = tuple[str, tuple[str, ...]]
"""A stand-in and the modalities that it replaces."""

WHOLE_INPUT: Replacement = ("", ())


def plan_answers(
    paths: Sequence[Path],
    fields: Mapping[str, str],
    *,
    modalities: Sequence[str] | None = None,
    passes: Mapping[Pass, Sequence[str]] | None = None,
    full: str | None = None,
    split: str = "test",
    setting: str | None = None,
    seed: int | None = None,
) -> ImportPlan:
    r"""Plan the import of answer logs.

    If the answers are a closed set (at most `MOST_ANSWERS`), and the right answer of each item is known, by a field or
    because it was given under some condition, the task is ``single_label``, and the outputs are 1 for the answer and 0
    for the others. Otherwise there is one category, ``correct``, whose output is 1 if the answer is correct. Several
    answers to an item under a condition are draws; with nothing replaced, their mean counts.

    Parameters
    ----------
    paths
        The logs.
    fields
        By name in `mbias.exchange.answers.log.FIELDS`, the field of the log.
    modalities
        Their names; by default, those in the names of the conditions.
    passes
        By pass, its condition, where the name of the condition does not say it.
    full
        The condition with nothing replaced, where its name does not say so.
    split, setting, seed
        As in `mbias.Header`.

    Returns
    -------
    ImportPlan
        The plan.

    Raises
    ------
    BadInputError
        If a line is not an entry, a condition is not understood, or an item lacks an answer under one of them.

    Examples
    --------
    >>> import json, tempfile
    >>> answers = {"full": "yes no", "no audio": "no no", "no video": "yes no"}
    >>> lines = [
    ...     json.dumps({"item": item, "condition": condition, "answer": answer, "label": right})
    ...     for condition, given in answers.items()
    ...     for item, (answer, right) in enumerate(zip(given.split(), ("yes", "no")))
    ... ]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "log.jsonl").write_text("\n".join(lines))
    ...     plan = plan_answers([Path(folder, "log.jsonl")], {})
    >>> plan.header.modalities, plan.header.categories, plan.header.task
    (('audio', 'video'), ('no', 'yes'), 'single_label')
    >>> plan.passes[Pass("removed", ("audio",))]["p_joint"]
    array([[1., 0.],
           [1., 0.]], dtype=float32)
    """
    entries, found = read_log(paths, fields)
    conditions: dict[str, Entry] = {}
    for entry in entries:
        conditions.setdefault(entry.condition, entry)
    names, replaced = _replacements(conditions, _said(paths, conditions, passes or {}, full), modalities)
    kept = [entry for entry in entries if replaced[entry.condition] is not None]
    items = list(dict.fromkeys(entry.item for entry in kept))
    draws = {
        condition: _draws(condition, [entry for entry in kept if entry.condition == condition], items, kept)
        for condition, replacement in replaced.items()
        if replacement is not None
    }
    right = _right_answers(kept)
    categories = None if right is None else _categories(kept)
    outputs: dict[Replacement, list[np.ndarray]] = {}
    for condition, of_condition in draws.items():
        values = [_outputs(of_draw, categories) for of_draw in of_condition]
        outputs.setdefault(replaced[condition] or WHOLE_INPUT, []).extend(values)
    if WHOLE_INPUT not in outputs or len(outputs) < 2:
        raise BadInputError(
            f"{paths[0]}: the conditions are {shown(', '.join(conditions))}; an import needs answers with nothing "
            f"removed ('full'), and answers without each modality ('no audio')"
        )
    whole = np.stack(outputs.pop(WHOLE_INPUT)).mean(axis=0)
    header = Header(
        modalities=names,
        categories=("correct",) if categories is None else tuple(categories.values()),
        losses=("joint",),
        joint_loss="joint",
        split=split,
        arrays={JOINT_OUTPUT: AXES},
        software={"mbias": version("mbias")},
        task=(Task.BINARY if right is None else Task.SINGLE_LABEL).value,
        setting=setting,
        seed=seed,
    )
    truth = {}
    if right is not None and categories is not None:
        positions = {answer: position for position, answer in enumerate(categories)}
        truth = checked_truth({"weak": np.array([positions[right[item]] for item in items])}, header, len(items))
    of_passes: Outputs = {
        Pass(*replacement, draw): {JOINT_OUTPUT: values}
        for replacement, of_draws in outputs.items()
        for draw, values in enumerate(of_draws)
    }
    array = ImportedArray(JOINT_OUTPUT, AXES, False, (whole,))
    first = next(of_condition[0] for condition, of_condition in draws.items() if replaced[condition] == WHOLE_INPUT)
    groups = tuple(entry.group for entry in first if entry.group is not None)
    notes = _notes(found, replaced, draws, right is not None)
    of_items = groups if len(groups) == len(items) and len(set(groups)) > 1 else None
    return ImportPlan(header, tuple(items), (array,), truth, {}, 1, of_items, of_passes, notes)


def _said(
    paths: Sequence[Path], conditions: Collection[str], passes: Mapping[Pass, Sequence[str]], full: str | None
) -> dict[str, Replacement]:
    """What the caller says about conditions."""
    said: dict[str, Replacement] = {} if full is None else {full: WHOLE_INPUT}
    for of_pass, named in passes.items():
        if len(named) > 1:
            raise BadInputError(f"passes: an answer log has no donors; give {named[0]!r} alone")
        said[named[0]] = (of_pass.baseline, of_pass.replaced)
    if unknown := set(said) - set(conditions):
        raise BadInputError(
            f"{paths[0]}: no line has the condition {min(unknown)!r}; the conditions are {shown(', '.join(conditions))}"
        )
    return said


def _replacements(
    conditions: Mapping[str, Entry], said: Mapping[str, Replacement], modalities: Sequence[str] | None
) -> tuple[tuple[str, ...], dict[str, Replacement | None]]:
    """The names of the modalities, and what each condition replaces; None where it does not say of which modality."""
    given = modalities or list(dict.fromkeys(name for _, replaced in said.values() for name in replaced))
    meanings: dict[str, Meaning] = {}
    for condition, entry in conditions.items():
        understood = meaning(condition, given)
        if condition not in said and understood is None:
            quoted = shown(condition)
            raise BadInputError(
                f"{entry.where}: unknown condition {quoted}; say which modality it replaces, as in --pass "
                f"removed:audio={quoted}, or that it replaces nothing, --array p_joint={quoted} (passes=, arrays= in "
                f"Python)"
            )
        if condition not in said and understood is not None:
            meanings[condition] = understood
    named = {canonical(name): name for name in given}
    if modalities is None:
        of_said = [Meaning(REMOVED, tuple(named))] if named else []
        named = modalities_of([*meanings.values(), *of_said], [*meanings, *given])
    replaced = {
        condition: said[condition] if condition in said else _replacement(entry, meanings[condition], named)
        for condition, entry in conditions.items()
    }
    names = tuple(named.values())
    for stand_in, of_pass in said.values():
        if of_pass != tuple(name for name in names if name in of_pass):
            raise BadInputError(
                f"the pass {description(Pass(stand_in, of_pass))}: take modalities among {', '.join(names)}, in this "
                f"order"
            )
    return names, replaced


def _replacement(entry: Entry, means: Meaning, named: Mapping[str, str]) -> Replacement | None:
    if means.verb == PERMUTED and not means.modalities and not means.all:
        return None
    if means.verb == "kept":
        replaced = () if means.all else tuple(name for key, name in named.items() if key not in means.modalities)
        return (REMOVED, replaced) if replaced else WHOLE_INPUT
    if unknown := set(means.modalities) - set(named):
        raise BadInputError(
            f"{entry.where}: the condition {shown(entry.condition)} is about {min(unknown)}, which is not among the "
            f"modalities {', '.join(named.values())}; name it too (--modalities, or modalities= in Python)"
        )
    return means.verb, tuple(name for key, name in named.items() if means.all or key in means.modalities)


def _draws(
    condition: str, of_condition: Sequence[Entry], items: Sequence[str], entries: Sequence[Entry]
) -> list[list[Entry]]:
    """The entries of a condition: one list per draw, in the order of the items."""
    by_item: dict[str, list[Entry]] = {}
    numbered: set[tuple[str, str]] = set()
    for entry in of_condition:
        if entry.draw is not None and (entry.item, entry.draw) in numbered:
            raise BadInputError(
                f"{entry.where}: item {shown(entry.item)} has the draw {shown(entry.draw)} of {shown(condition)} "
                f"twice; remove one"
            )
        numbered.add((entry.item, entry.draw or ""))
        by_item.setdefault(entry.item, []).append(entry)
    for entry in entries:
        if entry.item not in by_item:
            raise BadInputError(
                f"{entry.where}: item {shown(entry.item)} has no answer under the condition {shown(condition)}; add "
                f"it, or remove the item"
            )
    usual = Counter(map(len, by_item.values())).most_common(1)[0][0]
    for item, answers in by_item.items():
        if len(answers) != usual:
            raise BadInputError(
                f"{answers[-1].where}: item {shown(item)} has {counted(len(answers), 'answer')} under the condition "
                f"{shown(condition)}, where others have {usual}; remove duplicates, or add what is missing"
            )
    return [[by_item[item][draw] for item in items] for draw in range(usual)]


def _right_answers(entries: Sequence[Entry]) -> dict[str, str] | None:
    """The right answer of each item, where the answers are a closed set and it is known of all items."""
    right: dict[str, str] = {}
    for entry in entries:
        if entry.gold is not None:
            right.setdefault(entry.item, _plain(entry.gold))
    for entry in entries:
        if entry.correct:
            right.setdefault(entry.item, _plain(entry.answer))
    distinct = {_plain(entry.answer) for entry in entries} | set(right.values())
    if not 2 <= len(distinct) <= MOST_ANSWERS or any(entry.item not in right for entry in entries):
        return None
    # Where a judge accepts other words than the right answer's, the words are no closed set.
    agree = all(entry.correct in (None, _plain(entry.answer) == right[entry.item]) for entry in entries)
    return right if agree else None


def _categories(entries: Sequence[Entry]) -> dict[str, str]:
    """By answer, its name: as it is first written."""
    names: dict[str, str] = {}
    for entry in entries:
        for text in (entry.answer, entry.gold):
            if text is not None:
                names.setdefault(_plain(text), " ".join(text.split()) if _plain(text) else "no answer")
    return dict(sorted(names.items()))


def _outputs(entries: Sequence[Entry], categories: Mapping[str, str] | None) -> np.ndarray:
    """The outputs of one draw, (sample, category)."""
    if categories is None:
        return np.array([[_is_correct(entry)] for entry in entries], dtype=np.float32)
    answers = list(categories)
    positions = [answers.index(_plain(entry.answer)) for entry in entries]
    outputs: np.ndarray = np.eye(len(answers), dtype=np.float32)[positions]
    return outputs


def _is_correct(entry: Entry) -> bool:
    if entry.correct is None and entry.gold is None:
        raise BadInputError(
            f"{entry.where}: neither whether the answer is correct nor the right answer is text; add it"
        )
    return _plain(entry.answer) == _plain(entry.gold or "") if entry.correct is None else entry.correct


def _plain(answer: str) -> str:
    """An answer without what does not tell answers apart: ``(A)``, ``a`` and ``A.`` are one."""
    return " ".join(answer.split()).strip(" .()").casefold()


def _notes(
    found: Mapping[str, str],
    replaced: Mapping[str, Replacement | None],
    draws: Mapping[str, Sequence[Sequence[Entry]]],
    closed: bool,
) -> tuple[str, ...]:
    notes = [f"fields:     {', '.join(f'{name} {field!r}' for name, field in found.items())}"]
    if not closed:
        notes.append("note: no closed set of answers with known right ones, so the output is whether one is correct")
    for condition, replacement in replaced.items():
        if replacement is None:
            notes.append(
                f"note: condition {shown(condition)} is left out, since it does not say of which modality; say it, as "
                f"in --pass permuted:audio={shown(condition)} (passes= in Python)"
            )
            continue
        correct = np.mean([_is_correct(entry) for of_draw in draws[condition] for entry in of_draw])
        notes.append(
            f"condition {shown(condition)}, {description(Pass(*replacement))}: "
            f"{counted(len(draws[condition]), 'answer')} per item, {correct:.1%} correct"
        )
    return tuple(notes)
