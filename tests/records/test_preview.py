"""A study as a notebook shows it."""

from __future__ import annotations

import re

import mbias
from mbias.records.preview import MOST_RUNS, as_html
from tests.drawn_runs import draw_run


def test_a_study_shows_its_runs_with_their_attention(tmp_path):
    draw_run(tmp_path / 'a "run" <b>', external=True)
    draw_run(tmp_path / "one")
    shown = mbias.open_study(tmp_path)._repr_html_()

    assert "2 runs, on simulated data" in shown
    assert shown.count("<svg") == 2
    assert "a &quot;run&quot; &lt;b&gt;" in shown
    assert "A_cross + V_cross" in shown


def test_a_long_study_is_cut_and_what_was_left_out_is_said(tmp_path):
    run = mbias.Run(draw_run(tmp_path / "run"))
    shown = as_html([run] * (MOST_RUNS + 2), {"<new>": "no epoch is committed yet"})

    assert shown.count("<svg") == MOST_RUNS
    assert "and 2 more runs" in shown
    assert "left out &lt;new&gt;: no epoch is committed yet" in shown


def test_every_run_has_a_cell_in_every_column(tmp_path):
    draw_run(tmp_path / "one", mitigation="ogm_ge")
    html = mbias.open_study(tmp_path)._repr_html_()
    head, row = re.findall(r"<tr>(.*?)</tr>", html)

    assert row.count("<td>") == head.count("<th>")
    place = re.findall(r"<th>(.*?)</th>", head).index("mitigation")
    assert re.findall(r"<td>(.*?)</td>", row)[place] == "ogm_ge"
