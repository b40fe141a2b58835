"""What all figures share: the style, a colour for each modality and smoothing, greys, and saving."""

from __future__ import annotations

import io
import logging
from collections.abc import Sequence
from contextlib import AbstractContextManager
from importlib import resources
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg", force=False)
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure

from mbias.analysis.settings import smoothing_kind
from mbias.files import write_bytes
from mbias.terms import Variant

WIDTH = 7.0
"""The width in inches of a figure that spans the two columns of a paper."""

# Petroff's palette of six, designed for readers with any colour vision (arXiv 2107.02270), without its grey; and three
# colours that are as far from these, and from each other, for such readers.
_MODALITIES = {"audio": "#f89c20", "visual": "#5790fc"}
_OTHERS = ("#e42536", "#5790fc", "#f89c20", "#7a21dd", "#5c3010", "#1fc9b0", "#12307f", "#964a8b")
JOINT = "#1f2328"
"""The colour of what all modalities share, such as L_wsl."""

UNKNOWN = "#9c9ca1"
"""The grey of what is undecided, or outside a group."""

NEUTRAL = "#c9c9ce"
"""The grey of reference lines."""

BAND = "#eeeef0"
"""The grey of the band between the margins of a verdict."""

BALANCED = "#4a4d55"
"""The grey of a balanced verdict."""

SECONDARY = "#8a8f98"
"""The grey of secondary marks: scores at event level, and legends that are not of one modality."""

NOTE = "#6b6f76"
"""The grey of notes in a figure."""

SEEDS = ("#a9adb5", "#7d828b", "#50555d", JOINT)
"""Greys by the number of seeds, the darker the more."""

SMOOTHINGS: dict[str, tuple[str, Any]] = {
    "no_ls": ("#717581", "-"),
    "ls_a": ("#e42536", (0, (4, 1.2))),
    "ls_v": ("#7a21dd", (0, (1, 0.8))),
    "ls_av": ("#964a8b", (0, (5, 1, 1, 1))),
}
"""The colour and dashes of each smoothing; `smoothing_look` has those of other settings."""

VARIANTS = {"aself_vself": "#a9adb5", "aself_vcross": "#8a8f98", "across_vself": JOINT, "across_vcross": "#60656e"}
"""The grey of each variant. Colours are for modalities and smoothings."""

MARKERS = {"aself_vself": "s", "aself_vcross": "^", "across_vself": "D", "across_vcross": "o"}
"""The marker of each variant."""


_MORE_SCRIPTS = (
    *(f"Noto Sans CJK {region}" for region in ("JP", "SC", "KR", "TC")),
    "Droid Sans Fallback",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "Hiragino Sans",
    "PingFang SC",
    "Yu Gothic",
    "Microsoft YaHei",
    "Malgun Gothic",
    "Arial Unicode MS",
)
"""Fonts with characters that matplotlib's own font lacks, Chinese, Japanese and Korean above all, where installed."""

# Some of these fonts have no bold face, and matplotlib warns that it takes the regular one instead.
logging.getLogger("matplotlib.font_manager").addFilter(lambda record: "find font weight" not in record.getMessage())


def style() -> AbstractContextManager[None]:
    """The style of every figure, as a context manager."""
    sheet = str(resources.files("mbias.plots.drawing").joinpath("style.mplstyle"))
    installed = {font.name for font in font_manager.fontManager.ttflist}
    families = ["DejaVu Sans", *(name for name in _MORE_SCRIPTS if name in installed)]
    context: AbstractContextManager[None] = plt.style.context([sheet, {"font.family": families}])
    return context


def modality_colours(modalities: Sequence[str]) -> dict[str, str]:
    """A colour for each modality: fixed colours for audio and visual, and others in the order of the modalities.

    Up to eight modalities have different colours.

    Examples
    --------
    >>> modality_colours(["audio", "visual", "text"])
    {'audio': '#f89c20', 'visual': '#5790fc', 'text': '#e42536'}
    """
    taken = {_MODALITIES.get(modality) for modality in modalities}
    others = iter([colour for colour in _OTHERS if colour not in taken] * len(modalities))
    return {modality: _MODALITIES.get(modality) or next(others) for modality in modalities}


def smoothing_look(smoothing: str | None) -> tuple[str, Any]:
    """The colour and dashes of a smoothing, whatever its delta; those of No-LS for a setting that has none."""
    return SMOOTHINGS[smoothing_kind(smoothing) or "no_ls"]


def ends(table: pd.DataFrame) -> np.ndarray:
    """How far the intervals of F-scores reach below and above the scores, (2, row); 0 where they are not known."""
    reach = np.stack([table["f_score"] - table["low"], table["high"] - table["f_score"]])
    finite: np.ndarray = np.nan_to_num(reach.astype(float))
    return finite


def ink(colour: str) -> str:
    """A colour darkened so that text in it is legible on white."""
    return to_hex(tuple(0.66 * part for part in to_rgb(colour)))  # type: ignore[arg-type]  # a generator's length


def mathtext(text: str) -> str:
    """A symbol such as ``L_wsl`` or ``A_cross + V_self`` with its subscripts set; not for names from data.

    Examples
    --------
    >>> mathtext("A_cross + V_self")
    '$A_{cross}$ + $V_{self}$'
    """
    return " ".join(_subscripted(word) for word in text.split(" "))


def symbol(letter: str, name: str) -> str:
    """A letter with a name as its subscript, as in ``W_a``; in words where the name cannot be one.

    Examples
    --------
    >>> symbol("W", "text"), symbol("W", "front camera")
    ('$W_{text}$', 'W of front camera')
    """
    return mathtext(f"{letter}_{name}") if name.isalnum() else plain(f"{letter} of {name}")


def setting_label(name: str, separator: str = ", ") -> str:
    """The name of a setting for a figure: subscripts set in a variant of the paper, names from data as they are.

    Examples
    --------
    >>> setting_label("A_cross + V_self, LS-V")
    '$A_{cross}$ + $V_{self}$, LS-V'
    >>> setting_label("lr_3_wd_0")
    'lr_3_wd_0'
    """
    variants = {variant.display_name for variant in Variant}
    return separator.join(mathtext(part) if part in variants else plain(part) for part in name.split(", "))


def plain(text: str) -> str:
    """A name from data, escaped so that matplotlib does not read it as mathematics."""
    return text.replace("$", r"\$")


def mark_simulated(figure: Figure, table: pd.DataFrame) -> None:
    """Write into a figure that its data are simulated, where they are."""
    if "simulated" in table and table["simulated"].any():
        figure.text(0.998, 0.002, "simulated data", ha="right", va="bottom", fontsize=6, color=NOTE, style="italic")


def save(drawn: Figure | Axes, path: Path) -> None:
    """Write a figure to a file, in the format of the suffix: .pdf, .png or .svg.

    The file is written completely or not at all. The same figure gives the same bytes.

    Parameters
    ----------
    drawn
        A figure, or axes, whose figure is written.
    path
        The file.
    """
    figure = drawn if isinstance(drawn, Figure) else drawn.figure.figure
    write_bytes(path, rendered(figure, path.suffix.lstrip(".")))


def rendered(figure: Figure, form: str) -> bytes:
    """A figure as the bytes of a ``pdf``, ``png`` or ``svg`` file; the same figure gives the same bytes."""
    dates = {"pdf": {"CreationDate": None}, "svg": {"Date": None}}
    buffer = io.BytesIO()
    with style():
        figure.savefig(buffer, format=form, metadata=dates.get(form))
    return buffer.getvalue()


def _subscripted(word: str) -> str:
    stem, underscore, rest = word.partition("_")
    return rf"${stem}_{{{rest}}}$" if underscore and rest else word
