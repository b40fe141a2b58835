"""What the explorer shows of a run: pictures and sentences on one sample and category."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from mbias.analysis import attention, video
from mbias.analysis.per_run.pooling import mean_attention
from mbias.errors import BadInputError, NotApplicableError
from mbias.passes import WHOLE, Pass
from mbias.plots import distribution
from mbias.plots import video as plots_video
from mbias.plots.drawing.style import rendered
from mbias.records.probes import read_probe
from mbias.records.run import Run
from mbias.records.study import Study


def drawn(run: Run, epoch: int, sample: str, category: str, by_category: pd.DataFrame) -> tuple[list[bytes], list[str]]:
    """The pictures and the sentences on a sample and a category of a run."""
    try:
        table = video.roll(run, sample, epoch, category)
    except BadInputError as error:
        roll, lines = b"", [str(error)]
    else:
        roll, lines = picture(plots_video.figure(table)), video.finding(table)
        lines += [text for text in [video.missing(run, epoch)] if text]
    rows = by_category[by_category["category"] == category]
    by_epoch = picture(distribution.figure(rows, epoch)) if len(rows) else b""
    weights = _sample_weights(run, epoch, category)
    by_sample = b"" if weights is None else picture(distribution.figure_of_samples(weights))
    return [roll, by_epoch, by_sample], [*lines, *_answers(run, sample, category)]


def _answers(run: Run, sample: str, category: str) -> list[str]:
    """What the probed model says of a sample, as it is and with each modality taken from other samples."""
    try:
        probe = read_probe(run)
    except NotApplicableError:
        return []
    row = np.flatnonzero(run.samples.iloc[:, 0] == sample)
    column = run.header.categories.index(category)

    def mean_output(passes: Sequence[Pass]) -> str:
        return f"{np.mean([probe.values(of_pass, 'p_joint', row)[0, column] for of_pass in passes]):.2f}"

    replaced = {m: probe.draws("permuted", (m,)) for m in run.header.modalities}
    parts = [f"with the {m} of another {run.header.sample} {mean_output(d)}" for m, d in replaced.items() if d]
    return [f"{category}, as probed at epoch {probe.epoch}: {'; '.join([f'output {mean_output([WHOLE])}', *parts])}"]


def ranked(run: Run) -> list[str]:
    """The samples of a run, those that show its bias best first; in the recorded order where that is not known."""
    try:
        return list(video.worst(Study((run,)), len(run.samples))["sample"])
    except NotApplicableError:
        return list(run.samples.iloc[:, 0])


def attention_by_epoch(run: Run) -> pd.DataFrame:
    """The attention by category at every epoch that holds it (`mbias.analysis.attention.categories`)."""
    epochs = [commit.epoch for commit in run.commits if "wav_summary" in commit.arrays]
    tables = [attention.categories(Study((run,)), epoch) for epoch in epochs]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame({"category": []})


def _sample_weights(run: Run, epoch: int, category: str) -> pd.DataFrame | None:
    """The mean attention of every sample on the first modality; None where the epoch does not hold the weights."""
    try:
        weights = mean_attention(run, epoch)
    except NotApplicableError:
        return None
    index = run.header.categories.index(category)
    weak = run.truth.get("weak")
    return pd.DataFrame(
        {
            "attention": weights[:, 0, index],
            "present": [None] * len(weights) if weak is None else weak[:, index],
            "modality": run.header.modalities[0],
            "category": category,
            "epoch": epoch,
            "simulated": run.header.simulated,
        }
    )


def labelled(run: Run, category: int) -> set[str]:
    """The samples that are labelled with a category."""
    weak = run.truth.get("weak")
    return set() if weak is None else set(run.samples.iloc[:, 0][weak[:, category]])


def first_label(run: Run, sample: str) -> str:
    """The first category that a sample is labelled with; the first of all where labels are not known."""
    weak = run.truth.get("weak")
    index = 0 if weak is None else int(np.argmax(weak[list(run.samples.iloc[:, 0]).index(sample)]))
    return run.header.categories[index]


def picture(figure: Figure) -> bytes:
    """A figure as PNG; it is closed."""
    try:
        return rendered(figure, "png")
    finally:
        plt.close(figure)
