"""The program mbias-analyze: its tables, formats and exit codes."""

from __future__ import annotations

import argparse
import csv
import io
import json
import subprocess
import sys

import pytest

import mbias
from mbias.analysis.paper.published import checks
from mbias.analysis.questions import QUESTIONS, question
from mbias.cli.analyze import _parser, main
from mbias.reports.report import SECTIONS
from tests.drawn_runs import cut_shard, draw_external_probe, draw_mitigated, draw_run, draw_study, fill_probe_with_nan
from tests.other_models import record_other

COMMANDS = next(a for a in _parser()._actions if isinstance(a, argparse._SubParsersAction)).choices


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """The paper's ten runs, and one of them with another seed; some categories have 20 labelled videos."""
    folder = draw_study(tmp_path_factory.mktemp("runs") / "drawn", videos=60)
    return str(draw_study(folder, [("across_vcross", "ls_v")], seeds=[1], videos=60))


@pytest.fixture(scope="module")
def of_llp(tmp_path_factory):
    """Two runs with the categories of LLP, which its published scores need."""
    cells = [("across_vself", "ls_v"), ("across_vcross", "ls_v")]
    return str(draw_study(tmp_path_factory.mktemp("runs") / "llp", cells, categories=25))


@pytest.fixture(scope="module")
def special(of_llp, tmp_path_factory):
    """The studies of what does not apply to others: by table or question."""
    return {"llp_line": of_llp, "mitigations": str(draw_mitigated(tmp_path_factory.mktemp("runs") / "mitigated"))}


def _loaded(code: str) -> set[str]:
    watched = ("torch", "pandas", "xarray", "matplotlib", "scipy", "seaborn")
    program = f"import sys\n{code}\nprint([name for name in {watched!r} if name in sys.modules], file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(json.loads(done.stderr.strip().splitlines()[-1].replace("'", '"')))


def test_help_is_light():
    code = "from mbias.cli.analyze import main\ntry:\n    main(['--help'])\nexcept SystemExit:\n    pass"

    assert _loaded(code) == set()


def test_analysing_never_loads_torch(study, tmp_path):
    calls = [f"main([{asked!r}, {study!r}, '--figure', {str(tmp_path / 'f.png')!r}])" for asked in SECTIONS]

    loaded = _loaded("\n".join(["from mbias.cli.analyze import main", *calls]))
    assert "torch" not in loaded
    assert {"xarray", "seaborn"}.isdisjoint(loaded)


@pytest.mark.parametrize("asked", SECTIONS)
def test_table_fits_the_terminal(study, special, asked, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")

    assert main([asked, special.get(asked, study)]) == 0
    text = capsys.readouterr().out
    assert max(map(len, text.splitlines())) <= 80
    assert text.split("\n\n")[-1].startswith("Simulated data.")


@pytest.mark.parametrize(
    ("asked", "name"), [(asked, name) for asked in SECTIONS for name in question(asked).table_names]
)
def test_every_table_in_every_format(study, special, asked, name, capsys):
    study = special.get(name) or special.get(asked, study)
    assert main([asked, study, "--table", name, "--format", "json"]) == 0
    rows = json.loads(capsys.readouterr().out, parse_constant=lambda text: pytest.fail(f"{text} is no JSON"))
    assert main([asked, study, "--table", name, "--format", "csv"]) == 0
    read = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert main([asked, study, "--table", name, "--format", "latex"]) == 0
    latex = capsys.readouterr().out

    assert len(rows) == len(read) > 0
    for exact, text in zip(rows, read, strict=True):
        for column, value in exact.items():
            if isinstance(value, float):
                assert float(text[column]) == value
    assert latex.count(r"\toprule") == latex.count(r"\bottomrule") == 1


def test_latex_escapes_names(tmp_path, capsys):
    path = draw_run(tmp_path / "50% & more_$x", external=True, names=("a_b", "c&d", "#e"))

    assert main(["attention", str(path), "--table", "contributions", "--format", "latex"]) == 0
    latex = capsys.readouterr().out
    assert r"a\_b" in latex
    assert r"c\&d" in latex
    assert r"\#e" in latex


def test_published_scores_follow_the_measured_ones(study, capsys):
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
    arguments = [str(tmp_path / "runs" / "one") if argument == "RUN" else argument for argument in arguments]

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
    assert "training is not finished: one (2 epochs)" in capsys.readouterr().err


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


@pytest.mark.parametrize("asked", QUESTIONS)
def test_explain_defines_every_table(asked, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit) as ended:
        main([asked, "--explain"])
    out = capsys.readouterr().out

    assert ended.value.code == 0
    for table in question(asked).table_names:
        assert f"\n### {table}\n" in out
    assert question(asked).paper in " ".join(out.split())
    assert max(map(len, out.splitlines())) <= 80
    assert "----" not in out
    assert "Raises" not in out


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
def two_seeds(tmp_path_factory):
    settings = [
        (variant, smoothing) for variant in ("across_vself", "across_vcross") for smoothing in ("no_ls", "ls_v")
    ]
    return str(draw_study(tmp_path_factory.mktemp("runs") / "drawn", settings, seeds=(0, 1), categories=3, videos=60))


@pytest.mark.parametrize("columns", ["80", "120"])
@pytest.mark.parametrize(
    ("asked", "table"), [(asked, name) for asked in SECTIONS for name in question(asked).table_names]
)
def test_every_table_fits(two_seeds, special, asked, table, columns, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", columns)

    assert main([asked, special.get(table) or special.get(asked, two_seeds), "--table", table]) == 0
    assert max(map(len, capsys.readouterr().out.splitlines())) <= int(columns)


def refused(arguments, capsys):
    """The one line on standard error with which a command ends, which printed nothing else."""
    assert main([str(argument) for argument in arguments]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    assert printed.err.startswith("mbias-analyze: error: ")
    return printed.err.strip()


def test_version(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--version"])

    assert (ended.value.code, capsys.readouterr().out) == (0, f"mbias-analyze {mbias.__version__}\n")


@pytest.mark.parametrize("name", ["reliance", "diagnosis"])
@pytest.mark.parametrize("form", ["table", "csv"])
def test_a_probe_of_nan_is_named(tmp_path, name, form, capsys):
    folder = draw_study(tmp_path / "study", [("across_vcross", "ls_a"), ("across_vcross", "ls_v")])
    probe = fill_probe_with_nan(folder / "across_vcross-ls_v-0")

    assert f"{probe}: the pass " in refused([name, folder, "--format", form], capsys)
    runs = [folder / f"across_vcross-{smoothing}-0" for smoothing in ("ls_a", "ls_v")]
    assert f"{probe}: the pass " in refused(["compare", *runs], capsys)


def test_validate_names_a_probe_of_nan(tmp_path, capsys):
    probe = fill_probe_with_nan(draw_run(tmp_path / "run"))

    assert main(["validate", str(tmp_path)]) == 2
    assert f"{probe}: the pass with audio replaced by 'mean'" in capsys.readouterr().out


@pytest.mark.parametrize("name", [name for name in QUESTIONS if name != "compare"])
def test_a_cut_shard_is_named(tmp_path, name, capsys):
    shard = cut_shard(draw_run(tmp_path / "run"))

    assert str(shard) in refused([name, tmp_path / "run"], capsys)


def test_a_cut_shard_is_named_by_the_other_commands(tmp_path, capsys):
    sound, run = draw_run(tmp_path / "sound"), draw_run(tmp_path / "run")
    shard = cut_shard(run)

    assert str(shard) in refused(["compare", sound, run], capsys)
    assert str(shard) in refused(["report", run, "--out", tmp_path / "out"], capsys)
    assert str(shard) in refused(["export", run, "--out", tmp_path / "run.nc"], capsys)
    assert main(["validate", str(run)]) == 2
    assert str(shard) in capsys.readouterr().out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run", "sound"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["atention", "models"], "'atention' (choose from"),
        (["attention", "models", "--table", "share"], "invalid choice: 'share'"),
        (["attention", "models", "--epoch", "lst"], "'lst' is not an epoch: take a number, 'last' or 'best'"),
        (["attention", "models", "--epok", "3"], "unrecognized arguments: --epok 3"),
        (["attention", "models", "--format", "xml"], "invalid choice: 'xml'"),
        (["attention"], "the following arguments are required: PATH"),
        ([], "the following arguments are required: COMMAND"),
    ],
)
def test_a_misspelt_argument_is_named(arguments, message, capsys):
    with pytest.raises(SystemExit) as ended:
        main(arguments)

    assert ended.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["losses", "--table", "coincidence", "--epoch", "1"], "the table 'coincidence' has no option 'epoch'"),
        (["attention", "--table", "movement", "--epoch", "1"], "the table 'movement' has no option 'epoch'"),
        (["variants", "--table", "orderings", "--published"], "the table 'orderings' has no option 'published'"),
        (["attention", "--epoch", "9"], "no epoch 9; take 1 to 3, 'last' or 'best'"),
        (["attention", "--table", "seeds"], "every setting has one seed"),
    ],
)
def test_an_option_that_the_table_lacks_is_refused(tmp_path, arguments, message, capsys):
    name, *options = arguments
    folder = draw_study(tmp_path / "study", [("across_vself", "ls_v"), ("across_vcross", "ls_v")])
    if name == "losses":
        # losses has no --epoch at all.
        with pytest.raises(SystemExit):
            main([name, str(folder), *options])
        assert "unrecognized arguments: --epoch 1" in capsys.readouterr().err
        return
    assert message in refused([name, folder, *options], capsys)


@pytest.mark.parametrize(("name", "table"), [("losses", "curves"), ("attention", "movement"), ("losses", "seeds")])
def test_the_same_setting_and_seed_twice_is_refused(tmp_path, name, table, capsys):
    paths = [draw_run(tmp_path / folder / "run") for folder in "ab"]
    message = refused([name, *paths, "--table", table], capsys)

    assert "run: another run has the same setting and seed; leave one of them out" in message


def test_measures_that_do_not_apply_are_named(tmp_path, capsys):
    path = str(draw_external_probe(tmp_path / "mine"))
    reason = "drop (p, zero) (mine: the probe has no pass with visual replaced by 'zero'"

    assert main(["reliance", path, "--table", "measures"]) == 0
    printed = capsys.readouterr()
    assert f"Left out: {reason}" in " ".join(printed.out.split())
    for form in ("csv", "json"):
        assert main(["reliance", path, "--table", "measures", "--format", form]) == 0
        printed = capsys.readouterr()
        assert f"mbias-analyze: note: Left out: {reason}" in printed.err
        assert "drop (p, zero)" not in printed.out


def test_epochs_that_were_not_recorded_are_named(tmp_path, capsys):
    """The contribution of an epoch that holds the attention alone is not known, and the table says so."""
    path = str(draw_run(tmp_path / "run"))

    assert main(["attention", path, "--epoch", "1", "--format", "csv"]) == 0
    assert "Left out: contribution (" in capsys.readouterr().err


def test_a_figure_of_reliance_shows_shares_where_no_balance_applies(tmp_path):
    path = record_other(tmp_path / "run")

    assert main(["reliance", str(path), "--figure", str(tmp_path / "figure.png")]) == 0
    assert (tmp_path / "figure.png").stat().st_size > 0


def test_the_published_losses_stand_beside_the_measured_ones(study, tmp_path, capsys):
    figure = tmp_path / "fig2.png"

    assert main(["losses", study, "--published", "--format", "csv", "--figure", str(figure)]) == 0
    printed = capsys.readouterr()
    rows = {(row["source"], row["modality"]): row for row in csv.DictReader(io.StringIO(printed.out))
            if (row["variant"], row["smoothing"]) == ("across_vcross", "ls_v")}  # fmt: skip
    assert float(rows["published", "visual"]["mse"]) == 0.104
    assert round(float(rows["published", "visual"]["implied"]), 3) == 0.198
    assert rows["published", "audio"]["implied"] == ""
    assert float(rows["measured", "visual"]["mse"]) > 0
    assert "note: Table 2 misprints the visual F-scores of A_cross + V_self, LS-AV" in printed.err
    assert "note: MSE_wsl,v = 0.104 (Fig. 2) implies delta = 0.198." in printed.err
    assert figure.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("command", [["losses"], ["variants"], ["smoothing"], ["smoothing", "--table", "stability"]])
def test_what_the_published_numbers_imply_is_said_below_each_of_their_tables(study, command, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "1000")
    name, *options = command

    assert main([name, study, *options, "--published"]) == 0
    notes = capsys.readouterr().out.splitlines()[-1]
    for check in checks():
        assert check in notes
    assert main([name, study, *options]) == 0
    assert "0.198" not in capsys.readouterr().out


def test_several_processes_print_the_same(study, capsys):
    assert main(["attention", study, "--format", "csv"]) == 0
    alone = capsys.readouterr().out

    assert main(["attention", study, "--format", "csv", "--workers", "2"]) == 0
    assert capsys.readouterr().out == alone
    assert main(["attention", study, "--workers", "0"]) == 2
    assert "0 is not a number of processes" in capsys.readouterr().err


def test_a_scheduler_that_does_not_answer_is_one_line(study, capsys):
    pytest.importorskip("distributed")

    assert main(["attention", study, "--scheduler", "tcp://127.0.0.1:1"]) == 1
    assert "tcp://127.0.0.1:1: no Dask scheduler answers there" in capsys.readouterr().err
