"""From a trained model to a verdict in one call: `diagnose` makes a record by itself, and can save it."""

from __future__ import annotations

import dataclasses
import functools
import html
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mbias.analysis import diagnosis, reliance
from mbias.analysis.measures.catalogue import Estimates, of_verdict
from mbias.arguments import checked_names, checked_new_folder, counted, require_mapping, with_groups
from mbias.errors import BadInputError
from mbias.probing.any_model import outputs_of, probe
from mbias.probing.calling import Call, inference, require_callable
from mbias.probing.inputs import Inputs, checked_inputs
from mbias.records.header import Header
from mbias.records.run import Run
from mbias.records.study import Study, open_study
from mbias.records.writer import RunWriter
from mbias.tables.layout import notes
from mbias.tasks import Task, as_truth, checked_task

if TYPE_CHECKING:
    from matplotlib.figure import Figure


_OPTIONS = ("output", "draws", "stand_ins", "own", "interactions", "batch", "seed", "autocast", "progress")
"""The options of `probe` that `diagnose` passes on."""


class Diagnosis:
    """What a model depends on, as `diagnose` found it.

    Attributes
    ----------
    study : Study
        The record of the model, which every function of mbias takes; `save` keeps it.
    """

    def __init__(self, study: Study, folder: tempfile.TemporaryDirectory[str]) -> None:
        self.study = study
        # The record lives as long as this object.
        self._folder = folder

    def __repr__(self) -> str:
        return f"<Diagnosis: {self.sentence}>"

    @functools.cached_property
    def _estimates(self) -> Estimates:
        return of_verdict(self.study)

    @property
    def verdict(self) -> str:
        """The verdict in words, as `mbias.analysis.measures.verdict` defines them, such as ``uses text alone``."""
        return str(self.verdicts.loc[0, "verdict"])

    @property
    def flags(self) -> tuple[str, ...]:
        """What stands beside the verdict, such as ``image harms``."""
        return tuple(filter(None, self.verdicts.loc[0, "flags"].split("|")))

    @property
    def sentence(self) -> str:
        """The verdict with what it rests on, in one sentence."""
        return diagnosis.finding(self.verdicts)[0]

    @functools.cached_property
    def verdicts(self) -> pd.DataFrame:
        """The table of `mbias.diagnosis`."""
        return diagnosis.verdicts(self.study, self._estimates)

    @functools.cached_property
    def use(self) -> pd.DataFrame:
        """The table of `mbias.reliance`: how much the outputs depend on each modality, and whether it helps."""
        return reliance.use(self.study, self._estimates)

    @functools.cached_property
    def categories(self) -> pd.DataFrame:
        """The verdict on each category, the table ``categories`` of `mbias.diagnosis`.

        Raises
        ------
        NotApplicableError
            If no category has enough labelled samples.
        """
        return diagnosis.categories(self.study, self._estimates)

    def figure(self) -> Figure:
        """Draw the change, the share and the help of each modality, with 95 % intervals."""
        from mbias.plots.reliance import figure_of_use

        return figure_of_use(self.use)

    def save(self, path: str | os.PathLike[str]) -> Study:
        """Keep the record.

        Parameters
        ----------
        path
            The folder of the new record, which must not exist, or be empty.

        Returns
        -------
        Study
            The record at its new place.

        Raises
        ------
        BadInputError
            If the folder holds something, or a file is in the way.
        """
        target = checked_new_folder(path)
        if target.exists() and any(target.iterdir()):
            raise BadInputError(f"{target}: is not empty; give a new folder")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BadInputError(f"{target}: cannot be written ({error.strerror}); give another folder") from None
        with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as temporary:
            copy = Path(temporary) / target.name
            shutil.copytree(self.study.runs[0].path if len(self.study) == 1 else self._folder.name, copy)
            copy.replace(target)
        return open_study(target)

    def _repr_html_(self) -> str:
        shown_columns = ["modality", "share", "share_low", "share_high", "change", "help"]
        table = self.use[shown_columns].to_html(index=False, float_format="{:.3g}".format, na_rep="", border=0)
        lines = [f"<p><strong>{html.escape(self.sentence)}</strong></p>", table]
        return "".join(lines + [f"<p>{html.escape(note)}</p>" for note in notes(self.verdicts)])


def diagnose(
    predict: Callable[..., Any] | Sequence[Callable[..., Any]],
    inputs: Mapping[str, Any],
    labels: Any = None,
    task: str = "multilabel",
    groups: Sequence[str | int] | None = None,
    *,
    categories: Sequence[str] | None = None,
    name: str = "model",
    simulated: bool = False,
    **options: Any,
) -> Diagnosis:
    """Find out which modality a trained model depends on, how much, and how sure that is.

    Give samples that the model was not trained on, in their natural proportions.

    Parameters
    ----------
    predict
        The model, as `probe` takes it; or several networks of one kind, trained with different seeds: the verdict then
        holds for such networks, not for one.
    inputs
        By modality, its input, as `probe` takes it.
    labels
        What is true of each sample, in a form of the task (`mbias.tasks.as_truth`): 0 and 1 (sample, category), numbers
        of classes (sample,), or numbers. Without labels, it is not known whether what a model depends on is of use.
    task
        What the model is asked for: ``multilabel``, ``single_label``, ``binary`` or ``regression``.
    groups
        The group of each sample, where samples are not independent, such as the recording that a clip is cut from.
    categories
        The names of the categories, classes or targets. By default, they are numbered.
    name
        What the model is called.
    simulated
        Whether the samples are simulated. Tables and figures then say so.
    **options
        Options of `probe`: ``output``, ``draws``, ``stand_ins``, ``own``, ``interactions``, ``batch``, ``seed``,
        ``autocast`` and ``progress``.

    Returns
    -------
    Diagnosis
        The verdict, tables, a figure; `Diagnosis.save` keeps the record.

    Raises
    ------
    BadInputError
        If an argument is wrong, or the outputs or labels do not fit the task.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> left, right = rng.normal(size=(2, 300, 4))
    >>> labels = left[:, 0] > 0
    >>> model = lambda left, right: 1 / (1 + np.exp(-4 * left[:, 0] - 0 * right[:, 0]))
    >>> found = mbias.diagnose(model, {"left": left, "right": right}, labels, task="binary")
    >>> found.verdict
    'uses left alone'
    """
    require_mapping("inputs", inputs, "give the input of each modality by name")
    checked_task(task)
    for option in options:
        if option not in _OPTIONS:
            raise BadInputError(f"diagnose: unknown option {option!r}; take {', '.join(_OPTIONS)}")
    modalities = checked_names("inputs", tuple(inputs))
    if len(modalities) < 2:
        raise BadInputError(f"inputs: {counted(len(modalities), 'input')} given; give those of two modalities or more")
    given = checked_inputs(inputs, modalities)
    if given.samples < 2:
        raise BadInputError(f"inputs: {counted(given.samples, 'sample')} given; give two or more")
    networks = list(predict) if isinstance(predict, Sequence) else [predict]
    if not networks:
        raise BadInputError("predict: an empty list; give one network or more")
    require_callable(networks[0], given.names)
    prepared = inference(networks[0], output=options.get("output"))
    header = _header(modalities, _categories(categories, task, prepared, given), task, simulated)
    truth = {} if labels is None else as_truth(Task(task), labels, given.samples, len(header.categories))
    samples = pd.DataFrame({"sample": np.arange(given.samples).astype(str)})
    folder = tempfile.TemporaryDirectory(prefix="mbias-")
    several = len(networks) > 1
    for seed, network in enumerate(networks):
        path = Path(folder.name) / (f"{name}-seed{seed}" if several else name)
        of_seed = dataclasses.replace(header, setting=name, seed=seed) if several else header
        writer = RunWriter.create(path, of_seed, with_groups(samples, groups), truth)
        how = {name: value for name, value in options.items() if name in ("batch", "autocast", "output")}
        writer.commit({}, {"p_joint": outputs_of(Run(path), network, given, **how)})
        probe(path, network, inputs, **options)
    return Diagnosis(open_study(folder.name), folder)


def _header(modalities: tuple[str, ...], categories: tuple[str, ...], task: str, simulated: bool) -> Header:
    return Header(
        modalities=modalities,
        categories=categories,
        losses=("loss",),
        joint_loss="loss",
        split="given",
        arrays={"p_joint": ("sample", "category")},
        software={"mbias": version("mbias")},
        task=task,
        simulated=simulated,
    )


def _categories(
    names: Sequence[str] | None, task: str, prepared: AbstractContextManager[Call], inputs: Inputs
) -> tuple[str, ...]:
    """The names of the categories, as many as the model has outputs; without names, they are numbered."""
    if task == Task.BINARY:
        return ("positive",) if names is None else checked_names("categories", names)
    with prepared as model:
        outputs = model(inputs.batch(np.arange(min(2, inputs.samples))))
    number = outputs.shape[1] if outputs.ndim == 2 else 1
    if task == Task.SINGLE_LABEL and number == 1:
        raise BadInputError(
            f"predict returned the shape {outputs.shape} for 2 samples; return a probability for each class, "
            f"(sample, class), or take the task 'binary'"
        )
    if names is not None:
        given = checked_names("categories", names)
        if len(given) != number:
            raise BadInputError(f"categories: {counted(len(given), 'name')} for {counted(number, 'output')} of predict")
        return given
    if task == Task.REGRESSION and number == 1:
        return ("target",)
    word = {Task.SINGLE_LABEL: "class", Task.REGRESSION: "target"}.get(Task(task), "category")
    first = 0 if task == Task.SINGLE_LABEL else 1
    return tuple(f"{word} {first + index}" for index in range(number))
