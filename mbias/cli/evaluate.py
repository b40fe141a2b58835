"""``mbias evaluate``: LLP's F-scores of predictions or of a checkpoint. ``mbias export-weights``: HAN's weights."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from mbias.cli.common import add_command, need_torch
from mbias.errors import BadInputError
from mbias.terms import Split, Variant

if TYPE_CHECKING:
    import pandas as pd

    from mbias.cli.common import Commands
    from mbias.exchange.evaluation import Evaluation
    from mbias.llp.predictions import Predictions

RULES = ("original", "per_modality", "segments")
"""The names in `mbias.scores.rules.RULES`, repeated here so that ``--help`` does not import NumPy."""


def add_commands(commands: Commands) -> None:
    """Register the commands.

    Parameters
    ----------
    commands
        The subcommands of ``mbias``.
    """
    _add_evaluate(commands)
    _add_export_weights(commands)


def _add_evaluate(commands: Commands) -> None:
    command = add_command(
        commands,
        "evaluate",
        "compute LLP's F-scores of the predictions of any model",
        "mbias evaluate predictions.npz --annotations data/LLP --split test",
    )
    source = command.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "predictions",
        nargs="?",
        type=Path,
        metavar="PREDICTIONS",
        help="a run, or a file (.npz, .npy, .safetensors, .pt, .nc, .zarr) with the arrays p (video, segment, "
        "modality, category), probabilities or boolean events, audio before visual; p_joint (video, category); "
        "p_modality (video, modality, category); videos (names; default: those of the split, in the order of its file)",
    )
    source.add_argument(
        "--checkpoint", type=Path, metavar="FILE", help="weights of the original HAN, or of a run trained here"
    )
    command.add_argument("--annotations", type=Path, metavar="DIR", help="folder of LLP's CSV files (default: --data)")
    command.add_argument("--data", type=Path, metavar="DIR", help="packed data directory, needed by --checkpoint")
    command.add_argument("--split", choices=("val", "test"), default="test", help="the split (default: test)")
    command.add_argument(
        "--rule",
        choices=RULES,
        default="original",
        help="what must reach the thresholds. original: P and the video's p_wsl; per_modality: P and the video's p_a "
        "or p_v, as in JoMoLD; segments: P alone (default: original; boolean events are not changed)",
    )
    command.add_argument(
        "--threshold", type=float, default=0.5, metavar="P", help="threshold on segment probabilities (default: 0.5)"
    )
    command.add_argument(
        "--video-threshold",
        type=float,
        default=0.5,
        metavar="P",
        help="threshold on video probabilities (default: 0.5)",
    )
    command.add_argument(
        "--thresholds",
        type=Path,
        metavar="CSV",
        help="thresholds on segment probabilities by category, with the columns category, threshold",
    )
    command.add_argument(
        "--variant", default=Variant.ACROSS_VCROSS.value, help="variant of the checkpoint (default: across_vcross)"
    )
    command.add_argument(
        "--published",
        action="store_true",
        help="set published scores of models on LLP, and those of the weak labels in all segments, beside the scores "
        "(test split only)",
    )
    command.add_argument("--format", choices=("table", "json"), default="table", help="output (default: table)")
    command.set_defaults(handler=_evaluate)


def _evaluate(options: argparse.Namespace) -> None:
    from mbias.exchange.evaluation import beside_published, evaluate

    annotations = options.annotations or options.data
    if annotations is None:
        raise BadInputError("annotations are missing: give the folder of LLP's CSV files with --annotations DIR")
    if options.published and options.split != Split.TEST:
        raise BadInputError(f"--published: the published scores are of the split test; {options.split} given")
    evaluation = evaluate(
        _checkpoint_predictions(options) if options.checkpoint else options.predictions,
        annotations,
        split=options.split,
        rule=options.rule,
        threshold=options.threshold,
        video_threshold=options.video_threshold,
        thresholds=options.thresholds,
    )
    beside = beside_published(evaluation, annotations) if options.published else None
    _print(evaluation, f"{evaluation.videos:,} videos of {options.split}", options.format, beside)


def _checkpoint_predictions(options: argparse.Namespace) -> Predictions:
    need_torch()
    from mbias.training.predict import predict

    if options.data is None:
        raise BadInputError("--checkpoint needs features: give the packed data directory with --data DIR")
    return predict(options.checkpoint, Variant.parse(options.variant), options.data, Split(options.split))


def _print(evaluation: Evaluation, videos: str, output_format: str, beside: pd.DataFrame | None) -> None:
    from mbias.cli.printing import print_table
    from mbias.terms import Metric

    scores: dict[str, dict[str, float]] = {}
    for row in evaluation.scores.itertuples():
        scores.setdefault(row.level, {})[row.metric] = row.f_score
    if output_format == "json":
        import json

        from mbias.tables.render import as_json

        content = {"rule": evaluation.rule, "videos": videos, "scores": scores}
        published = {} if beside is None else {"published": json.loads(as_json(beside))}
        print(json.dumps(content | published, indent=2))
        return
    names = [Metric(name).display_name for name in next(iter(scores.values()))]
    widths = [max(len(name), 6) + 2 for name in names]
    print(f"{'F-score, %':10}" + "".join(f"{name:>{width}}" for name, width in zip(names, widths, strict=True)))
    for level, values in scores.items():
        cells = (f"{100 * value:{width}.2f}" for value, width in zip(values.values(), widths, strict=True))
        print(f"{level:10}" + "".join(cells))
    print(f"{videos}; rule {evaluation.rule}")
    if beside is not None:
        from mbias.analysis.paper.llp_line import LAYOUT

        print()
        print_table(LAYOUT, beside, "table")


def _add_export_weights(commands: Commands) -> None:
    command = add_command(
        commands,
        "export-weights",
        "write the weights of a run so that the original HAN's code loads them with strict=True",
        "mbias export-weights models/demo/across_vcross-ls_v-seed0 --out original.pt",
    )
    command.add_argument("run", type=Path, metavar="RUN", help="a run trained here")
    command.add_argument("--weights", choices=("best", "last"), default="best", help="the epoch (default: best)")
    command.add_argument("--out", type=Path, required=True, metavar="FILE", help="a .pt file for the state dict")
    command.set_defaults(handler=_export_weights)


def _export_weights(options: argparse.Namespace) -> None:
    need_torch()
    from mbias.han.weights import export_weights
    from mbias.records.run import Run

    export_weights(options.run, options.out, options.weights)
    run = Run(options.run)
    print(f"{options.out}: the {options.weights} weights of {run.name} ({run.display_name})")
