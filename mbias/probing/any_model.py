"""Probing any model: its outputs on the recorded samples, with each modality replaced."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from numbers import Integral
from typing import Any

import numpy as np

from mbias.arguments import checked_names, shown
from mbias.errors import BadInputError
from mbias.probing.calling import inference, require_callable
from mbias.probing.draws import derangement, donors
from mbias.probing.inputs import Inputs, checked_inputs
from mbias.records.probes import WHOLE, Pass, Probe, description, read_probe, write_probe
from mbias.records.run import Run

STAND_INS = ("permuted", "swapped", "mean", "zero")
"""What can replace a modality of any model."""

TOLERANCE = 0.01
"""How far the model's outputs may be from the recorded ones."""


def probe(
    run: Run | str | os.PathLike[str],
    predict: Callable[..., Any],
    inputs: Mapping[str, Any],
    *,
    draws: int = 5,
    stand_ins: Iterable[str] = ("permuted",),
    batch: int = 256,
    seed: int = 0,
    epoch: int | str = "last",
    progress: Callable[[int, int], object] | None = None,
) -> Probe:
    """Ask any model what it outputs when a modality is that of another sample, and record the outputs with its run.

    Afterwards, ``mbias.diagnosis(run)`` and ``mbias.reliance(run)`` say what the model depends on. An earlier probe is
    replaced. If anything fails, the run stays as it was. With ``draws`` D and M modalities, this takes 1 + D (M + 1)
    passes over the samples.

    Parameters
    ----------
    run
        The run that recorded the model, or its folder.
    predict
        The model, called as ``predict(**batch)`` with a batch of each input by its name. It returns probabilities
        (sample, category), or (sample,) if the run has one category, as an array, a tensor or a list. A PyTorch module,
        or a method of one, is called in evaluation mode without gradients, with tensors on its device. In a function,
        call ``eval()`` on the modules that it uses.
    inputs
        By modality, one input: an array, a tensor, a table, or a list of anything, such as strings, indexed by sample
        in the order of the run. If a modality has several inputs, give these by name: ``{"visual": {"frames": x,
        "motion": y}}``. They are replaced together, by those of the same sample. A batch of an input has the type of
        the input; sequences become lists.
    draws
        Number of permutations, and of sets of donors.
    stand_ins
        What replaces a modality, one or more of ``permuted``, its inputs in another sample, on which verdicts rest;
        ``swapped``, those of a sample without a common label, for runs with labels; ``mean``, their mean over the given
        samples, and ``zero``, both for numeric arrays only. The training samples would give a better mean, which
        `write_probe` records. If the run has groups, the other sample is of another group.
    batch
        Number of samples in a call of ``predict``.
    seed
        Seed of the draws.
    epoch
        The epoch whose model ``predict`` is: a number, ``"last"`` or ``"best"``.
    progress
        Called after every pass with the number of finished passes and that of all passes.

    Returns
    -------
    Probe
        The recorded probe.

    Raises
    ------
    BadInputError
        If an argument is wrong, ``predict`` does not return probabilities, or its outputs differ by more than 0.01
        from the recorded ``p_joint`` of the epoch, where the run has it.

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
    wanted = _passes(run, _checked_stand_ins(run, stand_ins), draws)
    given = checked_inputs(run, inputs)
    require_callable(predict, given.names)
    replaced = {of_pass: given.constant(of_pass.baseline, of_pass.replaced) for of_pass in wanted if _constant(of_pass)}

    outputs: dict[Pass, dict[str, np.ndarray]] = {}
    with inference(predict) as model:
        for done, of_pass in enumerate(wanted, 1):
            rows = {} if of_pass in replaced else _rows(run, of_pass, seed)
            # A sample without a donor keeps its own inputs; its output is not used.
            taken = {name: np.where(of_each < 0, np.arange(len(of_each)), of_each) for name, of_each in rows.items()}
            p_joint = _outputs(run, of_pass, model, replaced.get(of_pass, given).permuted(taken), batch)
            outputs[of_pass] = {"p_joint": p_joint}
            if rows:
                columns = list(rows.values())
                outputs[of_pass]["donors"] = columns[0] if len(columns) == 1 else np.stack(columns, axis=1)
            if of_pass == WHOLE:
                _require_recorded(run, commit.epoch, p_joint)
            if progress is not None:
                progress(done, len(wanted))
    write_probe(run, commit.epoch, outputs, draws=int(draws), seed=int(seed))
    return read_probe(run)


def _check_numbers(**numbers: tuple[object, int]) -> None:
    for name, (value, least) in numbers.items():
        if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
            raise BadInputError(f"{name}: {shown(value)} is not a whole number of {least} or more")


def _checked_stand_ins(run: Run, stand_ins: object) -> tuple[str, ...]:
    names = checked_names("stand_ins", stand_ins)
    if not names or set(names) - set(STAND_INS):
        wrong = next((repr(name) for name in names if name not in STAND_INS), "nothing")
        raise BadInputError(f"stand_ins: {wrong} given; take one or more of {', '.join(STAND_INS)}")
    if len(run.samples) < 2 and {"permuted", "swapped"} & set(names):
        raise BadInputError(f"{run.path}: has {len(run.samples)} sample, so no other one to take a modality from")
    if "swapped" in names and ("weak" not in run.truth or len(run.header.categories) < 2):
        raise BadInputError(
            f"{run.path}: 'swapped' needs labels and two or more categories, which the run lacks; leave it out"
        )
    return names


def _passes(run: Run, stand_ins: tuple[str, ...], draws: int) -> list[Pass]:
    """The passes of a probe; the first one replaces nothing."""
    modalities = run.header.modalities
    single = [(modality,) for modality in modalities]
    passes = [WHOLE]
    for baseline in STAND_INS:
        if baseline in stand_ins:
            sets = single if baseline == "swapped" else [*single, modalities]
            drawn = 1 if baseline in ("mean", "zero") else draws
            passes += [Pass(baseline, names, draw) for draw in range(drawn) for names in sets]
    return passes


def _constant(of_pass: Pass) -> bool:
    return of_pass.baseline in ("mean", "zero")


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


def _outputs(
    run: Run, of_pass: Pass, model: Callable[[Mapping[str, Any]], np.ndarray], inputs: Inputs, batch: int
) -> np.ndarray:
    """The probabilities of a pass, float32 (sample, category)."""
    samples, categories = len(run.samples), len(run.header.categories)
    outputs = np.empty((samples, categories), dtype=np.float32)
    # As large as `write_probe` accepts: a HAN's output can be the number of its modalities.
    highest = len(run.header.modalities)
    for start in range(0, samples, batch):
        rows = np.arange(start, min(start + batch, samples))
        values = model(inputs.batch(rows))
        if values.shape == (len(rows),) and categories == 1:
            values = values[:, None]
        if values.shape != (len(rows), categories):
            raise BadInputError(
                f"predict returned the shape {values.shape} for a batch of {len(rows)}; "
                f"return one probability per sample and category, {len(rows)} x {categories}"
            )
        if np.isnan(values).any():
            raise BadInputError(f"predict returned NaN in the pass {description(of_pass)}; return probabilities")
        if not ((values >= -0.01) & (values <= highest + 0.01)).all():
            raise BadInputError(
                f"predict returned {values.min():.3g} to {values.max():.3g} in the pass {description(of_pass)}; "
                f"return probabilities, for example torch.sigmoid(logits)"
            )
        outputs[rows] = values
    return outputs


def _require_recorded(run: Run, epoch: int, p_joint: np.ndarray) -> None:
    """Check that the model is the recorded one, and the inputs are in the order of the samples, if that is recorded."""
    if "p_joint" not in run.commit(epoch).arrays or set(run.header.arrays["p_joint"]) != {
        run.header.sample,
        "category",
    }:
        return
    distances = np.abs(p_joint - run.values("p_joint", epoch, ("sample", "category"))).max(axis=1)
    if distances.max() > TOLERANCE:
        sample = run.samples.iloc[int(distances.argmax()), 0]
        raise BadInputError(
            f"{run.path}: predict differs from the recorded p_joint of epoch {epoch} by up to {distances.max():.2g} "
            f"(sample {sample!r}); give the model of that epoch, and its inputs in the order of the recorded samples"
        )
