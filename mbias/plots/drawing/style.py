"""What all figures share: the style, a colour for each modality and smoothing, direct labels, and saving."""

from __future__ import annotations

import io
import logging
from collections.abc import Sequence
from contextlib import AbstractContextManager
from importlib import resources
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg", force=False)
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib import font_manager
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure

from mbias.files import write_bytes

WIDTH = 7.0
"""Width in inches of a figure that spans a paper's two columns."""

# Petroff's palette of six, made for readers of every colour vision (arXiv 2107.02270).
_MODALITIES = {"audio": "#f89c20", "visual": "#5790fc"}
_OTHERS = ("#e42536", "#964a8b", "#7a21dd", "#9c9ca1")
JOINT = "#1f2328"
"""Colour of what all modalities share, as L_wsl."""

SMOOTHINGS = {
    "no_ls": ("#717581", "-"),
    "ls_a": ("#e42536", (0, (4, 1.2))),
    "ls_v": ("#7a21dd", (0, (1, 0.8))),
    "ls_av": ("#964a8b", (0, (5, 1, 1, 1))),
}
"""Colour and dashes of a smoothing; others take `smoothing_look`'s."""

VARIANTS = {"aself_vself": "#a9adb5", "aself_vcross": "#8a8f98", "across_vself": "#1f2328", "across_vcross": "#60656e"}
"""A variant is a shade and a marker: the colours are the modalities' and the smoothings'."""

MARKERS = {"aself_vself": "s", "aself_vcross": "^", "across_vself": "D", "across_vcross": "o"}


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
"""Fonts that have what matplotlib's own lacks, Chinese, Japanese and Korean above all; taken where installed."""

# Some of them have no bold face. That the regular one is taken is no news to whoever draws a figure.
logging.getLogger("matplotlib.font_manager").addFilter(lambda record: "find font weight" not in record.getMessage())


def style() -> AbstractContextManager[None]:
    """The style of every figure, as a context."""
    sheet = str(resources.files("mbias.plots.drawing").joinpath("style.mplstyle"))
    installed = {font.name for font in font_manager.fontManager.ttflist}
    families = ["DejaVu Sans", *(name for name in _MORE_SCRIPTS if name in installed)]
    context: AbstractContextManager[None] = plt.style.context([sheet, {"font.family": families}])
    return context


def modality_colours(modalities: Sequence[str]) -> dict[str, str]:
    """A colour a modality: audio and visual always the same ones, others in their order."""
    others = iter(_OTHERS * len(modalities))
    return {modality: _MODALITIES.get(modality) or next(others) for modality in modalities}


def smoothing_look(smoothing: str | None) -> tuple:
    """Colour and dashes of a smoothing's lines; those of No-LS for a setting without a look of its own."""
    return SMOOTHINGS.get(smoothing or "no_ls", SMOOTHINGS["no_ls"])


def ends(table: pd.DataFrame) -> np.ndarray:
    """How far the intervals of F-scores reach below and above them, (2, row); 0 where they are not known."""
    reach = np.stack([table["f_score"] - table["low"], table["high"] - table["f_score"]])
    return np.nan_to_num(reach.astype(float))


def ink(colour: str) -> str:
    """A colour darkened until text in it reads well on white."""
    return to_hex(tuple(0.66 * part for part in to_rgb(colour)))  # type: ignore[arg-type]  # a generator's length


def mathtext(text: str) -> str:
    """A label such as ``L_wsl`` or ``A_cross + V_self`` with its subscripts set; for our own labels, not for names."""
    return " ".join(_subscripted(word) for word in text.split(" "))


def plain(text: str) -> str:
    """A name from data, safe from being read as mathematics."""
    return text.replace("$", r"\$")


def mark_simulated(figure: Figure, table: pd.DataFrame) -> None:
    """Writes into the figure that its data are simulated, where they are."""
    if "simulated" in table and table["simulated"].any():
        figure.text(
            0.998, 0.002, "simulated data", ha="right", va="bottom", fontsize=6, color="#6b6f76", style="italic"
        )


def save(figure: Figure, path: Path) -> None:
    """Write a figure as its name ends (.pdf, .png, .svg), whole or not at all; the same figure, the same bytes."""
    write_bytes(path, rendered(figure, path.suffix.lstrip(".")))


def rendered(figure: Figure, form: str) -> bytes:
    """A figure as the bytes of a ``pdf``, ``png`` or ``svg`` file; the same figure, the same bytes."""
    dates = {"pdf": {"CreationDate": None}, "svg": {"Date": None}}
    buffer = io.BytesIO()
    with style():
        figure.savefig(buffer, format=form, metadata=dates.get(form))
    return buffer.getvalue()


def _subscripted(word: str) -> str:
    stem, underscore, rest = word.partition("_")
    return rf"${stem}_{{{rest}}}$" if underscore and rest else word
