"""LLP's F-scores of the predictions of any model."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mbias.arguments import checked_names, checked_path, counted, shown
from mbias.errors import BadInputError
from mbias.exchange.arrays import read_arrays
from mbias.llp.predictions import Predictions, split_truth, weak_everywhere
from mbias.records.run import Run
from mbias.scores.f_scores import as_table, f_scores
from mbias.scores.rules import RULES, rule_named
from mbias.terms import CATEGORIES, SEGMENTS, Modality, Split

if TYPE_CHECKING:
    import pandas as pd

SHAPE = (SEGMENTS, len(Modality), len(CATEGORIES))
"""Shape of the segment probabilities of one video."""

_LARGEST_TABLE = 2**20
"""Bytes of the largest table of thresholds that is read."""


@dataclass(frozen=True, eq=False, repr=False)
class Evaluation:
    """F-scores and the rule by which probabilities became events.

    Parameters
    ----------
    scores
        One row per level and metric, with the columns ``level``, ``metric`` and ``f_score`` (in [0, 1], mean over
        videos).
    rule
        The rule in words. Scores by different rules are not comparable.
    videos
        The number of videos.
    """

    scores: pd.DataFrame
    rule: str
    videos: int

    def __repr__(self) -> str:
        averages = self.scores[self.scores["metric"] == "type_average"]
        scores = ", ".join(
            f"{f:.3f} ({level})" for level, f in zip(averages["level"], averages["f_score"], strict=True)
        )
        return f"<Evaluation: {counted(self.videos, 'video')}; type_average {scores}; rule {self.rule}>"


def evaluate(
    predictions: str | Path | Run | Predictions,
    annotations: str | Path,
    *,
    split: str = "test",
    rule: str = "original",
    threshold: float = 0.5,
    video_threshold: float = 0.5,
    thresholds: str | Path | Sequence[float] | None = None,
) -> Evaluation:
    r"""Compute LLP's F-scores of predictions.

    Parameters
    ----------
    predictions
        A run (its best epoch), a file of arrays, or `Predictions`. A file holds ``p`` (video, segment, modality,
        category), the segment probabilities or the events themselves (bool), audio before visual. It may hold
        ``p_joint`` (video, category), ``p_modality`` (video, modality, category) and ``videos``, their names. By
        default, the videos are those of the split in the order of its file.
    annotations
        Folder of LLP's CSV files.
    split
        ``val`` or ``test``.
    rule
        ``original``: an event needs P and the video's p_wsl to reach their thresholds. ``per_modality``: P and the
        video's p_a or p_v (JoMoLD). ``segments``: P alone. Events that are given are not changed by any rule.
    threshold
        Threshold on segment probabilities, in [0, 1].
    video_threshold
        Threshold on video probabilities, in [0, 1].
    thresholds
        Thresholds on segment probabilities, in [0, 1], one per category in the order of `mbias.terms.CATEGORIES`, or
        the path of a CSV file with the columns ``category`` and ``threshold``. They replace ``threshold``.

    Returns
    -------
    Evaluation
        The scores, the rule and the number of videos.

    Raises
    ------
    BadInputError
        If an argument has the wrong type or range, a file is missing or damaged, a video of the split has no
        predictions, or the rule needs probabilities that are not given.

    Examples
    --------
    One video, in which speech is heard and seen in the first five segments, but predicted only as heard.

    >>> import tempfile
    >>> import numpy as np
    >>> events = np.zeros((1, 10, 2, 25), dtype=bool)
    >>> events[0, :5, 0, 0] = True
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     weak, dense = "filename\tevent_labels\n", "filename\tonset\toffset\tevent_labels\n"
    ...     _ = Path(folder, "AVVP_test_pd.csv").write_text(weak + "v1\tSpeech\n")
    ...     for modality in ("audio", "visual"):
    ...         _ = Path(folder, f"AVVP_eval_{modality}.csv").write_text(dense + "v1\t0\t5\tSpeech\n")
    ...     np.savez(f"{folder}/predictions.npz", p=events)
    ...     evaluation = mbias.evaluate(f"{folder}/predictions.npz", folder)
    >>> segments = evaluation.scores.set_index(["level", "metric"])["f_score"]["segment"].round(2)
    >>> segments[:5].to_dict()
    {'audio': 1.0, 'visual': 0.0, 'audio_visual': 0.0, 'type_average': 0.33, 'event_average': 0.67}

    The prediction has an audio-only event that is not true; there are no visual-only events, which counts 1.

    >>> segments[5:].to_dict()
    {'audio_only': 0.0, 'visual_only': 1.0}
    """
    import pandas as pd

    if not isinstance(split, str) or split not in (Split.VAL, Split.TEST):
        raise BadInputError(f"split {shown(split)} has no dense labels; choose from {Split.VAL}, {Split.TEST}")
    if not isinstance(rule, str) or rule not in RULES:
        raise BadInputError(f"there is no rule {shown(rule)}; choose from {', '.join(RULES)}")
    one, of_video = _threshold("threshold", threshold), _threshold("video_threshold", video_threshold)
    decision = rule_named(rule, one if thresholds is None else _per_category(thresholds), of_video)
    folder = checked_path(annotations, "a path of annotations", "give the folder of LLP's CSV files")
    truth = split_truth(folder, Split(split))
    predicted = _read(predictions, truth.videos)
    if predicted.p.dtype == bool:
        events, text = predicted.p, "events as given, nothing thresholded or filtered"
    else:
        try:
            events = decision.events(predicted.p, predicted.joint, predicted.modality)
        except BadInputError as error:
            raise BadInputError(f"{_source(predictions)}: {error}") from None
        text = f"{rule}: {decision}"
    means = as_table(f_scores(predicted.in_order(events, truth.videos), truth.dense))
    rows = [(str(level), str(metric), f) for level, metrics in means.items() for metric, f in metrics.items()]
    return Evaluation(pd.DataFrame(rows, columns=["level", "metric", "f_score"]), text, len(truth.videos))


def beside_published(evaluation: Evaluation, annotations: str | Path) -> pd.DataFrame:
    """Set the scores of predictions for LLP's test split beside those of the weak labels and of published models.

    Parameters
    ----------
    evaluation
        Scores on the test split.
    annotations
        Folder of LLP's CSV files.

    Returns
    -------
    pandas.DataFrame
        One row per model, metric and level, with the columns of `mbias.variants(study, table="llp_line")`: first of
        the predictions, then of the weak labels in all segments and both modalities, and then of the published models.

    Raises
    ------
    BadInputError
        If the annotations are missing or wrong.
    """
    import pandas as pd

    from mbias.analysis.paper.llp_line import BASELINE, with_line

    folder = checked_path(annotations, "a path of annotations", "give the folder of LLP's CSV files")
    baseline = evaluate(weak_everywhere(folder, Split.TEST), folder)
    named = {"these predictions": ("measured", evaluation), BASELINE: ("baseline", baseline)}
    unknown = {"low": float("nan"), "high": float("nan"), "second_hand": False}
    rows = [
        of.scores.assign(model=name, f_score=100 * of.scores["f_score"], source=source, **unknown)
        for name, (source, of) in named.items()
    ]
    return with_line(pd.concat(rows, ignore_index=True))


def read_predictions(path: Path, videos: tuple[str, ...]) -> Predictions:
    """Read predictions from a run (its best epoch) or a file of arrays.

    Parameters
    ----------
    path
        The run or file.
    videos
        Names of the videos, for a file that does not name them.

    Returns
    -------
    Predictions
        The predictions.

    Raises
    ------
    BadInputError
        If there is no array ``p``, an array has the wrong shape, or its values are not probabilities.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.save(f"{folder}/p.npy", np.zeros((1, 10, 2, 25)))
    ...     read_predictions(Path(folder, "p.npy"), ("v1",)).videos
    ('v1',)
    """
    if (path / "run.json").exists():
        return _of_run(Run(path))
    content = read_arrays(path)
    if len(content) == 1 and path.suffix == ".npy":
        content = {"p": next(iter(content.values()))}
    coordinates = (content["p"].coordinates or {}) if "p" in content else {}
    if "videos" in content:
        videos = tuple(map(str, content["videos"].values.ravel()))
    elif "video" in coordinates:
        videos = coordinates["video"]
    return _from_arrays(path, {name: array.values for name, array in content.items()}, videos)


def _read(predictions: str | Path | Run | Predictions, videos: tuple[str, ...]) -> Predictions:
    if isinstance(predictions, Run):
        return _of_run(predictions)
    if not isinstance(predictions, Predictions):
        hint = "give a run, a file of arrays, or Predictions"
        return read_predictions(checked_path(predictions, "a path of predictions", hint), videos)
    optional = {"p_joint": predictions.joint, "p_modality": predictions.modality}
    arrays = {"p": predictions.p, **{name: array for name, array in optional.items() if array is not None}}
    _check("predictions", arrays, len(checked_names("predictions: videos", predictions.videos)))
    return predictions


def _source(predictions: str | Path | Run | Predictions) -> str:
    """Where predictions come from, for error messages."""
    if isinstance(predictions, Predictions):
        return "predictions"
    return str(predictions.path if isinstance(predictions, Run) else predictions)


def _of_run(run: Run) -> Predictions:
    names = [name for name in ("p", "p_joint", "wtp") if name in run.commit("best").arrays]
    return _from_arrays(run.path, {name: run.values(name, "best") for name in names}, tuple(run.samples.iloc[:, 0]))


def _from_arrays(path: Path, content: Mapping[str, np.ndarray], videos: tuple[str, ...]) -> Predictions:
    if "p" not in content:
        raise BadInputError(f"{path}: holds no array 'p', but {', '.join(sorted(content))}; name it 'p'")
    arrays = {name: content[name] for name in ("p", "p_joint", "p_modality", "wtp") if name in content}
    _check(str(path), arrays, len(videos))
    modality = arrays.get("p_modality")
    if modality is None and "wtp" in arrays:
        # Eq. 4 and 5.
        modality = (arrays["wtp"] * arrays["p"]).sum(axis=1)
    return Predictions(arrays["p"], arrays.get("p_joint"), modality, videos)


def _check(source: str, arrays: Mapping[str, np.ndarray], n: int) -> None:
    """Raise unless arrays have the shapes for ``n`` videos, and hold probabilities."""
    shapes = {"p": (n, *SHAPE), "wtp": (n, *SHAPE), "p_joint": (n, SHAPE[2]), "p_modality": (n, *SHAPE[1:])}
    for name, array in arrays.items():
        if not isinstance(array, np.ndarray) or array.dtype.kind not in "biuf":
            raise BadInputError(f"{source}: {name!r} is not an array of numbers; give probabilities or boolean events")
        if array.shape != shapes[name]:
            raise BadInputError(
                f"{source}: {name!r} has shape {array.shape}, not {shapes[name]}; "
                "its axes are described by mbias evaluate --help"
            )
        # The sum of Eq. 3 exceeds 1 if the modalities attend to different segments.
        largest = len(Modality) if name == "p_joint" else 1
        # The tolerance allows for rounding in sums of probabilities.
        if not ((array >= 0) & (array <= largest + 1e-5)).all():
            raise BadInputError(f"{source}: {name!r} holds values outside of 0 to {largest}; give probabilities")


def _per_category(thresholds: str | Path | Sequence[float]) -> tuple[float, ...]:
    if isinstance(thresholds, str | Path):
        hint = "give one threshold per category, or the path of a CSV file with the columns category, threshold"
        return read_thresholds(checked_path(thresholds, "a path of thresholds", hint))
    values = thresholds.tolist() if hasattr(thresholds, "tolist") else thresholds
    if not isinstance(values, Sequence):
        raise BadInputError(f"thresholds: {shown(thresholds)} is not a sequence; give one threshold per category")
    if len(values) != len(CATEGORIES):
        raise BadInputError(
            f"thresholds: {len(values)} thresholds for {len(CATEGORIES)} categories; give one per category"
        )
    return tuple(_threshold(f"thresholds[{index}]", value) for index, value in enumerate(values))


def _threshold(name: str, value: float) -> float:
    if not isinstance(value, Real) or isinstance(value, bool) or not 0 <= value <= 1:
        raise BadInputError(f"{name}: {shown(value)} is not a threshold; give a number from 0 to 1")
    return float(value)


def read_thresholds(path: Path) -> tuple[float, ...]:
    """Read one threshold per category from a CSV file.

    Parameters
    ----------
    path
        A CSV file with the columns ``category`` and ``threshold``.

    Returns
    -------
    tuple of float
        Thresholds in the order of `mbias.terms.CATEGORIES`.

    Raises
    ------
    BadInputError
        If a category is missing, unknown or given twice, or a threshold is not a number in [0, 1].
    """
    try:
        if path.exists() and (not path.is_file() or path.stat().st_size > _LARGEST_TABLE):
            raise BadInputError(f"{path}: not a table of thresholds; give a CSV with columns category, threshold")
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
        thresholds = {row["category"]: float(row["threshold"]) for row in rows}
    except (OSError, UnicodeDecodeError, csv.Error, KeyError, TypeError, ValueError) as error:
        raise BadInputError(f"{path}: not a readable table of category, threshold ({error})") from None
    if set(thresholds) != set(CATEGORIES) or len(rows) != len(CATEGORIES):
        wrong = sorted(set(thresholds) ^ set(CATEGORIES)) or ["a category that is given twice"]
        raise BadInputError(f"{path}: each of the {len(CATEGORIES)} categories must occur once; check {wrong[0]!r}")
    return tuple(_threshold(f"{path}: {category}", thresholds[category]) for category in CATEGORIES)
