"""Probing a trained network: the recorded split again and again, with a modality replaced."""

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
from mbias.records.probes import WHOLE, Pass, write_probe
from mbias.records.run import Run
from mbias.terms import Control, Modality, Split, Variant
from mbias.training.data import Data, Videos
from mbias.training.outputs import autocast, outputs

STREAMS = {Modality.AUDIO: ("audio",), Modality.VISUAL: ("frames", "motion")}
"""The features of each modality."""

AGREEING = 0.02
"""How far the network's outputs may be from the recorded ones: processors round bfloat16 each in its own way."""

_TRIES = 100

Replaced = Mapping[str, Tensor]
"""Features by stream, for as many videos, that stand in for the true ones."""


def passes(variant: Variant, draws: int) -> list[Pass]:
    """The passes of a probe: 7 + 5 ``draws``, and one for each direction of cross-attention."""
    audio, visual = (str(Modality.AUDIO),), (str(Modality.VISUAL),)
    each, all_ = (audio, visual), (audio, visual, audio + visual)
    attended = [visual] * variant.audio_cross + [audio] * variant.visual_cross
    return [
        WHOLE,
        *(Pass(baseline, replaced) for baseline in ("mean", "zero") for replaced in all_),
        *(Pass("permuted", replaced, draw) for draw in range(draws) for replaced in all_),
        *(Pass("swapped", replaced, draw) for draw in range(draws) for replaced in each),
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
    """Probe a run trained here, and keep the outputs with its record.

    It costs a forward pass over the recorded split for each of `passes`, and 2.5 MB of disk for most of them at 1,200
    videos.

    Parameters
    ----------
    data
        What the run was trained on; the recorded split is probed, the training split's means stand in.
    dtype
        The type it was trained in.
    epoch
        Whose weights: ``best``, those of the model kept, or ``last``.
    draws
        How often what is drawn is drawn: permutations and donors.
    seed
        Of these draws.
    on_pass
        Called after every pass.

    Raises
    ------
    BadInputError
        If the run was not trained here or on other data, its weights are missing, or they do not give the recorded
        outputs.
    """
    split = _split(run, data)
    videos = data.videos[split]
    model = _network(run, epoch).to(videos.labels.device)
    means = _means(data.videos[Split.TRAIN], len(videos))
    results: dict[Pass, dict[str, np.ndarray]] = {}
    for one in passes(model.variant, draws):
        stand_ins, donors = _stand_ins(one, videos, means, seed)
        with _replaced_in_cross_attention(model, one, stand_ins, dtype) as taken:
            arrays = outputs(model, _with(videos, {} if taken else stand_ins), dtype)
        if one == WHOLE:
            _check_outputs(run, epoch, arrays)
        kept = ("p_joint",) if one.baseline == "swapped" else ("p", "p_joint")
        results[one] = {name: arrays[name] for name in kept} | ({} if donors is None else {"donors": donors})
        on_pass(one)
    write_probe(run, epoch, results, draws=draws, seed=seed)


def check_trained_here(run: Run) -> None:
    """Raise where the network of a run is not known here."""
    if run.header.training is None or run.variant not in set(Variant):
        raise BadInputError(
            f"{run.path}: not trained here, so its network is not known; give its outputs to write_probe"
        )


def _split(run: Run, data: Data) -> Split:
    check_trained_here(run)
    if run.header.data != data.fingerprint:
        raise BadInputError(f"{run.path}: trained on other data; give its data with --data")
    return Split(run.header.split)


def _network(run: Run, epoch: str) -> HAN:
    path = run.path / "checkpoints" / f"{epoch}.safetensors"
    if not path.exists():
        raise BadInputError(f"{path}: there are no weights; train the run to its end, or take another --epoch")
    model = HAN(Variant.parse(str(run.variant)))
    model.uniform = run.control == Control.UNIFORM
    try:
        model.load_state_dict(load_file(path))
    except Exception as error:
        reason = str(error).strip().splitlines()[0]
        raise BadInputError(f"{path}: not the network's weights ({reason}); train the run again") from None
    return model


def _check_outputs(run: Run, epoch: str, arrays: Mapping[str, np.ndarray]) -> None:
    distance = float(np.abs(arrays["p_joint"] - run.values("p_joint", epoch)).max())
    if not distance <= AGREEING:
        raise BadInputError(
            f"{run.path}: the weights of epoch {epoch!r} give p_wsl {distance:.2g} off the recorded one; "
            f"train the run again"
        )


def _means(train: Videos, size: int) -> Replaced:
    """The training split's mean of every feature, for ``size`` videos."""
    streams = [name for names in STREAMS.values() for name in names]
    means = {name: getattr(train, name).float().mean(dim=(0, 1)).to(getattr(train, name).dtype) for name in streams}
    return {name: mean.expand(size, getattr(train, name).shape[1], -1) for name, mean in means.items()}


def _stand_ins(one: Pass, videos: Videos, means: Replaced, seed: int) -> tuple[Replaced, np.ndarray | None]:
    """What stands in for the replaced modalities, and the rows it came from where it is drawn."""
    names = [name for modality in one.replaced for name in STREAMS[Modality(modality)]]
    if one.baseline in ("", "mean", "cross"):
        return {name: means[name] for name in names}, None
    if one.baseline == "zero":
        return {name: torch.zeros_like(means[name]) for name in names}, None
    labels = videos.labels.cpu().numpy() > 0
    rows = {}
    for modality in one.replaced:
        # Each modality has draws of its own, so that with both replaced they come from different videos.
        rng = np.random.default_rng(
            [seed, one.draw, list(Modality).index(Modality(modality)), one.baseline == "swapped"]
        )
        rows[modality] = donors(labels, rng) if one.baseline == "swapped" else derangement(len(labels), rng)
    taken = {
        name: getattr(videos, name)[torch.from_numpy(np.maximum(rows[modality], 0)).to(videos.labels.device)]
        for modality in one.replaced
        for name in STREAMS[Modality(modality)]
    }
    return taken, rows[one.replaced[0]] if len(rows) == 1 else None


def derangement(size: int, rng: np.random.Generator) -> np.ndarray:
    """A permutation in which nothing keeps its place (where there are two or more)."""
    order = rng.permutation(size)
    moved = np.empty(size, dtype=np.int64)
    # One cycle through all of them.
    moved[order] = np.roll(order, 1)
    return moved


def donors(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """For each sample another one that has labels and shares none with it, at random; -1 where none was found.

    Parameters
    ----------
    labels
        bool (sample, category).
    """
    rows = np.full(len(labels), -1, dtype=np.int64)
    for _ in range(_TRIES):
        open_ = np.flatnonzero(rows < 0)
        drawn = rng.integers(len(labels), size=len(open_))
        fits = labels[drawn].any(axis=1) & ~(labels[drawn] & labels[open_]).any(axis=1)
        rows[open_[fits]] = drawn[fits]
    return rows


def _with(videos: Videos, stand_ins: Replaced) -> Videos:
    return dataclasses.replace(videos, **stand_ins)


@contextmanager
def _replaced_in_cross_attention(model: HAN, one: Pass, stand_ins: Replaced, dtype: torch.dtype) -> Iterator[bool]:
    """Where the pass is one of cross-attention alone, let the other modality attend to what stands in; whether so.

    All else sees the true features: what stands in goes through the network's first layers, and takes the true
    features' place where they are attended to from the other side.
    """
    if one.baseline != "cross":
        yield False
        return
    replaced = list(Modality).index(Modality(one.replaced[0]))
    attended = _first_layers(model, stand_ins, dtype)
    plain = model.layer.cross_attention

    def cross_attention(f: Tensor) -> Tensor:
        mixed = f.clone()
        mixed[replaced] = attended.to(f.dtype).expand_as(f[replaced])
        taken = plain(f).clone()
        taken[1 - replaced] = plain(mixed)[1 - replaced]
        return taken

    model.layer.cross_attention = cross_attention  # type: ignore[method-assign]
    try:
        yield True
    finally:
        del model.layer.cross_attention


def _first_layers(model: HAN, stand_ins: Replaced, dtype: torch.dtype) -> Tensor:
    """The features f of one video's stand-ins, (1, segment, width)."""
    one = {name: values[:1] for name, values in stand_ins.items()}
    with torch.inference_mode(), autocast(next(iter(one.values())).device, dtype):
        if "audio" in one:
            return model.fc_a(one["audio"])
        return model.fc_fusion(torch.cat([model.fc_v(one["frames"]), model.fc_st(one["motion"])], dim=-1))
