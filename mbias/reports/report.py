"""A report: the notebooks are run, and their findings, tables and figures become one page that stands alone."""

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
from mbias.arguments import as_url
from mbias.errors import BadInputError, MbiasError
from mbias.files import read_json, write_json, write_text
from mbias.records.study import Study, StudyLike, open_study
from mbias.reports import overview, parameters
from mbias.reports.notebooks import NotebookError, contents, notebook_path, run_notebook, to_keep, without
from mbias.tables.words import Words

COMPARISON = ("compare",)
"""The questions of a report on two studies."""

SECTIONS = tuple(name for name in QUESTIONS if name not in (*COMPARISON, "video"))
"""The questions of a report on one study; ``video`` is about one sample."""

PARTS = {"index.html", "report.json", "figures", "tables", "cited"}.union(
    f"{name}.ipynb" for name in (*SECTIONS, *COMPARISON)
)
"""What the folder of a report holds."""

MOST_KERNELS = 4
"""Each kernel holds what it analyses: half a gigabyte for a hundred runs."""


def write_report(
    study: StudyLike,
    out: str | os.PathLike[str],
    *,
    against: StudyLike | None = None,
    **chosen: Any,
) -> Path:
    """Write the report of a study, or of a comparison of two.

    The report is built beside ``out`` and takes its place when it is complete. Until then, and after a failure, the
    old report stays.

    Parameters
    ----------
    study
        The study.
    out
        The folder of the report: ``index.html``, ``report.json`` (the findings), ``figures`` (PNG, PDF), ``tables``
        (CSV, LaTeX), ``cited`` (BibTeX) and the notebooks with their outputs.
    against
        A second study; the report then compares the two.
    **chosen
        Parameters of the notebooks: ``epoch``, ``categories``, ``published`` (`mbias.reports.parameters.KNOWN`). Each
        reaches the notebooks that have it.

    Returns
    -------
    pathlib.Path
        The page.

    Raises
    ------
    BadInputError
        If a study cannot be read, its records are damaged, a parameter is unknown, no question applies, or ``out``
        holds something that is not a report.
    MbiasError
        If a notebook fails; the message names the cell.

    Examples
    --------
    >>> mbias.write_report("models/demo", "reports/demo", epok=3)
    Traceback (most recent call last):
    ...
    mbias.errors.BadInputError: a report has no parameter 'epok'; take epoch, categories, published
    """
    out = Path(out)
    given = {"study": study} if against is None else {"a": study, "b": against}
    opened = {name: open_study(runs) for name, runs in given.items()}
    for runs in opened.values():
        parameters.check(chosen, runs)
    _check_out(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    paths = {name: _paths(runs) for name, runs in given.items()}
    with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as folder:
        built = Path(folder) / "report"
        built.mkdir()
        try:
            every = [run for of_study in opened.values() for run in of_study]
            mitigated = any(run.mitigation for run in every)
            sections, reasons = _sections(built, out, paths, chosen, Words.of(every), mitigated)
        except MbiasError as error:
            kept = f"; the report in {out} is left as it was" if out.exists() else ""
            raise type(error)(f"{error}{kept}") from error
        title = " and ".join(_title(of_study) for of_study in paths.values())
        _write_page(built, title, tuple(opened.values()), sections, reasons)
        _swap(built, out)
    return out / "index.html"


def _paths(study: StudyLike) -> list[Path]:
    """The paths from which a notebook opens a study."""
    if isinstance(study, str | os.PathLike) and not as_url(study):
        return [Path(study)]
    return [run.path for run in open_study(study)]


def _title(paths: Sequence[Path]) -> str:
    name = paths[0].resolve().name
    return name if len(paths) == 1 else f"{name} and {len(paths) - 1} more"


def _check_out(out: Path) -> None:
    strange = sorted({entry.name for entry in out.iterdir()} - PARTS) if out.is_dir() else []
    if strange or (out.exists() and not out.is_dir()):
        raise BadInputError(
            f"{out}: holds {', '.join(strange) or 'a file'}, which is not part of a report; choose another folder"
        )


def _sections(
    built: Path,
    out: Path,
    studies: Mapping[str, Sequence[Path]],
    chosen: Mapping[str, Any],
    words: Words,
    mitigated: bool,
) -> tuple[dict[str, str], dict[str, str]]:
    """The content of every section by question, and why others do not apply; the notebooks run in parallel."""
    names: Sequence[str] = SECTIONS if "study" in studies else COMPARISON
    if not mitigated:
        # Without its notebook, the report of such a study is written sooner.
        names = [name for name in names if name != "mitigations"]
    absolute = {name: _as_parameter([str(path.resolve()) for path in paths]) for name, paths in studies.items()}
    # A notebook that is opened from the report's folder finds the study relative to it.
    relative = {
        name: _as_parameter([os.path.relpath(path.resolve(), out.resolve()) for path in paths])
        for name, paths in studies.items()
    }

    def run(name: str) -> str:
        path = notebook_path(name)
        executed = run_notebook(path, {**absolute, **chosen, "out": str(built.resolve())})
        executed = without(executed, "general" if words.paper else "paper")
        kept = to_keep(executed, path, {**relative, **chosen, "out": None})
        write_text(built / f"{name}.ipynb", _as_given(kept, studies))
        return _as_given(contents(executed), studies)

    sections, reasons = {}, {}
    if "study" in studies and not mitigated:
        reasons["mitigations"] = "no run has a mitigation"
    with ThreadPoolExecutor(min(MOST_KERNELS, os.cpu_count() or 1)) as pool:
        # The longest first; diagnosis reuses the estimates of reliance.
        first = ("reliance", "attention", "losses", "diagnosis")
        order = sorted(names, key=lambda name: first.index(name) if name in first else len(first))
        running = {name: pool.submit(run, name) for name in order}
        for name in names:
            try:
                sections[name] = running[name].result()
            except NotebookError as error:
                reason = _as_given(_why_not_applicable(built, name, error, pool), studies)
                reasons[name] = reason
    if not sections:
        raise BadInputError(f"no question applies to these runs; {next(iter(reasons.values()))}")
    return sections, reasons


def _why_not_applicable(built: Path, name: str, error: NotebookError, pool: ThreadPoolExecutor) -> str:
    """Why a question does not apply, as its notebook recorded it; raise where the notebook failed otherwise."""
    file = built / "findings" / f"{name}-error.json"
    recorded = read_json(file, "error of a notebook", "run the report again") if file.exists() else None
    if recorded and not recorded["applies"]:
        return str(recorded["reason"])
    pool.shutdown(cancel_futures=True)
    if recorded:
        raise BadInputError(recorded["reason"]) from error
    raise MbiasError(str(error)) from error


def _as_parameter(paths: list[str]) -> str | list[str]:
    return paths[0] if len(paths) == 1 else paths


def _as_given(text: str, studies: Mapping[str, Sequence[Path]]) -> str:
    """A text with the paths of the studies as they were given, so that a report does not name the folders above."""
    for path in (path for paths in studies.values() for path in paths):
        text = text.replace(str(path.resolve()), str(path))
    return text


def _write_page(
    built: Path, title: str, studies: Sequence[Study], sections: Mapping[str, str], reasons: Mapping[str, str]
) -> None:
    findings = {name: read_json(built / "findings" / f"{name}.json", "finding", "run it again") for name in sections}
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
    links = "".join(f'<a href="#{name}">{name}</a>' for name in ("overview", *sections))
    body = "".join(f'<section id="{name}">\n{content}\n</section>\n' for name, content in sections.items())
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
    """Put the report in its place; the old one moves to the temporary folder and is removed with it."""
    if out.exists():
        out.replace(built.with_name("old"))
    built.replace(out)
