from __future__ import annotations

import csv
import io
import json
import subprocess
import sys

import pytest

from mbias.analysis.questions import QUESTIONS
from mbias.cli.analyze import main
from tests.drawn_runs import draw_run, draw_study


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """The paper's ten runs, and one of them with another seed."""
    folder = draw_study(tmp_path_factory.mktemp("runs") / "drawn")
    return str(draw_study(folder, [("across_vcross", "ls_v")], seeds=[1]))


def _loaded(code: str) -> set[str]:
    watched = ("torch", "pandas", "xarray", "matplotlib", "scipy", "seaborn")
    program = f"import sys\n{code}\nprint([name for name in {watched!r} if name in sys.modules], file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(json.loads(done.stderr.strip().splitlines()[-1].replace("'", '"')))


def test_help_is_light():
    code = "from mbias.cli.analyze import main\ntry:\n    main(['--help'])\nexcept SystemExit:\n    pass"

    assert _loaded(code) == set()


def test_analysing_never_loads_torch(study, tmp_path):
    calls = [f"main([{word!r}, {study!r}, '--figure', {str(tmp_path / 'f.png')!r}])" for word in QUESTIONS]

    loaded = _loaded("\n".join(["from mbias.cli.analyze import main", *calls]))
    assert "torch" not in loaded
    assert {"xarray", "seaborn"}.isdisjoint(loaded)


@pytest.mark.parametrize("word", QUESTIONS)
def test_table_fits_the_terminal(study, word, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")

    assert main([word, study]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[-1].startswith("Simulated data.")


@pytest.mark.parametrize(("word", "name"), [(q.word, name) for q in QUESTIONS.values() for name in q.tables])
def test_every_table_in_every_format(study, word, name, capsys):
    question = QUESTIONS[word]
    assert main([word, study, "--table", name, "--format", "json"]) == 0
    rows = json.loads(capsys.readouterr().out, parse_constant=lambda text: pytest.fail(f"{text} is no JSON"))
    assert main([word, study, "--table", name, "--format", "csv"]) == 0
    read = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert main([word, study, "--table", name, "--format", "latex"]) == 0
    latex = capsys.readouterr().out

    assert len(rows) == len(read) > 0
    for exact, text in zip(rows, read, strict=True):
        for column, value in exact.items():
            if isinstance(value, float):
                assert float(text[column]) == value
    assert latex.count(r"\toprule") == latex.count(r"\bottomrule") == 1
    assert question.layout(name)


def test_latex_escapes_names(tmp_path, capsys):
    path = draw_run(tmp_path / "50% & more_$x", external=True, names=("a_b", "c&d", "#e"))

    assert main(["attention", str(path), "--table", "contributions", "--format", "latex"]) == 0
    latex = capsys.readouterr().out
    assert r"a\_b" in latex
    assert r"c\&d" in latex
    assert r"\#e" in latex


def test_published_stand_beside(study, capsys):
    assert main(["variants", study, "--published", "--format", "json"]) == 0
    rows = json.loads(capsys.readouterr().out)

    cell = [
        row
        for row in rows
        if (row["source"], row["variant"], row["metric"], row["level"])
        == ("published", "across_vself", "visual", "event")
    ]
    assert [row["f_score"] for row in cell] == [51.2]


def test_epoch(study, capsys):
    assert main(["attention", study, "--epoch", "1", "--format", "json"]) == 0
    assert {row["epoch"] for row in json.loads(capsys.readouterr().out)} == {1}
    assert main(["attention", study, "--epoch", "7"]) == 2
    assert "no epoch 7; take 1 to 3" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["losses", "nowhere"], "there is no such folder"),
        (["losses", "."], "no run.json in it"),
        (["variants", "RUN"], "no two variants in these runs share a smoothing"),
        (["losses", "RUN", "--figure", "figure.jpg"], "a figure is written as .pdf, .png or .svg"),
        (["losses", "RUN", "--figure", "nowhere/figure.pdf"], "there is no folder nowhere"),
    ],
)
def test_bad_input_is_one_line_and_code_2(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    draw_run(tmp_path / "runs" / "one")
    arguments = [str(tmp_path / "runs" / "one") if word == "RUN" else word for word in arguments]

    assert main(arguments) == 2
    printed = capsys.readouterr()
    assert message in printed.err
    assert printed.err.count("\n") == 1
    assert printed.out == ""


def test_incomplete_runs_are_named(tmp_path, capsys):
    path = draw_run(tmp_path / "one")
    log = path / "epochs.jsonl"
    log.write_text("".join(log.read_text().splitlines(keepends=True)[:2]))

    assert main(["losses", str(path)]) == 0
    assert "not trained to the end yet: one (2 epochs)" in capsys.readouterr().err


def test_validate_tells_sound_from_altered(tmp_path, capsys):
    sound, altered = draw_run(tmp_path / "a"), draw_run(tmp_path / "b")
    assert main(["validate", str(tmp_path)]) == 0
    shard = altered / "epochs" / "0002.safetensors"
    content = bytearray(shard.read_bytes())
    content[-1] ^= 1
    shard.write_bytes(content)
    capsys.readouterr()

    assert main(["validate", str(tmp_path)]) == 2
    out = capsys.readouterr().out
    assert f"{sound}: sound" in out
    assert f"{shard}: its sha256 is not the committed one" in out
