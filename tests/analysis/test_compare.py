from __future__ import annotations

import numpy as np
import pytest

from mbias import open_study
from mbias.analysis.compare import comparison, finding
from mbias.cli.analyze import main
from mbias.errors import BadInputError
from mbias.scores.f_scores import f_scores, predictions
from tests.drawn_runs import draw_run, draw_study


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    folder = tmp_path_factory.mktemp("compare")
    for name, smoothing in (("a", "ls_a"), ("b", "ls_v")):
        draw_study(folder / name, [("across_vcross", smoothing)], seeds=range(6), videos=20)
    return folder / "a", folder / "b"


def _type_average(run):
    truth = np.stack([run.truth["audio"], run.truth["visual"]], axis=2)
    return f_scores(predictions(run.values("p", "best"), run.values("p_joint", "best")), truth)[:, 0, 3].mean()


def test_differences_are_paired_by_seed(two):
    a, b = map(open_study, two)
    row = comparison(a, b).query("quantity == 'type_average' and level == 'segment'").iloc[0]
    differences = [_type_average(y) - _type_average(x) for x, y in zip(a, b, strict=True)]

    assert row["difference"] == pytest.approx(np.mean(differences))
    assert row["d_z"] == pytest.approx(np.mean(differences) / np.std(differences, ddof=1))
    assert row["tested"] == "seeds"
    assert row["seeds"] == 6


def test_attention_differs_for_sure_and_at_the_smallest_p(two):
    row = comparison(*map(open_study, two)).query("quantity == 'attention a'").iloc[0]

    assert row["difference_low"] > 0.5
    assert row["p"] == 2 / 64
    assert row["cliffs_delta"] == 1
    assert row["p_holm"] >= row["p"]


def test_a_study_against_itself_has_no_difference(two):
    study = open_study(two[0])
    table = comparison(study, study)

    assert (table["difference"] == 0).all()
    assert (table["p"] == 1).all()
    assert f"no difference in {len(table)} quantities is significant at 5 %" in finding(table)[0]


def test_one_run_each_is_tested_over_samples(tmp_path):
    a, b = (open_study(draw_run(tmp_path / name, smoothing=name, videos=20)) for name in ("ls_a", "ls_v"))
    table = comparison(a, b)

    assert set(table["tested"]) == {"samples"}
    assert table["p"].between(0, 1).all()
    assert "one seed" in finding(table)[0]


def test_what_cannot_be_paired_is_said(tmp_path):
    a = open_study(draw_study(tmp_path / "a", [("across_vcross", "ls_a")], seeds=(0, 1)))
    b = open_study(draw_study(tmp_path / "b", [("across_vcross", "ls_v")], seeds=(2, 3)))
    c = open_study(draw_run(tmp_path / "c", videos=9))

    with pytest.raises(BadInputError, match="no seed in common"):
        comparison(a, b)
    with pytest.raises(BadInputError, match="different samples"):
        comparison(a, c)


def test_the_command_prints_the_table_and_what_it_says(two, capsys):
    assert main(["compare", str(two[0]), str(two[1])]) == 0
    printed = capsys.readouterr()
    assert "B - A" in printed.out
    assert "A_cross + V_cross, LS-V against A_cross + V_cross, LS-A" in printed.out
    assert main(["compare", str(two[0]), str(two[1]), "--format", "json"]) == 0
