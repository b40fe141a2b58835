from __future__ import annotations

import pytest

from mbias.errors import BadInputError
from mbias.reports import notebooks
from mbias.reports.parameters import KNOWN, parse
from mbias.reports.report import COMPARISON, SECTIONS, write_report
from tests.drawn_runs import draw_run


def test_known_parameters_are_those_of_the_notebooks():
    import papermill

    question_names = (*SECTIONS, *COMPARISON)
    parameters_found = {
        name
        for question_name in question_names
        for name in papermill.inspect_notebook(notebooks.notebook_path(question_name))
    }

    assert parameters_found - {"study", "a", "b", "out"} == set(KNOWN)


def test_parameters_are_read():
    assert parse(["epoch=3", "categories=Dog, Cat", "published=true"]) == {
        "epoch": 3,
        "categories": ["Dog", "Cat"],
        "published": True,
    }


@pytest.mark.parametrize("text", ["epoch", "epochs=3", "epoch=first", "epoch=0", "study=x", "published=maybe"])
def test_a_wrong_parameter_is_named(text):
    with pytest.raises(BadInputError, match=text):
        parse([text])


@pytest.mark.parametrize(("chosen", "said"), [({"categories": ["Dgo"]}, "no category 'Dgo'"), ({"epoch": 99}, "99")])
def test_an_epoch_or_category_that_the_runs_lack_is_refused(written, tmp_path, chosen, said):
    study, _ = written
    with pytest.raises(BadInputError, match=said):
        write_report(study, tmp_path / "out", **chosen)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"epok": 3}, "a report has no parameter 'epok'; take epoch, categories, published"),
        ({"epoch": "lst"}, "no epoch 'lst'; take 1 to 3, 'last' or 'best'"),
        ({"categories": ["Dgo"]}, "no category 'Dgo'; its categories are Speech, "),
    ],
)
def test_a_misspelt_parameter_is_refused_before_anything_is_written(tmp_path, chosen, message):
    study = draw_run(tmp_path / "run")

    with pytest.raises(BadInputError, match=message):
        write_report(study, tmp_path / "reports" / "out", **chosen)
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
