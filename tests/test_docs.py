"""The documentation: its commands, run as a reader runs them on less data, and what is made from the code."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from mbias.reports import definitions

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
SYNTH = "mbias synth data/{} --train 48 --val 12 --test 24"
STUDY = """
[data]
path = "../data/{}"
[training]
epochs = 2
[[grid]]
variants = {}
smoothing = ["no_ls", "ls_v"]
seeds = [0]
"""
"""What the pages' data and studies are cut down to."""


def script(page: str, instead: dict[str, str]) -> str:
    """The page's blocks as one script of bash; commands among ``instead`` are replaced, Python runs in one process."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```", (DOCS / page).read_text(encoding="utf-8"), re.M | re.S)
    unseen = set(instead)
    parts = ["set -euo pipefail"]
    python = [block for language, block in blocks if language == "python"]
    for language, block in blocks:
        match language:
            case "sh":
                unseen -= set(block.splitlines())
                parts += [instead.get(line, line) for line in block.splitlines()]
            case "toml":
                parts.append(f"cat > {block.splitlines()[0].removeprefix('# ')} <<'END'\n{block}END")
            case "python" if block == python[-1]:
                parts.append(f"python - <<'END'\n{''.join(python)}END")
            case "python":
                continue
            case _:
                raise AssertionError(f"{page}: a block of {language!r} is not run")
    assert not unseen, f"{page} has no command {unseen}"
    return "\n".join(parts)


def run(text: str, folder: Path) -> str:
    """What a script prints."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PS4": "+ ", "COLUMNS": "80"}
    done = subprocess.run(
        ["bash", "-x"], input=text, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def prepare(folder: Path, name: str, data: str, variants: str) -> None:
    """A folder with the definition of a small study."""
    (folder / "models").mkdir()
    (folder / "models" / f"{name}.toml").write_text(STUDY.format(data, variants))


@pytest.mark.slow
def test_the_tutorial(tmp_path):
    pytest.importorskip("ipywidgets")
    prepare(tmp_path, "demo", "demo", '["across_vcross"]')
    demo = f"{SYNTH.format('demo')} --packed && mbias study models/demo.toml"
    printed = run(script("tutorial.md", {"make report": demo}), tmp_path)

    assert "and the exit code was 2" in printed
    assert (tmp_path / "roll.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.slow
def test_how_to_reproduce_the_paper(tmp_path):
    prepare(tmp_path, "paper", "LLP", '["across_vself", "across_vcross"]')
    page = script("reproduce.md", {})
    run(f"{SYNTH.format('LLP')}\n{page}", tmp_path)

    assert (tmp_path / "reports" / "paper" / "index.html").exists()


def test_commands_are_known():
    """The short form of the two above: every command of the pages parses."""
    from mbias.cli.analyze import _parser as analyze
    from mbias.cli.main import _parser as train

    parsers = {"mbias": train(), "mbias-analyze": analyze()}
    commands = [
        line.split(" || ")[0].split(" > ")[0].split()
        for page in ("tutorial.md", "reproduce.md")
        for line in script(page, {}).splitlines()
        if line.startswith(("mbias ", "mbias-analyze "))
    ]

    assert len(commands) > 30
    for program, *arguments in commands:
        if "--explain" not in arguments:
            assert parsers[program].parse_args(arguments).handler


def test_measures_are_those_of_the_code():
    made = subprocess.run(
        [sys.executable, "-m", "mbias.reports.definitions"], capture_output=True, text=True, check=True, cwd=ROOT
    )

    assert (DOCS / "measures.md").read_text(encoding="utf-8") == made.stdout, (
        "a definition has changed: python -m mbias.reports.definitions > docs/measures.md"
    )


def test_every_measure_in_a_table_is_defined():
    from mbias.analysis.measures.catalogue import MEASURES

    headings = re.findall(r"^### (.*)$", definitions.explanation("reliance", 100), re.M)
    assert {measure.name for measure in MEASURES} <= {name for heading in headings for name in heading.split(", ")}


@pytest.mark.parametrize("page", sorted(path.name for path in DOCS.glob("*.md")))
def test_links_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)#]+)", (DOCS / page).read_text(encoding="utf-8")):
        assert link.startswith("https://") or (DOCS / link).exists(), link
