from __future__ import annotations

import numpy as np
import pytest

from mbias import Run, Study, open_study
from mbias.analysis import diagnosis
from mbias.analysis.measures.verdict import ENOUGH_SEEDS
from mbias.records.probes import write_probe
from tests.drawn_runs import DRAWN_PASSES, draw_run, draw_study

VIDEOS = 80


def _planted(path, first, second, seed=0, noise=0.05, categories=4, smoothing="ls_v"):
    """A drawn run whose p_wsl is 0.1 + 0.8 x (share of each modality that is there), by category."""
    run = Run(draw_run(path, smoothing=smoothing, seed=seed, videos=VIDEOS, categories=categories, probe=False))
    rng = np.random.default_rng([seed, 5])
    weak = run.truth["weak"]
    outputs = {}
    for of_pass in DRAWN_PASSES:
        share = np.zeros(categories)
        share += 0 if "audio" in of_pass.replaced else np.broadcast_to(first, categories)
        share += 0 if "visual" in of_pass.replaced else np.broadcast_to(second, categories)
        joint = np.clip((0.1 + 0.8 * share) * weak + rng.normal(0, noise, weak.shape), 0, 1)
        outputs[of_pass] = {"p_joint": joint, "p": np.repeat(joint[:, None, None], 10, axis=1).repeat(2, axis=2)}
        if of_pass.baseline == "swapped":
            outputs[of_pass]["donors"] = np.roll(np.arange(VIDEOS), 1)
    write_probe(run, "last", outputs)
    return run


@pytest.mark.parametrize(
    ("first", "second", "verdict"),
    [
        (1.0, 0.0, "biased toward audio"),
        (0.8, 0.2, "biased toward audio"),
        (0.0, 1.0, "biased toward visual"),
        (0.5, 0.5, "balanced"),
    ],
)
def test_what_is_planted_is_found(tmp_path, first, second, verdict):
    row = diagnosis.verdicts(Study((_planted(tmp_path / "run", first, second),))).iloc[0]

    assert row["verdict"] == verdict
    assert row["balance"] == pytest.approx(first - second, abs=0.06)
    assert row["balance_low"] <= row["balance"] <= row["balance_high"]


def test_few_noisy_samples_are_undetermined_and_not_balanced(tmp_path):
    table = diagnosis.verdicts(Study((_planted(tmp_path / "run", 0.58, 0.42, noise=0.4),)))

    assert table["verdict"].item() == "undetermined"
    assert table["seeds_needed"].item() == ENOUGH_SEEDS
    assert "how much seeds differ is not known" in diagnosis.finding(table)[0]


def test_discordant_categories_are_named(tmp_path):
    run = _planted(tmp_path / "run", [0.9, 0.9, 0.9, 0.0], [0.1, 0.1, 0.1, 1.0])
    table = diagnosis.verdicts(Study((run,)))

    assert table["verdict"].item() == "biased toward audio"
    assert table["discordant"].item() == run.header.categories[3]
    assert f"1 discordant category: {run.header.categories[3]}" in diagnosis.finding(table)[0]


def test_attention_that_points_elsewhere_is_said(tmp_path):
    """Under LS-V the drawn attention is on audio; what p_wsl depends on is the picture."""
    table = diagnosis.verdicts(Study((_planted(tmp_path / "run", 0.1, 0.9),)))
    (sentence,) = diagnosis.finding(table)

    assert table["misleads"].item()
    assert "favours the other modality" in sentence
    assert "one seed" in sentence


def test_seeds_that_differ_make_it_less_sure(tmp_path):
    runs = tuple(_planted(tmp_path / f"{s}", 0.5 + d, 0.5 - d, seed=s) for s, d in enumerate((0.15, 0.4, 0.2, 0.35)))
    of_pass, four = (diagnosis.verdicts(Study(some)).iloc[0] for some in (runs[:1], runs))

    assert four["seeds"] == 4
    assert four["balance_high"] - four["balance_low"] > of_pass["balance_high"] - of_pass["balance_low"]


def test_what_happened_in_training_explains_the_verdict(tmp_path):
    study = Study((_planted(tmp_path / "run", 0.1, 0.9),))
    table = diagnosis.verdicts(study)

    (sentence,) = diagnosis.explanations(table, study)
    assert sentence.startswith("In training, A_cross + V_cross, LS-V: L_wsl followed L_")
    assert "one piece of evidence" in sentence


def test_measures_and_categories_have_their_rows(tmp_path):
    study = open_study(draw_study(tmp_path, [("across_vself", "no_ls")], videos=40))

    assert set(diagnosis.measures(study)["verdict"]) <= {
        "biased toward audio",
        "biased toward visual",
        "balanced",
        "undetermined",
    }
    assert "cross (p, cross)" not in set(diagnosis.measures(study)["measure"])
    assert diagnosis.categories(study)["p"].between(0, 1).all()
