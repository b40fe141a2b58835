"""The data commands: `mbias check-data`, `mbias pack` and `mbias synth`."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from mbias.cli.main import main
from mbias.llp.store import open_split

SIZES = ["--train", "5", "--val", "3", "--test", "4"]


@pytest.fixture
def data(tmp_path, capsys):
    assert main(["synth", str(tmp_path / "data"), *SIZES]) == 0
    capsys.readouterr()
    return tmp_path / "data"


def test_synth_writes_once_and_reports_existing_data(tmp_path, capsys):
    out = tmp_path / "data"
    command = ["synth", str(out), *SIZES, "--packed", "--off-screen", "0.5,Speech=1", "--confusable-pairs", "-"]
    assert main(command) == 0
    assert "simulated data written" in capsys.readouterr().out
    about = json.loads((out / "synth.json").read_text())
    assert about["simulated"] is True
    assert about["videos"] == {"train": 5, "val": 3, "test": 4}
    assert about["knobs"]["off_screen"] == "0.5,Speech=1"
    assert about["knobs"]["confusable_pairs"] == "-"
    assert main(command) == 0
    assert "exists already" in capsys.readouterr().out
    assert len(open_split(out, "test").videos) == 4


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--audio-strength", "loud"], "--audio-strength: 'loud' is not a number"),
        (["--confusable", "2"], "confusable is 2: it must be from 0 to 1"),
        (["--annotations", "nowhere"], "AVVP_train.csv: there is no such annotation file"),
        (["--train", "0"], "--train"),
        (["--seed", "-1"], "--seed"),
    ],
)
def test_synth_refuses_invalid_options_and_writes_nothing(tmp_path, capsys, arguments, words):
    assert main(["synth", str(tmp_path / "data"), *arguments]) == 2
    errors = capsys.readouterr().err
    assert errors.count("\n") == 1
    assert words in errors
    assert list(tmp_path.iterdir()) == []


def test_real_annotations_get_the_calibrated_strengths(data, tmp_path):
    command = ["synth", "--annotations", str(data), "--packed", *SIZES]
    assert main([*command, str(tmp_path / "a")]) == 0
    assert main([*command, str(tmp_path / "b"), "--visual-strength", "3"]) == 0
    strengths = [
        [json.loads((path / "synth.json").read_text())["knobs"][f"{m}_strength"] for m in ("audio", "visual")]
        for path in (data, tmp_path / "a", tmp_path / "b")
    ]
    assert strengths == [["4", "6"], ["1.5", "2.15"], ["1.5", "3"]]


def test_pack_packs_once_and_reports_packed_splits(data, capsys):
    assert main(["pack", str(data)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "train: 5 videos packed",
        "val: 3 videos packed",
        "test: 4 videos packed",
    ]
    assert main(["pack", str(data)]) == 0
    assert capsys.readouterr().out.count("are already packed") == 3


def test_pack_refuses_an_unusable_video_in_one_line_or_leaves_it_out(data, capsys):
    path = sorted((data / "feats" / "res152").iterdir())[0]
    np.save(path, np.zeros((80, 2048, 1), np.float32))
    assert main(["pack", str(data)]) == 2
    errors = capsys.readouterr().err
    assert errors.count("\n") == 1
    assert str(path) in errors
    assert "--skip-bad" in errors
    assert main(["pack", str(data), "--skip-bad"]) == 0
    assert f"left out {path.stem}" in capsys.readouterr().out


def test_check_data_passes_clean_data_and_names_unusable_files(data, capsys):
    assert main(["check-data", str(data)]) == 0
    clean = capsys.readouterr().out
    assert "features: all 36 files read" in clean
    path = sorted((data / "feats" / "vggish").iterdir())[2]
    np.save(path, np.full((9, 128), 1, np.float32))
    assert main(["check-data", str(data)]) == 2
    assert f"feats/vggish/{path.name}: the shape is (9, 128), expected (10, 128)" in capsys.readouterr().out


TWO_STREAMS = """
[vggish]
modality = "audio"
folder = "feats/vggish"
rows = 10
width = 128

[motion]
modality = "visual"
folder = "feats/r2plus1d_18"
rows = 10
width = 512
"""


def test_two_described_streams_are_checked_packed_and_trained_on(data, tmp_path, capsys):
    (data / "streams.toml").write_text(TWO_STREAMS)
    assert main(["check-data", str(data)]) == 0
    out = capsys.readouterr().out
    assert (
        "vggish (feats/vggish, 10 x 128), motion (feats/r2plus1d_18, 10 x 512), as streams.toml describes them" in out
    )
    assert "features: all 24 files read" in out
    assert main(["pack", str(data)]) == 0
    assert main(["train", "--data", str(data), "--out", str(tmp_path / "run"), "--epochs", "1"]) == 0
    assert main(["probe", str(tmp_path / "run"), "--data", str(data), "--draws", "1"]) == 0


@pytest.mark.parametrize(
    ("change", "checked", "packed"),
    [
        (
            ("width = 128", "width = 512"),
            "feats/vggish: all 12 files: the shape is (10, 128), expected (10, 512) of the stream 'vggish'",
            "the shape is (10, 128), expected (10, 512) of the stream 'vggish'",
        ),
        (
            ("feats/r2plus1d_18", "feats/i3d"),
            "feats/i3d: no such folder of the stream 'motion'",
            "feats/i3d: there is no such folder; put the files of the stream 'motion' there",
        ),
        (("[motion]", "[vggish.motion]"), "", "the stream 'vggish' has an unknown key 'motion'"),
        (('"visual"', '"audio"'), "", "there are 2 audio streams, 'vggish', 'motion'; HAN takes at most 1"),
    ],
)
def test_a_wrong_description_is_one_sentence_that_names_the_stream(data, capsys, change, checked, packed):
    (data / "streams.toml").write_text(TWO_STREAMS.replace(*change))
    assert main(["check-data", str(data)]) == 2
    printed = capsys.readouterr()
    assert f"  {checked}\n" in printed.out if checked else packed in printed.err
    assert main(["pack", str(data)]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert packed in error


def test_check_data_reports_a_reversed_event_in_one_line(data, capsys):
    path = data / "AVVP_eval_visual.csv"
    lines = path.read_text().splitlines()
    video, _, _, category = lines[1].split("\t")
    path.write_text("\n".join([lines[0], f"{video}\t7\t2\t{category}", *lines[2:]]) + "\n")
    assert main(["check-data", str(data)]) == 2
    errors = capsys.readouterr().err
    assert errors.count("\n") == 1
    assert f"{path}: row 2: onset 7 is after offset 2" in errors


def test_check_data_on_the_published_files(capsys):
    from tests.llp.conftest import PUBLISHED

    if not PUBLISHED.is_dir():
        pytest.skip("the published LLP annotations are not available")
    assert main(["check-data", str(PUBLISHED)]) == 0
    out = capsys.readouterr().out
    assert "AVVP_eval_audio.csv row 3770: 8DF2PxdT5tE_390_400 9 to 0 Cheering" in out
    assert "AVVP_test_pd.csv row 894: Clapping of LcFWKgFphXI_20_30" in out
    assert "not checked" in out
    # One line for each of the 652 oddities.
    assert (
        sum(line.startswith("  AVVP_") for line in out.splitlines())
        == 5 + 1 + 8 + 6 + 23 + 14 + 25 + 9 + 191 + 267 + 103
    )


def test_the_help_of_the_data_commands_imports_no_heavy_packages():
    code = (
        "import sys; from mbias.cli.main import main\n"
        "try: main(['synth', '--help'])\nexcept SystemExit: pass\n"
        "print(sorted({'torch', 'pandas', 'scipy', 'xarray', 'tqdm', 'safetensors'} & set(sys.modules)))"
    )
    environment = {**os.environ, "COLUMNS": "120"}
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert shown.stdout.splitlines()[-1] == "[]"
    assert "--confusable-pairs" in shown.stdout
