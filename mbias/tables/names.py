"""The names on screen of what stands in tables and figures."""

from __future__ import annotations

import pandas as pd

from mbias.terms import Metric, Variant, smoothing_name

_SHORT = {"audio": "a", "visual": "v"}
_OUTCOMES = {"probability": "p", "log_loss": "log", "f_score": "F", "f_audio": "F_a", "f_visual": "F_v"}


def subscript(modality: str) -> str:
    """A modality as the paper's subscripts have it: ``a``, ``v``; others by their name."""
    return _SHORT.get(modality, modality)


def loss_name(loss: str) -> str:
    """A loss's name on screen: ``L_a``, ``L_v``, ``L_wsl``."""
    return f"L_{subscript(loss)}"


def display_name(column: str, value: object) -> str:
    """A cell of an identifying column on screen, as ``LS-V`` for the smoothing ``ls_v``."""
    if pd.isna(value):
        return ""
    text = str(value)
    if column == "variant":
        return Variant(text).display_name if text in set(Variant) else text
    if column == "smoothing":
        return smoothing_name(text)
    if column == "metric":
        return Metric(text).display_name if text in set(Metric) else text
    if column == "outcome":
        return _OUTCOMES.get(text, text)
    return text


def setting_names(table: pd.DataFrame) -> pd.Series:
    """What each row's setting is called: its smoothing and control, or for an external model its run."""
    names = [
        ", ".join(filter(None, [display_name("smoothing", row.smoothing), display_name("control", row.control)]))
        or row.run
        for row in table[["run", "smoothing", "control"]].itertuples()
    ]
    return pd.Series(names, index=table.index, name="setting")


def format_ratio(ratio: float) -> str:
    """A ratio as text: whole from 100, else to three digits; nothing where it is unknown."""
    if pd.isna(ratio):
        return ""
    return f"{ratio:,.0f}" if ratio >= 100 else f"{ratio:.3g}"
