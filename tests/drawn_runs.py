"""Small run records made of drawn arrays: what a reader of runs is tested on."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd
from safetensors.numpy import load, save

from mbias.analysis.settings import smoothing_kind
from mbias.passes import WHOLE, Pass
from mbias.records.header import Header
from mbias.records.probes import write_probe
from mbias.records.run import Run
from mbias.records.writer import RunWriter
from mbias.terms import CATEGORIES, SEGMENTS, Smoothing

PULL = {"no_ls": -0.5, "ls_a": -6.0, "ls_v": 6.0, "ls_av": -2.0}
"""Where the attention of a smoothing setting ends: a logit, positive toward audio."""

AT_02 = {"no_ls": "no_ls", "ls_a": "ls_a0.2", "ls_v": "ls_v0.2", "ls_av": "ls_a0.2_v0.2"}
"""The four smoothings at delta 0.2."""

TABLE = [(variant, "ls_v") for variant in ("aself_vself", "aself_vcross", "across_vself", "across_vcross")] + [
    (variant, smoothing) for variant in ("across_vself", "across_vcross") for smoothing in ("no_ls", "ls_a", "ls_av")
]
"""The ten runs of the paper's two tables."""

DRAWN_PASSES = (
    WHOLE,
    *(
        Pass(baseline, replaced)
        for baseline in ("mean", "zero", "permuted")
        for replaced in (("audio",), ("visual",), ("audio", "visual"))
    ),
    *(Pass(baseline, replaced) for baseline in ("swapped", "cross") for replaced in (("audio",), ("visual",))),
)


def draw_study(folder: Path, settings=TABLE, seeds=(0,), **options) -> Path:
    """A folder with a drawn run for every setting and seed."""
    for variant, smoothing in settings:
        for seed in seeds:
            draw_run(folder / f"{variant}-{smoothing}-{seed}", variant, smoothing, seed, **options)
    return folder


def draw_mitigated(folder: Path, seeds=(0, 1), **options) -> Path:
    """A folder with a drawn run without a mitigation and one with OGM-GE for every seed."""
    for seed in seeds:
        for name in (None, "ogm_ge"):
            draw_run(folder / f"{name}-{seed}", seed=seed, mitigation=name, **options)
    return folder


def draw_run(
    path: Path,
    variant: str = "across_vcross",
    smoothing: str = "ls_v",
    seed: int = 0,
    videos: int = 8,
    epochs: int = 3,
    categories: int = 5,
    external: bool = False,
    modalities: tuple[str, ...] = ("audio", "visual"),
    names: tuple[str, ...] | None = None,
    probe: bool = True,
    mitigation: str | None = None,
    seconds: float = 1.0,
) -> Path:
    """A run whose arrays are drawn and whose losses follow from them; the last epoch is the best.

    ``external`` leaves out what only a run trained here has: the training, hard losses, floors, scores and the probe;
    ``probe=False`` the probe alone.
    """
    names = names or CATEGORIES[:categories]
    rng = np.random.default_rng([seed, *f"{variant} {smoothing}{mitigation or ''}".encode()])
    # The same samples whatever was trained on them.
    truth = _truth(np.random.default_rng(videos), videos, len(names), modalities)
    dimensions = ("video", "segment", "modality", "category")
    header = Header(
        modalities=modalities,
        categories=names,
        losses=(*modalities, "wsl"),
        joint_loss="wsl",
        split="test",
        arrays={"wav": dimensions, "wtp": dimensions, "p": dimensions, "p_joint": ("video", "category")},
        sample="video",
        simulated=not external,
        training=None if external else _training(variant, smoothing, seed, epochs) | _mitigated(mitigation),
    )
    writer = RunWriter.create(path, header, pd.DataFrame({"video": [f"v{i:04d}" for i in range(videos)]}), truth)
    pulls = PULL.get(smoothing_kind(smoothing) or "", 0.0) + rng.normal(0, 1.2, len(names))
    for epoch in range(1, epochs + 1):
        progress = epoch / epochs
        arrays = _arrays(rng, truth, pulls * progress, progress, modalities)
        losses = _losses(arrays, truth["weak"], None if external else Smoothing.parse(smoothing), modalities)
        last = epoch == epochs
        writer.commit(
            losses,
            arrays if last else {"wav": arrays["wav"]},
            scores=None if external else {"val": _scores(rng, variant), "test": _scores(rng, variant)},
            best=last,
            learning_rate=3e-4,
            seconds=seconds,
        )
    if probe and not external:
        _draw_probe(rng, path, truth, arrays)
    return path


def draw_external_probe(path: Path) -> Path:
    """An external run of two modalities whose probe has the passes of the mean baseline only, with p_joint alone."""
    draw_run(path, external=True, videos=40, categories=3)
    run = Run(path)
    joint = run.values("p_joint")
    kept = {(): 1.0, ("audio",): 0.8, ("visual",): 0.4, ("audio", "visual"): 0.1}
    outputs = {Pass("mean" if names else "", names): {"p_joint": share * joint} for names, share in kept.items()}
    write_probe(run, "last", outputs)
    return path


def fill_probe_with_nan(run: Path, name: str = "p_joint") -> Path:
    """Fill an output of a probe's passes of the baselines mean and permuted with NaN; size and digest stay right.

    Returns the folder of the probe, which an error must name.
    """
    index, outputs = run / "probe" / "probe.json", run / "probe" / "outputs.safetensors"
    content, arrays = json.loads(index.read_text()), load(outputs.read_bytes())
    for number, of_pass in enumerate(content["passes"]):
        if of_pass["base"] in ("mean", "permuted") and f"{number}.{name}" in arrays:
            arrays[f"{number}.{name}"] = np.full_like(arrays[f"{number}.{name}"], np.nan)
    damaged = save(arrays)
    assert len(damaged) == content["bytes"]
    outputs.write_bytes(damaged)
    index.write_text(json.dumps({**content, "sha256": hashlib.sha256(damaged).hexdigest()}))
    return run / "probe"


def cut_shard(run: Path, epoch: int = 2) -> Path:
    """Cut the shard of an epoch short, and return its path."""
    shard = run / "epochs" / f"{epoch:04d}.safetensors"
    shard.write_bytes(shard.read_bytes()[:-10])
    return shard


def _draw_probe(rng, path, truth, arrays):
    """A probe whose answers fade as modalities are replaced, the visual one's more."""
    weak = truth["weak"]
    without_audio, without_visual = 0.8 + rng.normal(0, 0.05), 0.4 + rng.normal(0, 0.05)
    kept = {(): 1.0, ("audio",): without_audio, ("visual",): without_visual, ("audio", "visual"): 0.1}
    outputs = {}
    for drawn_pass in DRAWN_PASSES:
        drawn = {
            "p": np.clip(arrays["p"] * kept[drawn_pass.replaced] + rng.normal(0, 0.02, arrays["p"].shape), 0, 1),
            "p_joint": np.clip(arrays["p_joint"] * kept[drawn_pass.replaced] + rng.uniform(0, 0.02, weak.shape), 0, 1),
        }
        outputs[drawn_pass] = drawn | _donors(drawn_pass, len(weak))
    outputs[WHOLE] = {"p": arrays["p"], "p_joint": arrays["p_joint"]}
    write_probe(Run(path), "last", outputs)


def _donors(drawn_pass, samples):
    """Each modality from a sample of its own, where the pass has donors."""
    if drawn_pass.baseline not in ("permuted", "swapped"):
        return {}
    rows = np.stack([np.roll(np.arange(samples), 1 + m) for m in range(len(drawn_pass.replaced))], axis=-1)
    return {"donors": rows if len(drawn_pass.replaced) > 1 else rows[:, 0]}


def _mitigated(mitigation):
    return {} if mitigation is None else {"mitigation": mitigation}


def _training(variant, smoothing, seed, epochs):
    return {
        "variant": variant,
        "smoothing": smoothing,
        "seed": seed,
        "epochs": epochs,
        "batch_size": 16,
        "learning_rate": 3e-4,
    }


def _truth(rng, videos, categories, modalities):
    weak = rng.random((videos, categories)) < min(0.4, 1.6 / categories)
    weak[np.arange(videos), rng.integers(categories, size=videos)] = True
    dense = {m: weak[:, None, :] & (rng.random((videos, SEGMENTS, categories)) < 0.6) for m in modalities}
    return {"weak": weak, **dense}


def _arrays(rng, truth, pulls, progress, modalities):
    dense = np.stack([truth[m] for m in modalities], axis=2)
    p = _sigmoid(rng.normal(-4 * progress, 1, dense.shape) + 6 * progress * dense)
    logits = rng.normal(0, 0.7, dense.shape)
    logits[:, :, 0] += pulls
    wav = np.exp(logits) / np.exp(logits).sum(axis=2, keepdims=True)
    temporal = np.exp(rng.normal(0, 1, dense.shape) + dense)
    wtp = temporal / temporal.sum(axis=1, keepdims=True)
    return {"wav": wav, "wtp": wtp, "p": p, "p_joint": (wtp * wav * p).sum(axis=(1, 2))}


def _losses(arrays, weak, smoothing, modalities):
    probabilities = {m: (arrays["wtp"] * arrays["p"])[:, :, i].sum(axis=1) for i, m in enumerate(modalities)}
    probabilities["wsl"] = arrays["p_joint"]
    losses = {}
    for name, p in probabilities.items():
        hard = _cross_entropy(p, weak)
        if smoothing is None:
            losses[name] = {"optimised": hard}
            continue
        delta = 0.0 if name == "wsl" else smoothing[name]
        target = (1 - delta) * weak + delta / smoothing.k
        losses[name] = {
            "optimised": _cross_entropy(p, target),
            "hard": hard,
            "floor": _cross_entropy(target, target) if delta else 0.0,
        }
    return losses


def _scores(rng, variant):
    baseline = 0.45 + 0.1 * variant.startswith("across") + 0.02 * variant.endswith("vself")
    levels = {}
    for level, drop in (("segment", 0.0), ("event", 0.07)):
        audio, visual, both = baseline - drop + np.array([0.03, 0.0, -0.05]) + rng.normal(0, 0.01, 3)
        levels[level] = {
            "audio": audio,
            "visual": visual,
            "audio_visual": both,
            "type_average": (audio + visual + both) / 3,
            "event_average": (audio + visual) / 2,
        }
    return {level: {metric: float(score) for metric, score in scores.items()} for level, scores in levels.items()}


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))


def _cross_entropy(p, y):
    p = np.clip(p, 1e-7, 1 - 1e-7)
    return float(-(y * np.log(p) + (1 - y) * np.log1p(-p)).mean())
