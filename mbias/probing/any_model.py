"""Probing any model: its outputs on the recorded samples, with each modality replaced."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np

from mbias.arguments import checked_names, shown
from mbias.errors import BadInputError
from mbias.passes import WHOLE, Pass, description
from mbias.probing.calling import inference, require_callable
from mbias.probing.coalitions import sets_in_between
from mbias.probing.draws import derangement, donors
from mbias.probing.inputs import Inputs, checked_inputs
from mbias.probing.stand_ins import checked_own
from mbias.records.probes import Probe, new_probe, read_probe
from mbias.records.run import Run
from mbias.tasks import Task, output_columns, output_fault, output_hint

STAND_INS = ("permuted", "swapped", "mean", "zero")
"""What can replace a modality of any model."""

TOLERANCE = 0.01
"""How far the model's outputs may be from the recorded ones."""


def probe(
    run: Run | str | os.PathLike[str],
    predict: Callable[..., Any],
    inputs: Mapping[str, Any],
    *,
    output: Callable[[Any], Any] | None = None,
    draws: int = 5,
    stand_ins: Iterable[str] = ("permuted",),
    own: Mapping[str, Mapping[str, Any]] | None = None,
    interactions: bool = False,
    batch: int = 256,
    seed: int = 0,
    epoch: int | str = "last",
    autocast: bool = False,
    progress: Callable[[int, int], object] | None = None,
) -> Probe:
    """Ask any model what it outputs when a modality is that of another sample, and record the outputs with its run.

    Afterwards, ``mbias.diagnosis(run)`` and ``mbias.reliance(run)`` say what the model depends on. An earlier probe is
    replaced. If anything fails, the run stays as it was. With ``draws`` D and M modalities, this takes 1 + D (M + 1)
    passes over the samples. The outputs of one pass are in memory at a time.

    Parameters
    ----------
    run
        The run that recorded the model, or its folder.
    predict
        The model, called as ``predict(**batch)`` with a batch of each input by its name. It returns the probabilities,
        or numbers, of the run's task (sample, category), as an array, a tensor or a list; of one category, (sample,)
        will do, and of two classes, two columns. A PyTorch module, or a method of one, is called in evaluation mode
        without gradients, with tensors on its device. In a function, call ``eval()`` on the modules that it uses.
    inputs
        By modality, one input: an array, a tensor, a table, or a list of anything, such as strings, indexed by sample
        in the order of the run. If a modality has several inputs, give these by name: ``{"visual": {"frames": x,
        "motion": y}}``. They are replaced together, by those of the same sample. A batch of an input has the type of
        the input; sequences become lists.
    output
        A function that turns what ``predict`` returns into probabilities or numbers, such as ``lambda logits:
        logits.softmax(-1)``. With it, a module that returns logits is still called as a module.
    draws
        Number of permutations, and of sets of donors.
    stand_ins
        What replaces a modality, one or more of ``permuted``, its inputs in another sample, on which verdicts rest;
        ``swapped``, those of a sample without a common label, for runs with labels; ``mean``, their mean over the given
        samples, and ``zero``, both for numeric arrays only. The training samples would give a better mean, which
        ``own`` takes. If the run has groups, the other sample is of another group.
    own
        Stand-ins of one's own by name, such as ``{"blank": {"image": black, "text": ""}}``: by modality, what replaces
        its input in every sample, as a value for one sample, or as a function that takes a batch of the input and
        returns one of the same size. Of a modality with several inputs, give each by its name.
    interactions
        Whether to replace more modalities than one together too, for Shapley values and the interaction of each pair:
        all sets of up to 6 modalities, a sample of them of 7 and 8.
    batch
        Number of samples in a call of ``predict``.
    seed
        Seed of the draws.
    epoch
        The epoch whose model ``predict`` is: a number, ``"last"`` or ``"best"``.
    autocast
        Whether to call a PyTorch model under automatic mixed precision.
    progress
        Called after every pass with the number of finished passes and that of all passes.

    Returns
    -------
    Probe
        The recorded probe.

    Raises
    ------
    BadInputError
        If an argument is wrong, ``predict`` does not return what the task asks for, or its outputs differ by more than
        0.01 (of numbers, of their standard deviation) from the recorded ``p_joint`` of the epoch, where the run has it,
        or from its outputs for the same samples in a smaller batch.

    Examples
    --------
    >>> run = mbias.Run("models/mine")
    >>> p = run.values("p_joint")  # here the model is a table: it looks up the recorded outputs of the audio
    >>> mbias.probe(run, lambda audio, visual: p[audio], {"audio": range(len(p)), "visual": range(len(p))}, draws=2)
    <Probe of mine: epoch 3; passes: 1 whole, 6 permuted>
    >>> mbias.diagnosis(run).loc[0, "verdict"]
    'uses audio alone'
    """
    run = run if isinstance(run, Run) else Run(run)
    commit = run.commit(epoch)
    _check_numbers(draws=(draws, 1), batch=(batch, 1), seed=(seed, 0))
    if progress is not None and not callable(progress):
        raise BadInputError(f"progress: {shown(progress)} cannot be called; give a function of two numbers, or None")
    names = _checked_stand_ins(run, stand_ins, allow_none=bool(own))
    given = checked_inputs(inputs, run.header.modalities, len(run.samples))
    require_callable(predict, given.names)
    replacements = checked_own(own, given)
    wanted = _passes(run, names, draws, sets_in_between(run.header.modalities, seed) if interactions else [])
    for name, by_modality in replacements.items():
        wanted += [Pass(name, of_set) for of_set in _own_sets(run.header.modalities, by_modality)]
    constants = {p: given.constant(p.baseline, p.replaced) for p in wanted if p.baseline in ("mean", "zero")}
    constants |= {p: given.with_own(replacements[p.baseline], p.replaced) for p in wanted if p.baseline in replacements}

    shapes = {of_pass: _shapes(run, of_pass, of_pass in constants) for of_pass in wanted}
    recorded = _recorded(run, commit.epoch)
    with (
        inference(predict, autocast, output) as model,
        new_probe(run, commit.epoch, shapes, draws=int(draws), seed=int(seed)) as write,
    ):
        for done, of_pass in enumerate(wanted, 1):
            rows = {} if of_pass in constants else _rows(run, of_pass, seed)
            # A sample without a donor keeps its own inputs; its output is not used.
            taken = {name: np.where(of_each < 0, np.arange(len(of_each)), of_each) for name, of_each in rows.items()}
            call = _Call(run, commit.epoch, of_pass, model, constants.get(of_pass, given).permuted(taken), batch)
            outputs = {"p_joint": call.outputs(recorded if of_pass == WHOLE else None)}
            if of_pass == WHOLE and recorded is None:
                call.require_repeatable(outputs["p_joint"])
            recorded = None
            if rows:
                columns = list(rows.values())
                outputs["donors"] = columns[0] if len(columns) == 1 else np.stack(columns, axis=1)
            write(of_pass, outputs)
            del outputs
            if progress is not None:
                progress(done, len(wanted))
    return read_probe(run)


def outputs_of(
    run: Run,
    predict: Callable[..., Any],
    inputs: Inputs,
    *,
    batch: int = 256,
    autocast: bool = False,
    output: Callable[[Any], Any] | None = None,
) -> np.ndarray:
    """The outputs of a model on the samples of a run, with nothing replaced.

    Parameters
    ----------
    run
        The run, which need not have an epoch.
    predict, batch, autocast, output
        As for `probe`.
    inputs
        The inputs of the model.

    Returns
    -------
    numpy.ndarray
        float32 (sample, category).

    Raises
    ------
    BadInputError
        If ``predict`` does not return what the task asks for, or not the same for the same samples.
    """
    _check_numbers(batch=(batch, 1))
    with inference(predict, autocast, output) as model:
        call = _Call(run, 0, WHOLE, model, inputs, batch)
        outputs = call.outputs(None)
        call.require_repeatable(outputs)
    return outputs


def _check_numbers(**numbers: tuple[object, int]) -> None:
    for name, (value, least) in numbers.items():
        if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
            raise BadInputError(f"{name}: {shown(value)} is not a whole number of {least} or more")


def _checked_stand_ins(run: Run, stand_ins: object, allow_none: bool) -> tuple[str, ...]:
    names = checked_names("stand_ins", stand_ins)
    if (not names and not allow_none) or set(names) - set(STAND_INS):
        wrong = next((repr(name) for name in names if name not in STAND_INS), "nothing")
        raise BadInputError(
            f"stand_ins: {wrong} given; take one or more of {', '.join(STAND_INS)}, and give those of your own in own"
        )
    if len(run.samples) < 2 and {"permuted", "swapped"} & set(names):
        raise BadInputError(f"{run.path}: has {len(run.samples)} sample, so no other one to take a modality from")
    if "swapped" in names and ("weak" not in run.truth or len(run.header.categories) < 2):
        raise BadInputError(
            f"{run.path}: 'swapped' needs labels and two or more categories, which the run lacks; leave it out"
        )
    return names


def _passes(run: Run, stand_ins: tuple[str, ...], draws: int, between: list[tuple[str, ...]]) -> list[Pass]:
    """The passes of a probe without stand-ins of one's own; the first one replaces nothing."""
    modalities = run.header.modalities
    single = [(modality,) for modality in modalities]
    passes = [WHOLE]
    for baseline in STAND_INS:
        if baseline in stand_ins:
            sets = single if baseline == "swapped" else [*single, *between * (baseline == "permuted"), modalities]
            drawn = 1 if baseline in ("mean", "zero") else draws
            passes += [Pass(baseline, names, draw) for draw in range(drawn) for names in sets]
    return passes


def _own_sets(modalities: tuple[str, ...], by_modality: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """The sets of modalities that a stand-in of one's own replaces: each one, and all if it has all of them."""
    sets: list[tuple[str, ...]] = [(modality,) for modality in modalities if modality in by_modality]
    return [*sets, modalities] if len(sets) == len(modalities) else sets


def _shapes(run: Run, of_pass: Pass, constant: bool) -> dict[str, tuple[int, ...]]:
    """The shapes of what a pass records."""
    samples, replaced = len(run.samples), len(of_pass.replaced)
    shapes: dict[str, tuple[int, ...]] = {"p_joint": (samples, len(run.header.categories))}
    if replaced and not constant:
        shapes["donors"] = (samples,) if replaced == 1 else (samples, replaced)
    return shapes


def _rows(run: Run, of_pass: Pass, seed: int) -> dict[str, np.ndarray]:
    """By modality, the row that each sample takes it from, the same whether others are replaced too or not."""
    swapped = of_pass.baseline == "swapped"
    rows = {}
    for modality in of_pass.replaced:
        rng = np.random.default_rng([seed, of_pass.draw, run.header.modalities.index(modality), swapped])
        if swapped:
            rows[modality] = donors(run.truth["weak"], rng, run.groups)
        else:
            rows[modality] = derangement(len(run.samples), rng, run.groups)
    return rows


@dataclass(frozen=True)
class _Call:
    """A pass of a model over the samples of a run, with inputs that are already replaced."""

    run: Run
    epoch: int
    of_pass: Pass
    model: Callable[[Mapping[str, Any]], np.ndarray]
    inputs: Inputs
    batch: int

    def outputs(self, recorded: np.ndarray | None) -> np.ndarray:
        """The outputs, float32 (sample, category); they take the place of the recorded ones, which they must equal."""
        samples, categories = len(self.run.samples), len(self.run.header.categories)
        outputs = np.empty((samples, categories), dtype=np.float32) if recorded is None else recorded
        spread = 1.0 if recorded is None or self.run.task != Task.REGRESSION else float(recorded.std()) or 1.0
        for start in range(0, samples, self.batch):
            rows = np.arange(start, min(start + self.batch, samples))
            values = self._values(rows, categories)
            if recorded is not None:
                self._require_recorded(rows, np.abs(values - recorded[rows]).max(axis=1) / spread)
            outputs[rows] = values
        return outputs

    def require_repeatable(self, outputs: np.ndarray) -> None:
        """Refuse a model whose outputs for the same samples differ from call to call, as with dropout.

        The change that this causes would be taken for one that every modality causes.
        """
        # Half of a batch, so that a model that normalises over a batch is found too.
        rows = np.arange(max(min(len(outputs), self.batch) // 2, 1))
        spread = float(outputs.std()) or 1.0 if self.run.task == Task.REGRESSION else 1.0
        distance = np.abs(self._values(rows, outputs.shape[1]) - outputs[rows]).max() / spread
        if distance > TOLERANCE:
            raise BadInputError(
                f"predict returned other outputs, by up to {distance:.2g}, when it was called again with the same "
                f"samples; call eval() on the modules that it uses, and let it depend on neither chance nor the batch"
            )

    def _values(self, rows: np.ndarray, categories: int) -> np.ndarray:
        returned = self.model(self.inputs.batch(rows))
        values = output_columns(self.run.task, returned, categories)
        if values.shape != (len(rows), categories):
            raise BadInputError(
                f"predict returned the shape {returned.shape} for a batch of {len(rows)}; return one output per "
                f"sample and category, {len(rows)} x {categories}"
            )
        # p_wsl of HAN can be as large as the number of its modalities.
        if fault := output_fault(self.run.task, values, len(self.run.header.modalities)):
            where = f"in the pass {description(self.of_pass)}"
            hint = f"{output_hint(self.run.task)}, in predict or by output="
            raise BadInputError(f"predict: its output {where} {fault}; {hint}")
        return values

    def _require_recorded(self, rows: np.ndarray, distances: np.ndarray) -> None:
        if distances.max() > TOLERANCE:
            sample = self.run.samples.iloc[int(rows[distances.argmax()]), 0]
            raise BadInputError(
                f"{self.run.path}: predict differs from the recorded p_joint of epoch {self.epoch} by up to "
                f"{distances.max():.2g} (sample {sample!r}); give the model of that epoch, and its inputs in the order "
                f"of the recorded samples"
            )


def _recorded(run: Run, epoch: int) -> np.ndarray | None:
    """The recorded outputs of an epoch, (sample, category); None where it does not hold them."""
    dimensions = (run.header.sample, "category")
    if "p_joint" not in run.commit(epoch).arrays or set(run.header.arrays["p_joint"]) != set(dimensions):
        return None
    return np.ascontiguousarray(run.values("p_joint", epoch, ("sample", "category")))
