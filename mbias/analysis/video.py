"""One sample, segment by segment: what is there, what is predicted, where attention goes; and which ones to look at."""

from __future__ import annotations

import difflib
import operator
from typing import Any

import numpy as np
import pandas as pd

from mbias.analysis.measures.pooling import SEGMENTED
from mbias.analysis.settings import identified
from mbias.errors import BadInputError
from mbias.records.run import Run
from mbias.records.study import Study
from mbias.records.summary import aligned
from mbias.scores.f_scores import predictions
from mbias.tables.layout import RUN, Layout, number

_NEEDED = {"predictions": ("p", "p_joint"), "W_av": ("wav",), "W_tp": ("wtp",)}
_STEPS = "▁▂▃▄▅▆▇█"

LAYOUTS = {
    "strips": Layout(
        (*RUN, "epoch", "sample", "category", "modality"),
        (),
        {name: operator.attrgetter(name) for name in ("truth", "predicted", "W_av", "W_tp")},
    ),
    "quantities": Layout(
        (*RUN, "epoch", "sample", "category", "modality", "quantity"), ("segment",), {"{}": lambda row: row.text}
    ),
    "worst": Layout(
        (*RUN, "epoch", "toward", "sample"),
        (),
        {
            "lost": number("lost", ".1f"),
            "missed": lambda row: f"{row.missed} of {row.events}",
            "W there": number("attention", ".2f"),
            "labels": lambda row: row.categories.replace("|", ", "),
        },
    ),
}


def roll(run: Run, sample: str, epoch: int | str = "best", category: str | None = None) -> pd.DataFrame:
    """The event roll of one sample.

    Parameters
    ----------
    sample
        Its identifier, or a part that only one has.
    category
        One to have in it whether or not there is anything of it.

    Returns
    -------
    pandas.DataFrame
        A row a category, modality and ``segment`` (from 0), of the categories labelled or predicted in the sample
        (of all where none is): ``truth`` and ``predicted`` (P >= 0.5 where also p_wsl >= 0.5, the original's rule),
        boolean; ``p``, ``attention`` (W_av, mean over heads where there are several) and ``temporal`` (W_tp), in
        [0, 1]; ``p_joint`` (p_wsl) of the sample and category; all unknown where the epoch or the record holds them
        not (`missing` says which). Beside them what identifies the run, the ``epoch`` and the ``sample``.

    Raises
    ------
    BadInputError
        If the run has not that sample, epoch or category, or nothing in segments.
    """
    place = _place(run, sample)
    names = run.header.categories
    if category is not None and category not in names:
        raise BadInputError(f"{run.path}: no category {category!r}; take one of {', '.join(names)}")
    arrays = {name: _of_sample(run, name, epoch, place) for name in ("p", "wav", "wtp")}
    known = "p_joint" in run.commit(epoch).arrays
    joint = run.values("p_joint", epoch, ("sample", "category"))[place] if known else None
    truth = _truth(run, place)
    lengths = {len(values) for values in (*arrays.values(), truth) if values is not None and len(values) > 1}
    if len(lengths) != 1:
        raise BadInputError(f"{run.path}: its arrays and truth are not in the same segments, so there is no roll")
    shape = (lengths.pop(), len(run.header.modalities), len(names))
    predicted = None
    if joint is not None and arrays["p"] is not None:
        predicted = predictions(np.broadcast_to(arrays["p"], shape)[None], joint[None])[0]
    shown = _shown(run, place, truth, predicted)
    if category is not None:
        shown[names.index(category)] = True
    cells = np.argwhere(np.broadcast_to(shown, shape).transpose(2, 1, 0))
    c, m, t = cells.T

    def column(values: np.ndarray | None, kind: str) -> pd.Series:
        of_cells = [None] * len(cells) if values is None else np.broadcast_to(values, shape)[t, m, c]
        return pd.Series(of_cells, dtype=kind)

    _, identity = next(identified(Study((run,))))
    return pd.DataFrame(
        {
            **{name: [value] * len(cells) for name, value in identity.items()},
            "epoch": run.commit(epoch).epoch,
            "sample": str(run.samples.iloc[place, 0]),
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


def missing(run: Run, epoch: int | str = "best") -> str:
    """What a roll of that epoch lacks, and which epochs hold it, in a line; empty where nothing is missing."""
    held = set(run.commit(epoch).arrays)
    lacking = {what: needed for what, needed in _NEEDED.items() if not set(needed) <= held}
    if not lacking:
        return ""
    needed = {name for names in lacking.values() for name in names}
    holders = [str(commit.epoch) for commit in run.commits if needed <= set(commit.arrays)]
    hint = f"epoch {' and '.join(holders)} does" if len(holders) == 1 else f"epochs {', '.join(holders)} do"
    return f"epoch {run.commit(epoch).epoch} holds no {' and no '.join(lacking)}; {hint if holders else 'none does'}"


def worst(study: Study, number: int = 10, epoch: int | str = "best") -> pd.DataFrame:
    """The samples that show a run's bias best: events are missed while attention is on the modality it favours.

    The favoured modality f is the one with the largest mean W_av at that epoch. Over the cells (segment t, category c)
    in which another modality o truly has an event that is not predicted (by the rule of `roll`),

        lost = sum over o, t, c of W_f(t, c), in segments:

    how many of the other modality's segments are missed, each weighed by the attention that is on f instead. 0 where
    all events are found, or f has no attention where they are missed; at most ``missed``.

    Returns
    -------
    pandas.DataFrame
        A row a sample, of each run the ``number`` with the largest ``lost`` first (of equals by name): ``toward``,
        the modality f; ``lost``; ``events``, the other modality's segments with events, over all categories, and how
        many are ``missed``; ``attention``, the mean of W_f in the missed ones (NaN without any); ``categories``, the
        sample's labels, separated by ``|``.

    Raises
    ------
    BadInputError
        If an epoch holds not ``wav``, ``p`` and ``p_joint`` in segments, or the truth of segments is not recorded.
    """
    return pd.concat([_worst(run, identity, number, epoch) for run, identity in identified(study)], ignore_index=True)


def strips(table: pd.DataFrame) -> pd.DataFrame:
    """A `roll` as text: a row a category and modality, a character a segment.

    ``truth`` and ``predicted`` are ``■`` or ``·``; ``W_av`` is from ▁, 0, to █, 1; ``W_tp`` from 0 to the largest of
    the table; empty where they are unknown.
    """
    largest = table["temporal"].max()
    rows = []
    for _, lane in table.groupby(["category", "modality"], sort=False):
        first = lane.iloc[0].to_dict()
        texts = {name: "".join("·■"[int(value)] for value in lane[name].dropna()) for name in ("truth", "predicted")}
        texts |= {"W_av": _strip(lane["attention"]), "W_tp": _strip(lane["temporal"] / largest)}
        rows.append({**first, **texts})
    return pd.DataFrame(rows)


def quantities(table: pd.DataFrame) -> pd.DataFrame:
    """A `roll` with a row a category, modality, ``quantity`` and segment, and its value as ``text``."""
    texts = {
        "truth": table["truth"].map({True: "1", False: "0"}),
        "predicted": table["predicted"].map({True: "1", False: "0"}),
        "P": table["p"].map("{:.2f}".format),
        "W_av": table["attention"].map("{:.2f}".format),
        "W_tp": table["temporal"].map("{:.2f}".format),
    }
    known = [table.assign(quantity=name, text=text) for name, text in texts.items() if not (text == "nan").all()]
    return pd.concat([part for part in known if part["text"].notna().all()]).sort_index(kind="stable")


def finding(table: pd.DataFrame) -> list[str]:
    """What a `roll` says: a sentence a category and modality with events, how many are found and where attention is."""
    sentences = []
    for (category, modality), lane in table.groupby(["category", "modality"], sort=False):
        events = lane[lane["truth"].fillna(False).astype(bool)]
        if events.empty:
            continue
        text = f"{category}, {modality}: events in {len(events)} of {len(lane)} segments"
        if events["predicted"].notna().all():
            text += f", {int(events['predicted'].sum())} of them predicted"
        if events["attention"].notna().all():
            text += f"; W_av on {modality} is {events['attention'].mean():.2f} there"
        sentences.append(f"{text}.")
    return sentences


def _place(run: Run, sample: str) -> int:
    names = [str(name) for name in run.samples.iloc[:, 0]]
    found = [name for name in names if name == sample] or [name for name in names if sample and sample in name]
    if len(found) == 1:
        return names.index(found[0])
    near = found[:3] or difflib.get_close_matches(sample, names, n=3)
    problem = f"{len(found)} samples have {sample!r} in their name" if found else f"no sample {sample!r}"
    raise BadInputError(f"{run.path}: {problem}; take {', '.join(near or names[:1])}, or another one of samples.csv")


def _of_sample(run: Run, name: str, epoch: int | str, place: int) -> np.ndarray | None:
    """An array of one sample, of shape (segment, modality, category), segment 1 long where there is none."""
    dimensions = run.header.arrays.get(name, ())
    if name not in run.commit(epoch).arrays or "modality" not in dimensions:
        return None
    values, _ = aligned(
        run.values(name, epoch)[place : place + 1].astype(float), dimensions, None, len(run.header.categories)
    )
    kept = 3 if "segment" in dimensions else 2
    mean = values[0].mean(axis=tuple(range(values.ndim - 1 - kept)))
    return mean if kept == 3 else mean[None]


def _truth(run: Run, place: int) -> np.ndarray | None:
    dense = [run.truth.get(modality) for modality in run.header.modalities]
    if any(array is None or array.ndim != 3 for array in dense):
        return None
    return np.stack([array[place] for array in dense if array is not None], axis=1)


def _shown(run: Run, place: int, truth: np.ndarray | None, predicted: np.ndarray | None) -> np.ndarray:
    shown = np.zeros(len(run.header.categories), dtype=bool)
    if "weak" in run.truth:
        shown |= run.truth["weak"][place]
    for events in (truth, predicted):
        if events is not None:
            shown |= events.any(axis=(0, 1))
    return shown if shown.any() else ~shown


def _worst(run: Run, identity: dict[str, Any], number: int, epoch: int | str) -> pd.DataFrame:
    truth, predicted, wav = _events(run, epoch)
    favoured = int(wav.mean(axis=(0, 1, 3), dtype=float).argmax())
    others = np.delete(truth, favoured, axis=2)
    missed = others & ~np.delete(predicted, favoured, axis=2)
    lost = np.einsum("ntmc,ntc->n", missed, wav[:, :, favoured], dtype=float)
    many, events = missed.sum(axis=(1, 2, 3)), others.sum(axis=(1, 2, 3))
    labels = np.logical_or.reduce(truth, axis=(1, 2))
    names = run.samples.iloc[:, 0].astype(str).to_numpy()
    rows = [
        {
            **identity,
            "epoch": run.commit(epoch).epoch,
            "sample": names[i],
            "toward": run.header.modalities[favoured],
            "lost": lost[i],
            "missed": int(many[i]),
            "events": int(events[i]),
            "attention": lost[i] / many[i] if many[i] else np.nan,
            "categories": "|".join(np.array(run.header.categories)[labels[i]]),
        }
        for i in np.lexsort((names, -lost))[:number]
    ]
    return pd.DataFrame(rows)


def _events(run: Run, epoch: int | str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Truth, predicted events and W_av of all samples, of shape (sample, segment, modality, category)."""
    p, wav = (run.values(name, epoch, SEGMENTED) for name in ("p", "wav"))
    joint = run.values("p_joint", epoch, ("sample", "category"))
    dense = [run.truth.get(modality) for modality in run.header.modalities]
    if any(array is None or array.shape != p[:, :, 0].shape for array in dense):
        raise BadInputError(f"{run.path}: the truth of segments is not recorded by modality, so none counts as missed")
    return np.stack([array for array in dense if array is not None], axis=2), predictions(p, joint), wav


def _strip(values: pd.Series) -> str:
    known = values.dropna().clip(0, 1)
    return "".join(_STEPS[min(int(value * len(_STEPS)), len(_STEPS) - 1)] for value in known)
