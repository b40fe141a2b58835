"""What makes mbias-analyze a tool: help with examples, definitions, completion, formats, exit codes."""

from __future__ import annotations

import argparse
import csv
import io
import json
import shutil
import subprocess

import pytest

from mbias.analysis.questions import QUESTIONS
from mbias.cli.analyze import _parser, main
from mbias.cli.completion import SHELLS
from tests.drawn_runs import draw_run, draw_study

COMMANDS = next(a for a in _parser()._actions if isinstance(a, argparse._SubParsersAction)).choices


@pytest.mark.parametrize("name", COMMANDS)
def test_help_has_an_example_that_parses(name):
    example = COMMANDS[name].epilog.removeprefix("example: ").split(" > ")[0].split()

    assert example[:2] == ["mbias-analyze", name]
    assert _parser().parse_args(example[1:]).handler


def test_help_tells_the_exit_codes(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--help"])

    assert ended.value.code == 0
    assert "exit codes: 0 done, 1 a failure, 2 bad input, 130 interrupted" in capsys.readouterr().out


@pytest.mark.parametrize("word", [*QUESTIONS, "compare", "video"])
def test_explain_defines_every_table(word, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit) as ended:
        main([word, "--explain"])
    out = capsys.readouterr().out

    assert ended.value.code == 0
    for table in QUESTIONS[word].tables if word in QUESTIONS else ():
        assert f"\n### {table}\n" in out
    if word in QUESTIONS:
        assert QUESTIONS[word].paper in " ".join(out.split())
    assert max(map(len, out.splitlines())) <= 80
    assert "----" not in out
    assert "Raises" not in out


@pytest.mark.parametrize("shell", SHELLS)
def test_completion_knows_every_command(shell, capsys):
    assert main(["completion", shell]) == 0
    out = capsys.readouterr().out

    for name in COMMANDS:
        assert name in out


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash is installed")
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["lo"], "losses"),
        (["losses", "--fo"], "--format"),
        (["losses", "--format", "l"], "latex"),
        (["attention", "--table", "mo"], "movement"),
    ],
)
def test_bash_completes(words, expected, capsys):
    assert main(["completion", "bash"]) == 0
    line = " ".join(f"'{word}'" for word in ["mbias-analyze", *words])
    before = (["mbias-analyze", *words])[-2]
    asked = f"""
COMP_WORDS=({line}); COMP_CWORD={len(words)}
_shtab_mbias_analyze mbias-analyze '{words[-1]}' '{before}'
echo "${{COMPREPLY[@]}}"
"""
    done = subprocess.run(["bash"], input=capsys.readouterr().out + asked, capture_output=True, text=True, check=True)

    assert expected in done.stdout.split()


def test_validate_in_every_format(tmp_path, capsys):
    sound, altered = draw_run(tmp_path / "a"), draw_run(tmp_path / "b, %")
    (altered / "epochs" / "0002.safetensors").write_bytes(b"")
    command = ["validate", str(tmp_path), "--format"]

    assert main([*command, "json"]) == 2
    rows = json.loads(capsys.readouterr().out)
    assert [row["path"] for row in rows][:2] == [str(sound), str(altered)]
    assert (rows[0]["fault"], bool(rows[1]["fault"])) == ("", True)
    assert main([*command, "csv"]) == 2
    assert [row["path"] for row in csv.DictReader(io.StringIO(capsys.readouterr().out))] == [
        row["path"] for row in rows
    ]
    assert main([*command, "latex"]) == 2
    assert r"b, \%" in capsys.readouterr().out


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    settings = [
        (variant, smoothing) for variant in ("across_vself", "across_vcross") for smoothing in ("no_ls", "ls_v")
    ]
    return str(draw_study(tmp_path_factory.mktemp("runs") / "drawn", settings, seeds=(0, 1), categories=3))


@pytest.mark.parametrize("columns", ["80", "120"])
@pytest.mark.parametrize(("word", "table"), [(q.word, name) for q in QUESTIONS.values() for name in q.tables])
def test_every_table_fits(study, word, table, columns, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", columns)

    assert main([word, study, "--table", table]) == 0
    assert max(map(len, capsys.readouterr().out.splitlines())) <= int(columns)
