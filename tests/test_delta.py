"""A study with another delta: from its definition through training to the report beside the published numbers."""

from __future__ import annotations

import json
import re

import pytest

import mbias
from mbias.analysis.paper.published import checks
from mbias.cli.analyze import main
from tests.drawn_runs import AT_02, TABLE, draw_study

DEFINITION = """
[data]
path = "{}"
[training]
epochs = 2
delta = 0.2
precision = "float32"
[[grid]]
variants = ["across_vself", "across_vcross"]
smoothing = ["no_ls", "ls_a", "ls_v", "ls_av"]
seeds = [0]
"""


@pytest.fixture(scope="module")
def trained(directory, tmp_path_factory):
    from mbias.studies.execute import train_study

    definition = tmp_path_factory.mktemp("delta") / "paper.toml"
    definition.write_text(DEFINITION.format(directory), encoding="utf-8")
    train_study(definition, device="cpu")
    return definition.with_suffix("")


def test_runs_are_named_for_the_delta_that_they_were_trained_with(trained):
    study = mbias.open_study(trained)

    assert {run.name for run in study} == {
        f"{variant}-{smoothing}-seed0"
        for variant in ("across_vself", "across_vcross")
        for smoothing in ("no_ls", "ls_a0.2", "ls_v0.2", "ls_a0.2_v0.2")
    }
    floors = study.select(smoothing="ls_v0.2").runs[0].commit().losses
    assert (floors["audio"]["floor"], floors["visual"]["floor"]) == pytest.approx((0, 0.3251), abs=5e-5)


def test_the_published_rows_of_every_table_stand_beside_the_trained_runs(trained):
    implied = mbias.losses(trained, published=True)
    row = implied[(implied["source"] == "published") & (implied["modality"] == "visual")].iloc[0]
    assert (row["variant"], row["smoothing"], row["mse"]) == ("across_vcross", "ls_v0.2", 0.104)
    assert row["floor_share"] == pytest.approx(1.016, abs=1e-3)

    for name, smoothings in (("variants", {"ls_v0.2"}), ("smoothing", set(AT_02.values()))):
        table = getattr(mbias, name)(trained, published=True)
        for _, rows in table.groupby("source"):
            assert set(rows["smoothing"]) == smoothings
    stability = mbias.smoothing(trained, table="stability", published=True)
    assert set(stability["settings"]) == {4}
    assert len(mbias.smoothing(trained, table="orderings")) == 66


def test_the_argument_of_section_53_is_made_with_the_delta_of_the_runs(trained):
    """A branch that fits labels smoothed with delta 0.2 has p = 0.9 where the label is present."""
    fitted = mbias.mechanism(trained, table="fitted").set_index("smoothing")

    assert fitted.loc["ls_v0.2", ["p_first_present", "p_second_present"]].tolist() == pytest.approx([1, 0.9])
    assert fitted.loc["ls_v0.2", "optimum"] == pytest.approx(1)
    assert fitted.loc["ls_a0.2_v0.2", "free"]


@pytest.mark.slow
def test_the_report_has_the_published_numbers_and_what_they_imply(trained, tmp_path, capsys):
    assert main(["report", str(trained), "--out", str(tmp_path / "out"), "--published"]) == 0
    capsys.readouterr()
    facts = json.loads((tmp_path / "out" / "report.json").read_text())
    page = (tmp_path / "out" / "index.html").read_text()
    # Subscripts are marked up, and spaces around signs do not break.
    text = re.sub(r"<[^>]*>", "", page).replace("\xa0", " ")

    assert {"losses", "variants", "smoothing", "mechanism"} <= set(facts["findings"])
    assert {row["smoothing"] for row in facts["phenomenon"]} == set(AT_02.values())
    assert "LS-V 0.2, visual labels smoothed: mean Wa = " in text
    for sentence in ("A_cross + V_cross, LS-V 0.2: MSE_wsl,v is ", *checks()):
        assert sentence.replace("_", "") in text
    assert "0.104" in (tmp_path / "out" / "tables" / "losses-implied.csv").read_text()


@pytest.mark.slow
def test_the_report_keeps_two_deltas_apart(tmp_path, capsys):
    cells = [*TABLE, *((variant, AT_02[name]) for variant, name in TABLE if name != "no_ls")]
    study = draw_study(tmp_path / "study", cells, videos=30)

    assert main(["report", str(study), "--out", str(tmp_path / "out"), "--published"]) == 0
    capsys.readouterr()
    findings = json.loads((tmp_path / "out" / "report.json").read_text())["findings"]
    assert [sentence.split(":")[0] for sentence in findings["losses"]] == [
        "No-LS",
        "LS-A",
        "LS-V",
        "LS-AV",
        "LS-A 0.2",
        "LS-V 0.2",
        "LS-AV 0.2",
    ]
    assert [delta in sentence for sentence, delta in zip(findings["smoothing"], ("0.1", "0.2"), strict=True)]
    assert {sentence.split(", ")[0] for sentence in findings["variants"]} == {"With LS-V", "With LS-V 0.2"}
