from __future__ import annotations

import re

import matplotlib.pyplot as plt
import numpy as np
import pytest

import mbias
from mbias.analysis import video
from mbias.errors import BadInputError
from tests.drawn_runs import cut_shard, draw_run, draw_study

pytest.importorskip("ipywidgets")
PNG = b"\x89PNG"


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = draw_study(tmp_path_factory.mktemp("runs"), [("across_vcross", "ls_v"), ("across_vself", "no_ls")])
    return mbias.open_study(folder)


@pytest.fixture
def explorer(study):
    plt.close("all")
    return mbias.explore(study)


def test_it_opens_at_the_best_epoch_of_the_first_run_and_shows_its_pictures(explorer, study):
    assert explorer.run.value is study.runs[0]
    assert explorer.epoch.value == 3
    assert bytes(explorer.roll.value).startswith(PNG)
    assert bytes(explorer.distribution.value).startswith(PNG)
    assert "application/vnd.jupyter.widget-view+json" in explorer._repr_mimebundle_()
    assert plt.get_fignums() == []


def test_another_epoch_changes_both_pictures_and_says_what_is_missing(explorer):
    before = explorer.roll.value, explorer.distribution.value
    explorer.epoch.value = 1

    assert explorer.roll.value != before[0]
    assert explorer.distribution.value != before[1]
    assert "epoch 1 holds no predictions and no W_tp; epoch 3 does" in explorer.text.value


def test_videos_are_those_with_the_category_the_worst_first(explorer, study):
    run = study.runs[0]
    worst = list(video.worst(mbias.Study((run,)))["sample"])
    for index, category in enumerate(run.header.categories[:2]):
        explorer.category.value = category
        having = set(run.samples["video"][run.truth["weak"][:, index]])
        assert list(explorer.video.options) == [name for name in worst if name in having]


def test_another_run_keeps_what_was_chosen(explorer, study):
    explorer.epoch.value, explorer.category.value = 2, "Dog"
    chosen, before = explorer.video.value, explorer.roll.value
    explorer.run.value = study.runs[1]

    assert (explorer.epoch.value, explorer.category.value, explorer.video.value) == (2, "Dog", chosen)
    assert explorer.roll.value != before


def test_names_are_escaped(tmp_path):
    path = draw_run(tmp_path / "run", external=True, names=("<img src=x onerror=alert(1)>", "b"))
    explorer = mbias.explore(path)
    explorer.category.value = "<img src=x onerror=alert(1)>"

    assert "&lt;img src=x" in explorer.text.value
    assert "<img" not in explorer.text.value


def test_without_ipywidgets_it_says_what_to_install(study, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)

    with pytest.raises(BadInputError, match="pip install"):
        mbias.explore(study)


def test_damage_is_named_when_the_study_is_opened(tmp_path):
    shard = cut_shard(draw_run(tmp_path / "run"))

    with pytest.raises(BadInputError, match=re.escape(str(shard))):
        mbias.explore(tmp_path)


@pytest.mark.parametrize("control", ["epoch", "category", "run"])
def test_damage_while_it_is_open_is_shown_in_place_of_the_pictures(tmp_path, control):
    folder = draw_study(tmp_path, [("across_vcross", "ls_v"), ("across_vself", "no_ls")])
    study = mbias.open_study(folder)
    explorer = mbias.explore(study)
    shards = [cut_shard(run.path, epoch) for run in study for epoch in (1, 2, 3)]
    value = {"epoch": 2, "category": study.runs[0].header.categories[-1], "run": study.runs[1]}[control]
    getattr(explorer, control).value = value

    assert any(str(shard) in explorer.text.value for shard in shards)
    assert "cut short or damaged" in explorer.text.value
    assert [bytes(explorer.roll.value), bytes(explorer.distribution.value), bytes(explorer.samples.value)] == [b""] * 3


def test_it_recovers_when_a_sound_run_is_chosen(tmp_path):
    folder = draw_study(tmp_path, [("across_vcross", "ls_v"), ("across_vself", "no_ls")])
    study = mbias.open_study(folder)
    explorer = mbias.explore(study)
    cut_shard(study.runs[1].path, 3)
    explorer.run.value = study.runs[1]
    assert bytes(explorer.roll.value) == b""
    explorer.run.value = study.runs[0]

    assert bytes(explorer.roll.value).startswith(PNG)
    assert "damaged" not in explorer.text.value


def test_a_list_of_paths_is_explored(tmp_path):
    paths = [draw_run(tmp_path / "one"), draw_run(tmp_path / "two", smoothing="ls_a")]

    assert [label for label, _ in mbias.explore([str(path) for path in paths]).run.options] == [
        "A_cross + V_cross, LS-V, seed 0",
        "A_cross + V_cross, LS-A, seed 0",
    ]


def test_the_verdicts_are_on_top(explorer, study):
    assert "balance of audio and visual" in explorer.verdict.value
    assert bytes(explorer.verdicts.value).startswith(PNG)


def test_two_runs_are_shown_side_by_side(explorer, study):
    assert explorer._beside.view.layout.display == "none"
    explorer.against.value = study.runs[1]

    assert explorer._beside.view.layout.display == ""
    assert bytes(explorer._beside.pictures[0].value).startswith(PNG)
    assert explorer._beside.pictures[0].value != explorer.roll.value


def test_a_probed_model_without_segments_shows_what_each_sample_depends_on(tmp_path):
    rng = np.random.default_rng(0)
    inputs = {name: rng.normal(size=(60, 2)) for name in ("text", "image", "sound")}
    labels = inputs["text"][:, 0] > 0
    found = mbias.diagnose(lambda text, **others: text[:, 0] > 0, inputs, labels, task="binary")
    explorer = mbias.explore(found.study)

    assert "uses text alone" in explorer.verdict.value
    assert re.search(
        r"output [01]\.00; with the text of another sample 0\.\d\d; with the image of", explorer.text.value
    )
    assert bytes(explorer.roll.value) == b""


def test_a_study_without_a_probe_says_why_it_has_no_verdict(tmp_path):
    draw_run(tmp_path / "one", probe=False)

    assert "not probed" in mbias.explore(tmp_path / "one").verdict.value


def test_it_is_saved_as_one_page(explorer, study, tmp_path):
    explorer.against.value = study.runs[1]
    page = explorer.save(tmp_path / "page.html").read_text(encoding="utf-8")

    assert page.count('src="data:image/png;base64,') >= 5
    assert study.runs[0].display_name in page
    assert study.runs[1].display_name in page
    assert "http" not in page
    with pytest.raises(BadInputError, match="cannot be written"):
        explorer.save(tmp_path)
