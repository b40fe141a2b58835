"""A study's report: the notebooks run, their findings, tables and figures on one page that stands alone."""

from __future__ import annotations

import html
import shutil
import tempfile
from pathlib import Path
from typing import Any

from mbias.analysis.questions import QUESTIONS
from mbias.errors import BadInputError, MbiasError
from mbias.files import read_json, write_json, write_text
from mbias.records.study import Study, open_study
from mbias.reports.notebooks import notebook_path

PARTS = {"index.html", "report.json", "figures", "tables"}
"""What a report's folder holds."""


def write_report(study: Path, out: Path, published: bool = False) -> Path:
    """Write the report of a study.

    It is built beside ``out`` and takes its place when it is whole; until then, and after a failure, the old report
    stands.

    Parameters
    ----------
    study
        Folder of runs, or of one run.
    out
        Folder of the report: ``index.html``, ``report.json`` (the findings), ``figures`` (PNG, PDF), ``tables``
        (CSV, LaTeX).
    published
        Whether the paper's figures stand beside the measured ones.

    Returns
    -------
    pathlib.Path
        The page.

    Raises
    ------
    BadInputError
        If the study cannot be read, no question applies to it, or ``out`` holds something that is no report.
    MbiasError
        If a notebook fails; the message names the cell.
    """
    runs = open_study(study)
    _check_out(out)
    reasons = _reasons(runs)
    words = [word for word in QUESTIONS if word not in reasons]
    if not words:
        raise BadInputError(f"{study}: no question applies to these runs; {next(iter(reasons.values()))}")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as folder:
        built = Path(folder) / "report"
        built.mkdir()
        parameters = {"study": str(study.resolve()), "published": published, "out": str(built.resolve())}
        sections = {word: _section(word, parameters, out) for word in words}
        _write_page(built, runs, study, sections, reasons)
        _swap(built, out)
    return out / "index.html"


def _check_out(out: Path) -> None:
    strange = sorted({entry.name for entry in out.iterdir()} - PARTS) if out.is_dir() else []
    if strange or (out.exists() and not out.is_dir()):
        raise BadInputError(
            f"{out}: holds {', '.join(strange) or 'a file'}, which is no part of a report; choose another folder"
        )


def _reasons(runs: Study) -> dict[str, str]:
    """Why a question does not apply, by its word."""
    reasons = {}
    for question in QUESTIONS.values():
        try:
            question.table(runs)
        except BadInputError as error:
            reasons[question.word] = str(error)
    return reasons


def _section(word: str, parameters: dict[str, Any], out: Path) -> str:
    """Content of a question's section: its notebook, run."""
    from mbias.reports.notebooks import contents, run_notebook

    try:
        return contents(run_notebook(notebook_path(word), parameters))
    except MbiasError as error:
        stands = f"; the report in {out} is left as it was" if out.exists() else ""
        raise MbiasError(f"{error}{stands}") from error


def _write_page(built: Path, runs: Study, study: Path, sections: dict[str, str], reasons: dict[str, str]) -> None:
    from mbias.reports import overview

    findings = {word: read_json(built / "findings" / f"{word}.json", "finding", "run it again") for word in sections}
    shutil.rmtree(built / "findings")
    try:
        measured = overview.phenomenon(runs)
    except BadInputError:
        rows = []
    else:
        rows = measured.astype(object).where(measured.notna(), None).to_dict("records")
    facts = {"study": study.resolve().name, "runs": len(runs), "simulated": runs.simulated}
    write_json(built / "report.json", {**facts, "phenomenon": rows, "findings": findings, "not_applicable": reasons})
    front = overview.overview(runs, reasons)
    write_text(built / "index.html", _page(study.resolve().name, runs.simulated, front, sections))


def _page(title: str, simulated: bool, front: str, sections: dict[str, str]) -> str:
    style = Path(__file__).with_name("report.css").read_text(encoding="utf-8")
    links = "".join(f'<a href="#{word}">{word}</a>' for word in ("overview", *sections))
    body = "".join(f'<section id="{word}">\n{content}\n</section>\n' for word, content in sections.items())
    badge = '<p class="badge">Simulated data</p>' if simulated else ""
    name = html.escape(title)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{name}: modality bias</title>
<style>
{style}</style>
</head>
<body>
<nav aria-label="sections">{links}</nav>
<main>
<header><h1>Modality bias: {name}</h1>{badge}</header>
<section id="overview">
<h2>Overview</h2>
{front}
</section>
{body}</main>
</body>
</html>
"""


def _swap(built: Path, out: Path) -> None:
    """Put the report in its place; the old one goes to the temporary folder, and with it."""
    if out.exists():
        out.replace(built.with_name("old"))
    built.replace(out)
