"""Probing a trained HAN: its outputs on the recorded split, with a modality replaced."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor

from mbias.errors import BadInputError
from mbias.han.network import HAN
from mbias.llp.streams.recorded import streams_from_json
from mbias.llp.streams.stream import Streams, mismatch, widths
from mbias.passes import WHOLE, Pass
from mbias.probing.draws import derangement, donors
from mbias.records.probes import write_probe
from mbias.records.run import Run
from mbias.terms import Control, Modality, Split, Variant
from mbias.training.data import Data, Videos
from mbias.training.mitigating import make
from mbias.training.mitigation_choice import MitigationChoice
from mbias.training.outputs import autocast, outputs

TOLERANCE = 0.02
"""How far the network's outputs may be from the recorded ones, because processors round bfloat16 differently."""

Replacements = Mapping[str, Tensor]
"""Features by stream that replace the true ones, one row per video."""


def passes(variant: Variant, draws: int) -> list[Pass]:
    """List the passes of a probe: 7 + 5 ``draws``, and one for each direction of cross-attention.

    Parameters
    ----------
    variant
        The variant of the network.
    draws
        Number of permutations, and of sets of donors.

    Returns
    -------
    list of Pass
        The passes; the first one replaces nothing.

    Examples
    --------
    >>> len(passes(Variant.ASELF_VSELF, draws=5)), len(passes(Variant.ACROSS_VCROSS, draws=5))
    (32, 34)
    """
    audio, visual = (str(Modality.AUDIO),), (str(Modality.VISUAL),)
    single, both = (audio, visual), (audio, visual, audio + visual)
    attended = [visual] * variant.audio_cross + [audio] * variant.visual_cross
    return [
        WHOLE,
        *(Pass(baseline, replaced) for baseline in ("mean", "zero") for replaced in both),
        *(Pass("permuted", replaced, draw) for draw in range(draws) for replaced in both),
        *(Pass("swapped", replaced, draw) for draw in range(draws) for replaced in single),
        *(Pass("cross", replaced) for replaced in attended),
    ]


def probe(
    run: Run,
    data: Data,
    dtype: torch.dtype,
    epoch: str = "best",
    draws: int = 5,
    seed: int = 0,
    on_pass: Callable[[Pass], object] = lambda _: None,
) -> None:
    """Probe a run that was trained here, and keep the outputs with its record.

    Each of the `passes` is one forward pass over the recorded split. Most of them need 2.5 MB of disk space for 1,200
    videos. If the run has groups (`Run.groups`), a modality comes from a video of another group.

    Parameters
    ----------
    run
        The run.
    data
        The data it was trained on. The recorded split is probed; the baseline ``mean`` is the training split's.
    dtype
        The type in which it was computed.
    epoch
        Which weights to probe: ``best``, those of the best epoch, or ``last``.
    draws
        Number of permutations, and of sets of donors.
    seed
        Seed of these draws.
    on_pass
        Called after every pass.

    Raises
    ------
    BadInputError
        If the run was not trained here or was trained on other data, its weights are missing, or they do not reproduce
        the recorded outputs.
    """
    split = _split(run, data)
    videos = data.videos[split]
    model = _network(run, epoch, data.streams).to(videos.labels.device)
    means = _means(data.videos[Split.TRAIN], len(videos))
    results: dict[Pass, dict[str, np.ndarray]] = {}
    for current in passes(model.variant, draws):
        replacements, rows = _replacements(current, videos, model.streams, means, seed, run.groups)
        with _replaced_in_cross_attention(model, current, replacements, dtype) as inside:
            features = videos.features if inside else {**videos.features, **replacements}
            arrays = outputs(model, dataclasses.replace(videos, features=features), dtype)
        if current == WHOLE:
            _check_outputs(run, epoch, arrays)
        kept = ("p_joint",) if current.baseline == "swapped" else ("p", "p_joint")
        results[current] = {name: arrays[name] for name in kept} | ({} if rows is None else {"donors": rows})
        on_pass(current)
    write_probe(run, epoch, results, draws=draws, seed=seed)


def require_trained_here(run: Run) -> None:
    """Check that the network of a run is known.

    Parameters
    ----------
    run
        The run.

    Raises
    ------
    BadInputError
        If it was not trained here.
    """
    if run.header.training is None or run.variant not in set(Variant):
        raise BadInputError(
            f"{run.path}: not trained here, so its network is unknown; call mbias.probe with the model, or "
            f"record its outputs with mbias.write_probe"
        )


def _split(run: Run, data: Data) -> Split:
    require_trained_here(run)
    recorded = streams_from_json(run.header.training or {}, run.path / "run.json")
    unfit = mismatch(data.streams, widths(recorded), "this run")
    if unfit:
        raise BadInputError(f"{run.path}: {unfit}; give the data it was trained on (--data DIR)")
    if run.header.data != data.fingerprint:
        raise BadInputError(f"{run.path}: trained on other data; give the data it was trained on (--data DIR)")
    return Split(run.header.split)


def _network(run: Run, epoch: str, streams: Streams) -> HAN:
    path = run.path / "checkpoints" / f"{epoch}.safetensors"
    if not path.exists():
        raise BadInputError(f"{path}: there are no weights; train the run to its end, or choose another epoch")
    model = HAN(Variant.parse(str(run.variant)), streams)
    model.uniform = run.control == Control.UNIFORM
    if run.mitigation is not None:
        # A mitigation of the attention is part of the network.
        model.reweight = make(MitigationChoice.parse(run.mitigation), model).attention
    try:
        model.load_state_dict(load_file(path))
    except Exception as error:
        reason = str(error).strip().splitlines()[0]
        raise BadInputError(f"{path}: not the network's weights ({reason}); train the run again") from None
    return model


def _check_outputs(run: Run, epoch: str, arrays: Mapping[str, np.ndarray]) -> None:
    distance = float(np.abs(arrays["p_joint"] - run.values("p_joint", epoch)).max())
    if not distance <= TOLERANCE:
        raise BadInputError(
            f"{run.path}: with the weights of epoch {epoch!r}, p_wsl differs from the recorded one by {distance:.2g}; "
            f"train the run again"
        )


def _means(train: Videos, size: int) -> Replacements:
    """Return the training split's mean of every feature, repeated for ``size`` videos."""
    means = {name: values.float().mean(dim=(0, 1)).to(values.dtype) for name, values in train.features.items()}
    return {name: mean.expand(size, train.features[name].shape[1], -1) for name, mean in means.items()}


def _names(streams: Streams, modality: str) -> list[str]:
    return [stream.name for stream in streams if stream.modality == modality]


def _replacements(
    current: Pass, videos: Videos, streams: Streams, means: Replacements, seed: int, groups: np.ndarray | None
) -> tuple[Replacements, np.ndarray | None]:
    """Return what replaces the features of a pass, and the rows that it was drawn from, as `Probe.values` has them."""
    names = [name for modality in current.replaced for name in _names(streams, modality)]
    if current.baseline in ("", "mean", "cross"):
        return {name: means[name] for name in names}, None
    if current.baseline == "zero":
        return {name: torch.zeros_like(means[name]) for name in names}, None
    labels = videos.labels.cpu().numpy() > 0
    swapped = current.baseline == "swapped"
    rows = {}
    for modality in current.replaced:
        # Each modality has its own draws: when both are replaced, they come from different videos.
        rng = np.random.default_rng([seed, current.draw, list(Modality).index(Modality(modality)), swapped])
        rows[modality] = donors(labels, rng, groups) if swapped else derangement(len(labels), rng, groups)
    drawn = {
        name: videos.features[name][torch.from_numpy(np.maximum(rows[modality], 0)).to(videos.labels.device)]
        for modality in current.replaced
        for name in _names(streams, modality)
    }
    of_each = list(rows.values())
    return drawn, of_each[0] if len(of_each) == 1 else np.stack(of_each, axis=1)


@contextmanager
def _replaced_in_cross_attention(
    model: HAN, current: Pass, replacements: Replacements, dtype: torch.dtype
) -> Iterator[bool]:
    """In a pass of cross-attention, let the other modality attend to the replacements; yield whether it is one.

    The rest of the network sees the true features. The replacements pass through the network's first layers, and are
    used only where the other modality attends to them.
    """
    if current.baseline != "cross":
        yield False
        return
    modality = Modality(current.replaced[0])
    replaced = list(Modality).index(modality)
    attended = _first_layers(model, modality, replacements, dtype)
    unchanged = model.layer.cross_attention

    def cross_attention(f: Tensor) -> Tensor:
        mixed = f.clone()
        mixed[replaced] = attended.to(f.dtype).expand_as(f[replaced])
        result = unchanged(f).clone()
        result[1 - replaced] = unchanged(mixed)[1 - replaced]
        return result

    model.layer.cross_attention = cross_attention  # type: ignore[method-assign]
    try:
        yield True
    finally:
        del model.layer.cross_attention


def _first_layers(model: HAN, modality: Modality, replacements: Replacements, dtype: torch.dtype) -> Tensor:
    """Return the features f of the replacements of one video, shape (1, segment, width)."""
    first = [values[:1] for values in replacements.values()]
    with torch.inference_mode(), autocast(first[0].device, dtype):
        return model.project(modality, first)
