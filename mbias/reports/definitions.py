"""What the words' tables and measures are, as their docstrings have it: a definition stands where it is computed.

``python -m mbias.reports.definitions > docs/measures.md`` writes them all down.
"""

from __future__ import annotations

import importlib
import inspect
import re
import textwrap

from mbias.analysis.questions import QUESTIONS

_WITHOUT_QUESTION = {
    "compare": "How do two studies, or two runs, differ?",
    "video": "What goes on in one sample, and which samples show the bias best?",
    "statistics": "How sure can one be?",
}

_ALSO: dict[str, dict[str, str]] = {
    "variants": {
        "mbias.scores.f_scores": "F-scores",
        "mbias.scores.f_scores.predictions": "predicted events",
        "mbias.scores.f_scores.event_counts": "right and wrong events",
    },
    "smoothing": {"mbias.terms.Smoothing": "smoothed labels"},
    "mechanism": {
        "mbias.analysis.mechanism.best_weight": "best weight",
        "mbias.analysis.mechanism.best_weight_interval": "its interval",
    },
    "reliance": {
        "mbias.analysis.measures.values.shapley": "Shapley",
        "mbias.analysis.measures.values.cooperation": "cooperation",
        "mbias.analysis.measures.values.drops": "drop",
        "mbias.analysis.measures.values.relative_drops": "perceptual, utilisation",
        "mbias.analysis.measures.parts.swap_parts": "swap",
        "mbias.analysis.measures.parts.cross_parts": "cross",
        "mbias.analysis.measures.parts.attention_parts": "attention",
        "mbias.analysis.measures.parts.contribution_parts": "contribution",
        "mbias.analysis.measures.parts.score_parts": "branch score",
        "mbias.analysis.measures.parts.gradient_ratio": "gradient",
    },
    "compare": {"mbias.analysis.compare.comparison": "comparison"},
    "video": {"mbias.analysis.video.roll": "the event roll", "mbias.analysis.video.worst": "--worst"},
    "statistics": {
        "mbias.stats.estimates.estimate": "intervals",
        "mbias.stats.significance.sign_flip": "sign-flip test",
        "mbias.stats.significance.standardised": "d_z",
        "mbias.stats.significance.cliffs_delta": "Cliff's delta",
        "mbias.stats.significance.equivalence": "equivalence",
        "mbias.stats.significance.holm": "Holm",
    },
}
"""By word: what is defined beside its tables, and under which heading."""

_PREFACE = """\
# Measures

Symbols: P, probability of a category in a segment of a modality; W_tp, attention over segments; W_av, attention over
modalities; a is audio, v visual. p_wsl = sum over segments and modalities of W_tp W_av P is the probability of the
video (Eq. 3), above 1 where modalities attend to different segments, and clamped in L_wsl; p_a and p_v = sum over
segments of W_tp P are those of one modality (Eq. 4, 5). L_wsl, L_a and L_v are their cross-entropies, in nats.
Equations, tables and figures are those of [the paper](https://arxiv.org/abs/2203.16860). `mbias-analyze WORD --explain`
prints a word's part of this page, which is made from the code (`python -m mbias.reports.definitions >
docs/measures.md`).
"""


def explanation(word: str, width: int) -> str:
    """What a word asks and how everything it tells is defined, as Markdown in lines of ``width`` characters."""
    question = QUESTIONS.get(word)
    if question:
        paper = f" In the paper: {question.paper}."
        asks = question.asks[0].upper() + question.asks[1:] + paper
    else:
        asks = _WITHOUT_QUESTION[word]
    module = importlib.import_module("mbias.stats" if word == "statistics" else f"mbias.analysis.{word}")
    parts = [f"## {word}", asks, *_paragraphs(module)[1:]]
    for name in question.tables if question else ():
        parts += [f"### {name}", *_paragraphs(getattr(module, name))]
    for path, heading in _ALSO.get(word, {}).items():
        home, _, name = path.rpartition(".")
        parts += [f"### {heading}", *_paragraphs(getattr(importlib.import_module(home), name))]
    return "\n\n".join(_filled(part, width) for part in parts) + "\n"


def _paragraphs(thing: object) -> list[str]:
    """A docstring's text and what its function returns, without parameters, types and errors."""
    sections = re.split(r"^(\w+)\n-+\n", inspect.getdoc(thing) or "", flags=re.MULTILINE)
    returned = dict(zip(sections[1::2], sections[2::2], strict=True)).get("Returns", "")
    lines = returned.splitlines()[1:]
    text = f"{sections[0]}\n\n{textwrap.dedent(chr(10).join(lines))}"
    named = re.sub(r"`(?:(mbias[\w.]*)\.)?([A-Z_]{4,})`", lambda found: _valued(found, thing), text)
    return [part for part in re.split(r"\n\s*\n", named.strip()) if part]


def _valued(found: re.Match[str], thing: object) -> str:
    """A constant that a docstring names, as its value where that is a number or names."""
    home = importlib.import_module(found[1]) if found[1] else inspect.getmodule(thing)
    value = getattr(home, found[2], None)
    if isinstance(value, int | float):
        return f"{value:g}"
    if isinstance(value, tuple) and all(isinstance(one, str) for one in value):
        return ", ".join(f"``{one}``" for one in value)
    return found[0]


def _filled(part: str, width: int) -> str:
    return part if part.startswith(("    ", "#")) else textwrap.fill(part, width, break_on_hyphens=False)


def main() -> None:
    """Print all definitions."""
    print("\n".join([_PREFACE, *(explanation(word, 120) for word in (*QUESTIONS, *_WITHOUT_QUESTION))]), end="")


if __name__ == "__main__":
    main()
