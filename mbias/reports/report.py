"""A report: the notebooks run, their findings, tables and figures on one page that stands alone."""

from __future__ import annotations

import html
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from mbias.analysis.questions import QUESTIONS
from mbias.errors import BadInputError, MbiasError
from mbias.files import read_json, write_json, write_text
from mbias.records.study import Study, open_study
from mbias.reports import overview, parameters
from mbias.reports.notebooks import NotebookError, contents, notebook_path, run_notebook, to_keep

COMPARISON = ("compare",)
"""Notebooks of a report on two studies; a report on one has a notebook a question."""

PARTS = {"index.html", "report.json", "figures", "tables", "cited"} | {f"{w}.ipynb" for w in (*QUESTIONS, *COMPARISON)}
"""What a report's folder holds."""

MOST_KERNELS = 4
"""Each holds what it analyses: half a gigabyte for a hundred runs."""


def write_report(studies: Sequence[Path], out: Path, **chosen: Any) -> Path:
    """Write the report of a study, or of a comparison of two.

    It is built beside ``out`` and takes its place when it is whole; until then, and after a failure, the old report
    stands.

    Parameters
    ----------
    studies
        One or two folders of runs, or of one run.
    out
        Folder of the report: ``index.html``, ``report.json`` (the findings), ``figures`` (PNG, PDF), ``tables``
        (CSV, LaTeX), ``cited`` (BibTeX) and the notebooks with their outputs.
    chosen
        Parameters of the notebooks (`mbias.reports.parameters.KNOWN`); each reaches those that have it.

    Returns
    -------
    pathlib.Path
        The page.

    Raises
    ------
    BadInputError
        If a study cannot be read, no question applies to it, or ``out`` holds something that is no report.
    MbiasError
        If a notebook fails; the message names the cell.
    """
    opened = [open_study(study) for study in studies]
    for runs in opened:
        parameters.check(chosen, runs)
    _check_out(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as folder:
        built = Path(folder) / "report"
        built.mkdir()
        places = dict(zip(("study",) if len(studies) == 1 else ("a", "b"), studies, strict=True))
        try:
            sections, reasons = _sections(built, out, places, chosen)
        except MbiasError as error:
            stands = f"; the report in {out} is left as it was" if out.exists() else ""
            raise type(error)(f"{error}{stands}") from error
        title = " and ".join(study.resolve().name for study in studies)
        _write_page(built, title, opened, sections, reasons)
        _swap(built, out)
    return out / "index.html"


def _check_out(out: Path) -> None:
    strange = sorted({entry.name for entry in out.iterdir()} - PARTS) if out.is_dir() else []
    if strange or (out.exists() and not out.is_dir()):
        raise BadInputError(
            f"{out}: holds {', '.join(strange) or 'a file'}, which is no part of a report; choose another folder"
        )


def _sections(
    built: Path, out: Path, studies: Mapping[str, Path], chosen: Mapping[str, Any]
) -> tuple[dict[str, str], dict[str, str]]:
    """Content of every section by its word, and why the others do not apply; the notebooks run side by side."""
    words = tuple(QUESTIONS) if "study" in studies else COMPARISON
    there = {name: str(study.resolve()) for name, study in studies.items()}
    # Beside the report, a notebook finds the study from where it lies.
    beside = {name: os.path.relpath(study.resolve(), out.resolve()) for name, study in studies.items()}

    def run(word: str) -> str:
        path = notebook_path(word)
        done = run_notebook(path, {**there, **chosen, "out": str(built.resolve())})
        kept = to_keep(done, path, {**beside, **chosen, "out": None})
        write_text(built / f"{word}.ipynb", _as_given(kept, studies))
        return _as_given(contents(done), studies)

    sections, reasons = {}, {}
    with ThreadPoolExecutor(min(MOST_KERNELS, os.cpu_count() or 1)) as pool:
        # Reliance takes longest, and diagnosis takes its estimates over.
        order = sorted(words, key=lambda word: {"reliance": 0, "diagnosis": 2}.get(word, 1))
        running = {word: pool.submit(run, word) for word in order}
        for word in words:
            try:
                sections[word] = running[word].result()
            except NotebookError as error:
                # Until its finding is out, a question that finds no input it could use does not apply.
                if error.kind != BadInputError.__name__ or (built / "findings" / f"{word}.json").exists():
                    pool.shutdown(cancel_futures=True)
                    raise MbiasError(str(error)) from error
                reasons[word] = _as_given(error.reason, studies)
    if not sections:
        raise BadInputError(f"no question applies to these runs; {next(iter(reasons.values()))}")
    return sections, reasons


def _as_given(text: str, studies: Mapping[str, Path]) -> str:
    """A text with the studies' paths as they were given: a report says nothing of the folders above them."""
    for study in studies.values():
        text = text.replace(str(study.resolve()), str(study))
    return text


def _write_page(
    built: Path, title: str, studies: Sequence[Study], sections: Mapping[str, str], reasons: Mapping[str, str]
) -> None:
    findings = {word: read_json(built / "findings" / f"{word}.json", "finding", "run it again") for word in sections}
    shutil.rmtree(built / "findings")
    simulated = any(runs.simulated for runs in studies)
    facts = {"study": title, "runs": sum(map(len, studies)), "simulated": simulated}
    phenomenon = overview.recorded_phenomenon(built)
    write_json(
        built / "report.json",
        {**facts, "phenomenon": phenomenon, "findings": findings, "not_applicable": dict(reasons)},
    )
    front = overview.overview(built, studies, findings, reasons)
    write_text(built / "index.html", _page(title, simulated, front, sections))


def _page(title: str, simulated: bool, front: str, sections: Mapping[str, str]) -> str:
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
