"""``mbias evaluate``: LLP's F-scores of anyone's predictions, or of a checkpoint; ``mbias export-weights``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from mbias.cli.common import add_command, need_torch
from mbias.errors import BadInputError
from mbias.terms import Split, Variant

if TYPE_CHECKING:
    from mbias.llp.predictions import Predictions

RULES = ("original", "per_modality", "segments")
"""Names in `mbias.scores.rules.RULES`, which imports NumPy."""


def add_commands(commands: argparse._SubParsersAction) -> None:
    """Register the commands."""
    _add_evaluate(commands)
    _add_export_weights(commands)


def _add_evaluate(commands: argparse._SubParsersAction) -> None:
    command = add_command(
        commands,
        "evaluate",
        "LLP's F-scores of predictions, of any model",
        "mbias evaluate predictions.npz --annotations data/LLP --split test",
    )
    what = command.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "predictions",
        nargs="?",
        type=Path,
        metavar="PREDICTIONS",
        help="a run, or a file (.npz, .npy, .safetensors, .pt, .nc, .zarr): p (video, segment, modality, category), "
        "probabilities or the events themselves (boolean), audio first; p_joint (video, category); p_modality (video, "
        "modality, category); videos (names; default: the split's, in the order of its file)",
    )
    what.add_argument("--checkpoint", type=Path, metavar="FILE", help="weights of the original HAN, or of a run here")
    command.add_argument("--annotations", type=Path, metavar="DIR", help="folder of LLP's CSV files (default: --data)")
    command.add_argument("--data", type=Path, metavar="DIR", help="packed data directory, for --checkpoint")
    command.add_argument("--split", choices=("val", "test"), default="test")
    command.add_argument(
        "--rule",
        choices=RULES,
        default="original",
        help="original: P and the video's p_wsl reach the thresholds; per_modality: P and p_a or p_v, as in JoMoLD; "
        "segments: P alone (default: original; boolean p is taken as it is)",
    )
    command.add_argument("--threshold", type=float, default=0.5, metavar="P", help="of segments (default: 0.5)")
    command.add_argument("--video-threshold", type=float, default=0.5, metavar="P", help="of videos (default: 0.5)")
    command.add_argument(
        "--thresholds", type=Path, metavar="CSV", help="of segments, by category: columns category, threshold"
    )
    command.add_argument("--variant", default=Variant.ACROSS_VCROSS.value, help="the checkpoint's (across_vcross)")
    command.add_argument("--format", choices=("table", "json"), default="table")
    command.set_defaults(handler=_evaluate)


def _evaluate(options: argparse.Namespace) -> None:
    from mbias.exchange.evaluation import read_predictions
    from mbias.llp.predictions import split_truth
    from mbias.scores.f_scores import as_table, f_scores
    from mbias.scores.rules import rule_named

    annotations = options.annotations or options.data
    if annotations is None:
        raise BadInputError("no annotations: give LLP's folder by --annotations DIR")
    split = Split(options.split)
    truth = split_truth(annotations, split)
    segment = _thresholds(options.thresholds) if options.thresholds else options.threshold
    rule = rule_named(options.rule, segment, options.video_threshold)
    if options.checkpoint:
        predictions = _of_checkpoint(options, split)
    else:
        predictions = read_predictions(options.predictions, tuple(truth.videos))
    given = predictions.p.dtype == bool
    events = predictions.p if given else rule.events(predictions.p, predictions.joint, predictions.modality)
    scores = as_table(f_scores(predictions.in_order(events, truth.videos), truth.dense))
    said = "events as given, nothing thresholded or filtered" if given else f"{options.rule}: {rule}"
    _print(scores, said, f"{len(truth.videos):,} videos of {split}", options.format)


def _print(scores: dict[str, dict[str, float]], rule: str, what: str, form: str) -> None:
    from mbias.terms import Metric

    if form == "json":
        import json

        print(json.dumps({"rule": rule, "videos": what, "scores": scores}, indent=2))
        return
    names = [Metric(name).display_name for name in next(iter(scores.values()))]
    print(f"{'F-score, %':10}" + "".join(f"{name:>14}" for name in names))
    for level, values in scores.items():
        print(f"{level:10}" + "".join(f"{100 * value:14.2f}" for value in values.values()))
    print(f"{what}; rule {rule}")


def _thresholds(path: Path) -> tuple[float, ...]:
    from mbias.exchange.evaluation import read_thresholds

    return read_thresholds(path)


def _of_checkpoint(options: argparse.Namespace, split: Split) -> Predictions:
    need_torch()
    from mbias.training.predict import predict

    if options.data is None:
        raise BadInputError("--checkpoint needs features: give the packed data directory by --data DIR")
    return predict(options.checkpoint, Variant.parse(options.variant), options.data, split)


def _add_export_weights(commands: argparse._SubParsersAction) -> None:
    command = add_command(
        commands,
        "export-weights",
        "write a run's weights as the original HAN's code loads them, with strict=True",
        "mbias export-weights models/demo/across_vcross-ls_v-seed0 --out original.pt",
    )
    command.add_argument("run", type=Path, metavar="RUN", help="a run trained here")
    command.add_argument("--weights", choices=("best", "last"), default="best", help="which (default: best)")
    command.add_argument("--out", type=Path, required=True, metavar="FILE", help=".pt: a state dict")
    command.set_defaults(handler=_export_weights)


def _export_weights(options: argparse.Namespace) -> None:
    need_torch()
    from mbias.han.weights import read_weights, write_original
    from mbias.records.run import Run

    run = Run(options.run)
    if run.variant is None:
        raise BadInputError(f"{options.run}: no run trained here, so its weights are none of HAN's")
    model = read_weights(options.run / "checkpoints" / f"{options.weights}.safetensors", Variant.parse(run.variant))
    write_original(model, options.out)
    print(f"{options.out}: the {options.weights} weights of {run.name} ({run.display_name})")
