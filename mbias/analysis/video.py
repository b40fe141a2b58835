"""One sample, segment by segment: truth, predictions and attention; and the samples that show the bias best."""

from __future__ import annotations

import difflib
import operator
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd

from mbias.analysis.per_run.segments import events_of, of_sample, truth_of
from mbias.analysis.questions import Question, Table
from mbias.analysis.settings import identified
from mbias.errors import BadInputError, NotApplicableError
from mbias.records.run import Run
from mbias.records.study import Study, StudyLike, open_study
from mbias.scores.f_scores import predictions
from mbias.tables.layout import RUN, Layout, number
from mbias.tables.words import Words, with_words, words_of

_NEEDED = {"predictions": ("p", "p_joint"), "{weight}": ("wav",), "W_tp": ("wtp",)}
_STEPS = "▁▂▃▄▅▆▇█"


def roll(
    run: StudyLike, sample: str | None = None, epoch: int | str = "best", category: str | None = None
) -> pd.DataFrame:
    """The event roll of one sample.

    Parameters
    ----------
    run
        A path, a `Run`, or a `Study` of one run.
    sample
        The identifier of the sample, or a part of it that no other identifier has; by default, the sample that shows
        the bias best (`worst`) or, where that is not known, the first one.
    epoch
        A number from 1, ``"last"`` or ``"best"``, as in `Run.commit`.
    category
        A category to include even where it is neither labelled nor predicted.

    Returns
    -------
    pandas.DataFrame
        One row per category, modality and ``segment`` (from 0), for the categories that are labelled or predicted in
        the sample (all categories where none is): ``truth`` and ``predicted`` (P >= 0.5 and p_wsl >= 0.5, the rule of
        the original evaluation), boolean; ``p`` (P), ``attention`` (W_av, averaged over heads where there are several)
        and ``temporal`` (W_tp), in [0, 1]; ``p_joint``, p_wsl of the sample and category. What the record or the epoch
        does not hold is unknown (`mbias.analysis.video.missing` names it). The other columns identify the run, the
        ``epoch`` and the ``sample``.

    Raises
    ------
    NotApplicableError
        If the run has no truth or array in segments.
    BadInputError
        If the run does not have that sample, epoch or category, or is damaged.

    Examples
    --------
    >>> table = mbias.analysis.video.roll("models/demo/across_vcross-ls_v-seed0", "v0003")
    >>> table[["category", "modality", "segment", "truth", "predicted", "p"]].head(1).round(2)
      category modality  segment  truth  predicted    p
    0      Car    audio        0   True       True  0.9
    """
    run = _single_run(run)
    index = _sample_index(run, _telling(run, epoch) if sample is None else sample)
    names = run.header.categories
    if category is not None and category not in names:
        raise BadInputError(f"{run.path}: no category {category!r}; take one of {', '.join(names)}")
    arrays = {name: of_sample(run, name, epoch, index) for name in ("p", "wav", "wtp")}
    known = "p_joint" in run.commit(epoch).arrays
    joint = run.values("p_joint", epoch, ("sample", "category"))[index] if known else None
    truth = truth_of(run, index)
    lengths = {len(values) for values in (*arrays.values(), truth) if values is not None and len(values) > 1}
    if len(lengths) != 1:
        what = "do not have the same segments" if lengths else "have no segments, so there is nothing to show over time"
        raise NotApplicableError(f"{run.path}: the arrays and the truth {what}")
    shape = (lengths.pop(), len(run.header.modalities), len(names))
    predicted = None
    if joint is not None and arrays["p"] is not None:
        predicted = predictions(np.broadcast_to(arrays["p"], shape)[None], joint[None])[0]
    shown = _shown(run, index, truth, predicted)
    if category is not None:
        shown[names.index(category)] = True
    cells = np.argwhere(np.broadcast_to(shown, shape).transpose(2, 1, 0))
    c, m, t = cells.T

    def column(values: np.ndarray | None, kind: str) -> pd.Series:
        shown_values = [None] * len(cells) if values is None else np.broadcast_to(values, shape)[t, m, c]
        return pd.Series(shown_values, dtype=kind)

    _, identity = next(identified(Study((run,))))
    table = pd.DataFrame(
        {
            **{name: [value] * len(cells) for name, value in identity.items()},
            "epoch": run.commit(epoch).epoch,
            "sample": str(run.samples.iloc[index, 0]),
            "category": [names[i] for i in c],
            "modality": [run.header.modalities[i] for i in m],
            "segment": t,
            "truth": column(truth, "boolean"),
            "predicted": column(predicted, "boolean"),
            "p": column(arrays["p"], "float"),
            "attention": column(arrays["wav"], "float"),
            "temporal": column(arrays["wtp"], "float"),
            "p_joint": column(joint, "float"),
        }
    )
    return with_words(table, Words.of([run]))


def missing(run: Run, epoch: int | str = "best") -> str:
    """What a `roll` of that epoch lacks, and which epochs hold it; empty where nothing is missing."""
    held = set(run.commit(epoch).arrays)
    lacking = {name: needed for name, needed in _NEEDED.items() if not set(needed) <= held}
    if not lacking:
        return ""
    needed = {name for names in lacking.values() for name in names}
    holders = [str(commit.epoch) for commit in run.commits if needed <= set(commit.arrays)]
    hint = f"epoch {' and '.join(holders)} does" if len(holders) == 1 else f"epochs {', '.join(holders)} do"
    names = " and no ".join(lacking).replace("{weight}", Words.of([run]).weight)
    return f"epoch {run.commit(epoch).epoch} holds no {names}; {hint if holders else 'none does'}"


def worst(study: StudyLike, number: int = 10, epoch: int | str = "best") -> pd.DataFrame:
    """The samples that show the bias of a run best: events are missed while attention is on the favoured modality.

    The favoured modality f is the one with the largest mean W_av at that epoch. Over the segments t and categories c in
    which another modality o truly has an event that is not predicted (by the rule of `roll`),

        lost = sum over o, t, c of W_f(t, c), in segments.

    This is the number of missed segments of other modalities, each weighted by the attention on f. It is 0 where no
    event is missed, or where f has no attention on the missed ones. It is at most ``missed``.

    Parameters
    ----------
    study
        A path, a `Run`, a list of these, or a `Study`.
    number
        The number of samples per run.
    epoch
        A number from 1, ``"last"`` or ``"best"``, as in `Run.commit`.

    Returns
    -------
    pandas.DataFrame
        One row per sample: the ``number`` samples of each run with the largest ``lost``, sorted by falling ``lost`` and
        then by name. ``toward`` is the modality f; ``events`` is the number of segments with events of other
        modalities, over all categories; ``missed`` is how many of them are missed; ``attention`` is the mean of W_f in
        the missed ones (NaN without any); ``categories`` holds the labels of the sample, separated by ``|``.

    Raises
    ------
    NotApplicableError
        If an epoch lacks ``wav``, ``p`` or ``p_joint`` in segments, or the truth of segments is not recorded.
    BadInputError
        If a run does not have that epoch, or is damaged.
    """
    if not isinstance(number, Integral) or number < 1:
        raise BadInputError(f"number is {number!r}; give the number of samples to list, 1 or more")
    study = open_study(study)
    return pd.concat([_worst(run, identity, number, epoch) for run, identity in identified(study)], ignore_index=True)


def strips(table: pd.DataFrame) -> pd.DataFrame:
    """A `roll` as text: one row per category and modality, with one character per segment.

    ``truth`` and ``predicted`` are ``■`` or ``·``; ``W_av`` runs from ▁ for 0 to █ for 1, and ``W_tp`` to █ for the
    largest value of the table. A text is empty where the values are unknown.
    """
    largest = table["temporal"].max()
    rows = []
    for _, lane in table.groupby(["category", "modality"], sort=False):
        first = lane.iloc[0].to_dict()
        texts = {name: "".join("·■"[int(value)] for value in lane[name].dropna()) for name in ("truth", "predicted")}
        texts |= {"W_av": _strip(lane["attention"]), "W_tp": _strip(lane["temporal"] / largest)}
        rows.append({**first, **texts})
    return with_words(pd.DataFrame(rows), words_of(table))


def quantities(table: pd.DataFrame) -> pd.DataFrame:
    """A `roll` with one row per category, modality, ``quantity`` and segment, and the value as ``text``."""
    numbers = {"P": "p", words_of(table).weight: "attention", "W_tp": "temporal"}
    texts = {name: table[name].map({True: "1", False: "0"}) for name in ("truth", "predicted")}
    texts |= {name: table[column].map("{:.2f}".format) for name, column in numbers.items()}
    known = [table.assign(quantity=name, text=text) for name, text in texts.items() if not (text == "nan").all()]
    return pd.concat([part for part in known if part["text"].notna().all()]).sort_index(kind="stable")


def finding(table: pd.DataFrame) -> list[str]:
    """What a `roll` shows: one sentence per category and modality with events, with the predictions and attention."""
    sentences = []
    for (category, modality), lane in table.groupby(["category", "modality"], sort=False):
        events = lane[lane["truth"].fillna(False).astype(bool)]
        if events.empty:
            continue
        text = f"{category}, {modality}: events in {len(events)} of {len(lane)} segments"
        if events["predicted"].notna().all():
            text += f", {int(events['predicted'].sum())} of them predicted"
        if events["attention"].notna().all():
            text += f"; {words_of(table).weight} on {modality} is {events['attention'].mean():.2f} there"
        sentences.append(f"{text}.")
    return sentences


STRIPS = Layout(
    (*RUN, "epoch", "sample", "category", "modality"),
    (),
    {name.replace("W_av", "{weight}"): operator.attrgetter(name) for name in ("truth", "predicted", "W_av", "W_tp")},
)
"""The layout of `strips`."""

QUANTITIES = Layout(
    (*RUN, "epoch", "sample", "category", "modality", "quantity"), ("segment",), {"{}": lambda row: row.text}
)
"""The layout of `quantities`."""

QUESTION = Question(
    name="video",
    paper="",
    tables=(
        Table(
            roll,
            Layout(
                (*RUN, "epoch", "sample", "category", "modality", "segment"),
                (),
                {
                    "truth": lambda row: _text(row.truth),
                    "predicted": lambda row: _text(row.predicted),
                    "P": number("p", ".2f"),
                    "{weight}": number("attention", ".2f"),
                    "W_tp": number("temporal", ".2f"),
                },
            ),
            finding,
        ),
        Table(
            worst,
            Layout(
                (*RUN, "epoch", "toward", "sample"),
                (),
                {
                    "lost": number("lost", ".1f"),
                    "missed": lambda row: f"{row.missed} of {row.events}",
                    "W there": number("attention", ".2f"),
                    "labels": lambda row: row.categories.replace("|", ", "),
                },
            ),
        ),
    ),
    drawn="roll",
    inputs=("run",),
)


def _text(known: Any) -> str:
    return "" if pd.isna(known) else str(int(known))


def _single_run(run: StudyLike) -> Run:
    study = open_study(run)
    if len(study) != 1:
        raise BadInputError(f"an event roll shows one run, and {len(study)} are given; give one run")
    return study.runs[0]


def _telling(run: Run, epoch: int | str) -> str:
    """The sample that shows the bias best or, where that is not known, the first one."""
    try:
        return str(worst(run, 1, epoch)["sample"].iloc[0])
    except NotApplicableError:
        return str(run.samples.iloc[0, 0])


def _sample_index(run: Run, sample: str) -> int:
    names = [str(name) for name in run.samples.iloc[:, 0]]
    matches = [name for name in names if name == sample] or [name for name in names if sample and sample in name]
    if len(matches) == 1:
        return names.index(matches[0])
    near = matches[:3] or difflib.get_close_matches(sample, names, n=3)
    problem = f"{len(matches)} samples have {sample!r} in their names" if matches else f"no sample {sample!r}"
    raise BadInputError(f"{run.path}: {problem}; take {', '.join(near or names[:1])}, or another one of samples.csv")


def _shown(run: Run, index: int, truth: np.ndarray | None, predicted: np.ndarray | None) -> np.ndarray:
    shown = np.zeros(len(run.header.categories), dtype=bool)
    if "weak" in run.truth:
        shown |= run.truth["weak"][index]
    for events in (truth, predicted):
        if events is not None:
            shown |= events.any(axis=(0, 1))
    return shown if shown.any() else ~shown


def _worst(run: Run, identity: dict[str, Any], number: int, epoch: int | str) -> pd.DataFrame:
    truth, predicted, wav = events_of(run, epoch)
    favoured = int(wav.mean(axis=(0, 1, 3), dtype=float).argmax())
    others = np.delete(truth, favoured, axis=2)
    missed = others & ~np.delete(predicted, favoured, axis=2)
    lost = np.einsum("ntmc,ntc->n", missed, wav[:, :, favoured], dtype=float)
    counts, events = missed.sum(axis=(1, 2, 3)), others.sum(axis=(1, 2, 3))
    labels = np.logical_or.reduce(truth, axis=(1, 2))
    names = run.samples.iloc[:, 0].astype(str).to_numpy()
    rows = [
        {
            **identity,
            "epoch": run.commit(epoch).epoch,
            "sample": names[i],
            "toward": run.header.modalities[favoured],
            "lost": lost[i],
            "missed": int(counts[i]),
            "events": int(events[i]),
            "attention": lost[i] / counts[i] if counts[i] else np.nan,
            "categories": "|".join(np.array(run.header.categories)[labels[i]]),
        }
        for i in np.lexsort((names, -lost))[:number]
    ]
    return pd.DataFrame(rows)


def _strip(values: pd.Series) -> str:
    known = values.dropna().clip(0, 1)
    return "".join(_STEPS[min(int(value * len(_STEPS)), len(_STEPS) - 1)] for value in known)
