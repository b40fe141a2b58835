"""What a notebook shows and keeps, without a kernel."""

from __future__ import annotations

import json
import re

import matplotlib.pyplot as plt
import pandas as pd
import pytest

import mbias
from mbias.errors import BadInputError, NotApplicableError
from mbias.reports.page import SHOWN, Page, bullets, drawing, of_categories
from tests.drawn_runs import cut_shard, draw_external_probe, draw_run, fill_probe_with_nan


@pytest.fixture
def page(tmp_path):
    (tmp_path / "out").mkdir()
    return Page("reliance", str(tmp_path / "out"))


def recorded(page):
    return json.loads((page._out / "findings" / "reliance-error.json").read_text())


def test_a_table_is_shown_and_kept_with_what_was_left_out(page, tmp_path):
    run = draw_external_probe(tmp_path / "mine")
    table = page.answer(mbias.open_study(run), table="measures")
    shown = page.table("measures", table, "Every measure.").content
    reason = (
        "Left out: drop (p, zero) (mine: the probe has no pass with visual replaced by 'zero'; call mbias.probe with "
        "the model, or record its outputs with mbias.write_probe)."
    )

    assert reason in re.sub(r"<[^>]*>", "", shown).replace("&#x27;", "'")
    assert reason in (page._out / "tables" / "reliance-measures.tex").read_text().splitlines()[0]
    assert len(pd.read_csv(page._out / "tables" / "reliance-measures.csv")) == len(table)
    assert str(tmp_path) not in shown
    kept = page.keep("measures", table).content
    assert "mine: the probe has no pass" in kept
    assert str(tmp_path) not in kept


def test_without_a_folder_nothing_is_kept(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page = Page("reliance")
    shown = page.table(
        "measures", page.answer(draw_external_probe(tmp_path / "mine"), table="measures"), "All."
    ).content

    assert "<table>" in shown
    assert "href" not in shown
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_an_error_is_recorded_for_the_report(page, tmp_path):
    with pytest.raises(NotApplicableError):
        page.answer(draw_run(tmp_path / "run", probe=False))
    assert recorded(page)["applies"] is False
    assert f"{tmp_path / 'run'}: not probed" in recorded(page)["reason"]


@pytest.mark.parametrize("damage", [fill_probe_with_nan, cut_shard])
def test_damage_is_recorded_as_damage(page, tmp_path, damage):
    damaged = damage(draw_run(tmp_path / "run"))
    with pytest.raises(BadInputError):
        page.answer(str(tmp_path / "run"), table="measures")

    assert recorded(page)["applies"] is True
    assert recorded(page)["reason"].startswith(f"{damaged}: ")


def test_damage_in_the_estimates_is_recorded(page, tmp_path):
    run = draw_run(tmp_path / "run")
    probe = fill_probe_with_nan(run)
    with pytest.raises(BadInputError):
        page.estimates(mbias.open_study(run))

    assert recorded(page)["reason"].startswith(f"{probe}: ")


def test_a_part_that_does_not_apply_is_replaced_by_the_reason_and_damage_is_not(page):
    def lacking():
        raise NotApplicableError("every setting has <one> seed")

    def damaged():
        raise BadInputError("a shard is damaged")

    assert "Does not apply: every setting has &lt;one&gt; seed" in page.where_it_applies(lacking).content
    with pytest.raises(BadInputError):
        page.where_it_applies(damaged)
    assert recorded(page) == {"applies": True, "reason": "a shard is damaged"}


def test_a_reason_names_the_run_without_the_folders_above_it(page, tmp_path):
    run = mbias.Run(draw_run(tmp_path / "run"))
    page.answer(run)
    shown = page.where_it_applies(lambda: page.keep("x", mbias.attention(run, table="contributions", epoch=1))).content

    assert "Does not apply: run: epoch 1 does not hold the array" in shown


def test_a_figure_is_kept_and_has_an_alt_text(page):
    figure, ax = plt.subplots()
    ax.plot([0, 1])
    shown = page.figure("lines", figure, "A line.", "It <rises> by 1.", "x and y.", table="measures").content

    assert 'alt="A line. It &lt;rises&gt; by 1."' in shown
    assert (page._out / "figures" / "reliance-lines.png").read_bytes().startswith(b"\x89PNG")
    assert (page._out / "figures" / "reliance-lines.pdf").read_bytes().startswith(b"%PDF")
    assert figure.number not in plt.get_fignums()


def test_a_long_finding_is_folded():
    assert "<details>" not in bullets(["a"] * SHOWN)
    assert bullets(["a"] * (SHOWN + 1)).startswith(f"<details><summary>The finding, in {SHOWN + 1} sentences")
    assert "&lt;b&gt;" in bullets(["<b>"])


def test_a_picture_is_in_the_page_itself():
    assert 'src="data:image/png;base64,AAE="' in drawing(b"\x00\x01", "two bytes")


def test_categories_that_were_asked_for_are_shown():
    table = pd.DataFrame({"category": ["a", "b", "c"]})

    assert list(of_categories(table, ["c", "a"])["category"]) == ["a", "c"]
    assert of_categories(table, None) is table


def test_citations_are_shown_and_kept(page):
    shown = page.cited("shapley1953value", "hu2022shape").content

    assert "@" in shown
    assert (page._out / "cited" / "reliance.bib").read_text().count("@") == 2


def test_a_reason_is_shown_once_and_a_finding_holds_it(page, tmp_path):
    run = mbias.open_study(draw_external_probe(tmp_path / "mine"))
    page.estimates(run)

    def refuse():
        return [str(mbias.reliance(run))]

    reason = "mine: the probe has no pass with audio replaced by 'permuted'"
    assert reason in page.finding_where_it_applies(refuse).content.replace("&#x27;", "'")
    (sentence,) = json.loads((page._out / "findings" / "reliance.json").read_text())
    assert sentence.startswith(f"Does not apply: {reason}")
    assert page.where_it_applies(refuse).content == ""


def test_damage_in_a_finding_is_recorded(page, tmp_path):
    def refuse():
        raise BadInputError("damaged")

    with pytest.raises(BadInputError):
        page.finding_where_it_applies(refuse)
    assert recorded(page) == {"applies": True, "reason": "damaged"}
