"""The first page of a report: the verdicts, the phenomenon of the paper as measured, and the runs."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from mbias.analysis.measures.verdict import BALANCED, NOTHING
from mbias.analysis.settings import one_variant, smoothing_kind
from mbias.records.study import Study
from mbias.reports import headlines
from mbias.reports.page import bullets, drawing
from mbias.tables.layout import Layout, lay_out, notes, number
from mbias.tables.names import display_name, format_ratio, setting_name, setting_names, subscript
from mbias.tables.render import as_html, with_subscripts
from mbias.tables.words import Words, with_words, words_of

MOST_SENTENCES = 4
"""Up to this many settings, each one gets a sentence; with more, there is one line per verdict."""


def phenomenon(shares: pd.DataFrame, errors: pd.DataFrame) -> pd.DataFrame:
    """Attention and the coincidence of losses side by side, for every setting of one variant (section 5.3).

    Parameters
    ----------
    shares, errors
        The tables `mbias.analysis.attention.shares` and `mbias.analysis.losses.coincidence`.

    Returns
    -------
    pandas.DataFrame
        One row per setting and modality: ``attention``, the mean of W_av; ``mse``, MSE_wsl,m of the optimised losses,
        in nats squared; and ``ratio``, the ``mse`` divided by the least one of the setting. All are means over the
        ``seeds`` runs of a setting.
    """
    optimised = errors.loc[errors["kind"] == "optimised", ["run", "modality", "mse"]]
    joined = shares[shares["scope"] == "all"].merge(optimised, on=["run", "modality"])
    rows, _ = one_variant(joined)
    rows = rows.assign(setting=setting_names(rows))
    grouped = rows.groupby(["setting", "modality"], sort=False)
    table = grouped.agg(
        variant=("variant", "first"),
        smoothing=("smoothing", "first"),
        mitigation=("mitigation", "first"),
        control=("control", "first"),
        attention=("attention", "mean"),
        mse=("mse", "mean"),
        seeds=("run", "nunique"),
        simulated=("simulated", "any"),
    ).reset_index()
    least = table.groupby("setting")["mse"].transform("min")
    return with_words(table.assign(ratio=(table["mse"] / least).where(least > 0)), words_of(errors))


LAYOUT = Layout(
    ("variant", "setting"),
    ("modality",),
    {
        "W_{}": number("attention", ".3f"),
        "MSE_{joint},{}": number("mse", ".1e"),
        "ratio {}": lambda row: format_ratio(row.ratio),
    },
)


def expectation(table: pd.DataFrame) -> list[str]:
    """What section 5.3 expects of each setting of the paper, and whether a table of `phenomenon` shows it.

    Smoothing the labels of one modality drives the attention to the other modality (mean weight above 0.9), and L_wsl
    to the loss of that modality (MSE at least 100 times smaller).

    Parameters
    ----------
    table
        A table of `phenomenon`.

    Returns
    -------
    list of str
        At most one sentence per setting.
    """
    sentences = []
    paper = table[table["control"].isna() & table["mitigation"].isna()].assign(
        kind=table["smoothing"].map(smoothing_kind)
    )
    for kind, smoothed, spared in (("ls_v", "visual", "audio"), ("ls_a", "audio", "visual")):
        for name, of_setting in paper[paper["kind"] == kind].groupby("setting", sort=False):
            rows = of_setting.set_index("modality")
            if {smoothed, spared} <= set(rows.index):
                sentences.append(_driven(str(name), rows, smoothed, spared))
    for kind, what in (("no_ls", "no labels smoothed"), ("ls_av", "labels of both modalities smoothed")):
        rows = paper[(paper["kind"] == kind) & (paper["modality"] == "audio")]
        sentences += [f"{row.setting}, {what}: mean W_a = {row.attention:.3f}." for row in rows.itertuples()]
    return sentences


def _driven(name: str, rows: pd.DataFrame, smoothed: str, spared: str) -> str:
    weight, ratio = rows.loc[spared, "attention"], rows.loc[smoothed, "mse"] / rows.loc[spared, "mse"]
    shown = "as" if weight > 0.9 and ratio >= 100 else "not as far as"
    return (
        f"{name}, {smoothed} labels smoothed: mean W_{subscript(spared)} = {weight:.3f}, and "
        f"MSE_wsl,{subscript(spared)} = {rows.loc[spared, 'mse']:.1e} is {format_ratio(ratio)} times smaller than "
        f"MSE_wsl,{subscript(smoothed)} = {rows.loc[smoothed, 'mse']:.1e}: {shown} the paper reports."
    )


def by_verdict(table: pd.DataFrame) -> list[str]:
    """One line per verdict with the settings that have it, from a table of `mbias.analysis.diagnosis.verdicts`."""
    lines = []
    for verdict, rows in table.groupby("verdict", sort=True):
        settings = [
            setting_name(row.run, row.variant, row.smoothing, row.mitigation, row.control)
            + f" ({row.balance:+.2f} [{row.balance_low:+.2f}, {row.balance_high:+.2f}])" * (verdict != NOTHING)
            for row in rows.itertuples()
        ]
        level = ", 90 % intervals" if verdict == BALANCED else ""
        named = str(verdict)[0].upper() + str(verdict)[1:]
        lines.append(f"{named}, {len(rows)} of {len(table)}{level}: {'; '.join(settings)}.")
    return lines


def overview(
    built: Path, studies: Sequence[Study], findings: Mapping[str, Sequence[str]], reasons: Mapping[str, str]
) -> str:
    """The content of the first page.

    Parameters
    ----------
    built
        The folder with the tables and figures that the notebooks wrote.
    studies
        The study, or the two that are compared.
    findings
        The findings of each section, by its question.
    reasons
        Why each other section does not apply, by its question.

    Returns
    -------
    str
        HTML.
    """
    parts = []
    for question, show in (("compare", _comparison), ("diagnosis", _verdicts)):
        if question in findings:
            parts.append(show(built, findings[question]))
    if "losses" in findings:
        parts.append(_phenomenon(built, Words.of(studies[0])))
    if "diagnosis" in reasons and "attention" in findings:
        parts.append(_figure(built, "attention", "movement", headlines.movement))
    parts += [
        f'<p class="note">{html.escape(question)} does not apply: {html.escape(reason)}</p>'
        for question, reason in reasons.items()
    ]
    return "\n".join([*parts, "<h3>Settings</h3>", *map(_runs, studies, ("A: ", "B: ") if len(studies) > 1 else ("",))])


def _comparison(built: Path, findings: Sequence[str]) -> str:
    return bullets(findings) + _figure(built, "compare", "comparison", headlines.differences)


def _verdicts(built: Path, findings: Sequence[str]) -> str:
    table = _read(built, "diagnosis", "verdicts")
    lines = findings[: len(table)] if len(table) <= MOST_SENTENCES else by_verdict(table)
    return f"<h3>Verdict</h3>{bullets(lines)}{_figure(built, 'diagnosis', 'verdicts', headlines.verdicts)}"


def recorded_phenomenon(built: Path) -> list[dict[str, Any]]:
    """The rows of `phenomenon`, from the tables that the notebooks wrote; none where one of them is missing."""
    if not all((built / "tables" / f"{name}.csv").exists() for name in ("attention-shares", "losses-coincidence")):
        return []
    table = phenomenon(_read(built, "attention", "shares"), _read(built, "losses", "coincidence"))
    rows: list[dict[str, Any]] = table.astype(object).where(table.notna(), None).to_dict("records")
    return rows


def _phenomenon(built: Path, words: Words) -> str:
    rows = recorded_phenomenon(built)
    if not rows:
        return ""
    table = with_words(pd.DataFrame(rows), words)
    wide, constant = lay_out(table, LAYOUT)
    constants = f" ({', '.join(constant.values())})" if constant else ""
    caption = f"Attention, and how closely {words.joint_loss} follows each modality's loss{constants}."
    sentences = expectation(table)
    listed = bullets(sentences) if sentences else ""
    return f"<h3>Attention and losses</h3>{listed}{as_html(wide, with_subscripts(' '.join([caption, *notes(table)])))}"


def _figure(built: Path, question: str, name: str, headline: Callable[[pd.DataFrame], str]) -> str:
    """A figure that a notebook wrote, with what it shows, and a link to the section of its question."""
    text = headline(_read(built, question, name))
    stem = f"{question}-{name}"
    return (
        f"<figure>{drawing((built / 'figures' / f'{stem}.png').read_bytes(), text)}"
        f"<figcaption><p>{with_subscripts(text)} How to read it, and its numbers: "
        f'<a href="#{question}">{question}</a>.</p></figcaption></figure>'
    )


def _read(built: Path, question: str, name: str) -> pd.DataFrame:
    return pd.read_csv(built / "tables" / f"{question}-{name}.csv", keep_default_na=False, na_values=[""])


def _runs(study: Study, prefix: str) -> str:
    rows = []
    for run in study:
        training = run.header.training or {}
        rows.append(
            {
                "run": run.name,
                "variant": display_name("variant", run.variant),
                "smoothing": display_name("smoothing", run.smoothing),
                "mitigation": display_name("mitigation", run.mitigation),
                "control": display_name("control", run.control),
                "seed": display_name("seed", run.seed),
                "epochs": f"{len(run.commits)} of {training.get('epochs', len(run.commits))}",
                "best": str(run.commit("best").epoch),
                "batch": str(training.get("batch_size", "")),
                "learning rate": str(training.get("learning_rate", "")),
                "split": f"{run.header.split} ({len(run.samples):,})",
                "data": "simulated" if run.header.simulated else "as recorded",
            }
        )
    table = pd.DataFrame(rows)
    same = [column for column in table.columns[1:] if len(table) > 1 and len(set(table[column])) == 1]
    shared = ", ".join(f"{column} {table[column].iloc[0]}" for column in same if table[column].iloc[0])
    table = table.drop(columns=same)
    table.attrs["names"] = 1
    left_out = "".join(
        f'<p class="note">Left out: {html.escape(name)}: {html.escape(reason)}</p>'
        for name, reason in study.left_out.items()
    )
    counted = f"{len(table)} runs" if len(table) > 1 else "one run"
    return (
        as_html(table, html.escape(f"{prefix}{counted}. {f'In all of them: {shared}.' if shared else ''}")) + left_out
    )
