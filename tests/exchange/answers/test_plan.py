"""Answer logs become runs: every output, label and pass by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest

import mbias
from mbias import Pass
from mbias.errors import BadInputError
from mbias.records.probes import read_probe
from mbias.records.validate import faults

GOLD = {"q1": "A", "q2": "B", "q3": "B"}
ANSWERS = {"full": "A B A", "no audio": "A A A", "no video": "(b) C B."}


def log(path, answers=ANSWERS, gold=GOLD, correct=False, **more):
    """A log of answers by condition, one per item; ``more`` is added to each entry."""
    lines = []
    for condition, given in answers.items():
        for (item, right), answer in zip(
            gold.items(), given if isinstance(given, list) else given.split(), strict=True
        ):
            of_gold = {"correct": answer.strip("().").upper() == right} if correct else {"gold": right}
            lines.append({"item": item, "condition": condition, "answer": answer, **of_gold, **more})
    path.write_text("\n".join(map(json.dumps, lines)))
    return path


def imported(tmp_path, out="run", **options):
    run = mbias.import_run(tmp_path / "log.jsonl", tmp_path / out, **options)
    assert faults(run.path) == []
    return run, read_probe(run)


def joint(probe, *of_pass):
    return probe.values(Pass(*of_pass), "p_joint").tolist()


@pytest.mark.parametrize("correct", [False, True], ids=["gold", "correct"])
def test_closed_answers_are_categories(tmp_path, correct):
    log(tmp_path / "log.jsonl", correct=correct)
    run, probe = imported(tmp_path, setting="model", seed=1)

    assert (run.task, run.header.modalities) == ("single_label", ("audio", "video"))
    assert run.header.categories == ("A", "B", "C")
    assert (run.variant, run.seed, list(run.samples["sample"])) == ("model", 1, ["q1", "q2", "q3"])
    assert run.truth["weak"].tolist() == np.eye(3, dtype=bool)[[0, 1, 1]].tolist()
    assert run.values("p_joint").tolist() == joint(probe) == np.eye(3)[[0, 1, 0]].tolist()
    assert joint(probe, "removed", ("audio",)) == np.eye(3)[[0, 0, 0]].tolist()
    assert joint(probe, "removed", ("video",)) == np.eye(3)[[1, 2, 1]].tolist()
    # Without audio, one of three answers changes, without video, all: each changes two outputs by 1.
    use = mbias.reliance(run).set_index("modality")
    np.testing.assert_allclose(use["share"], [1 / 4, 3 / 4])
    np.testing.assert_allclose(use["change"] ** 2, [2 / 3 / 3, 2 / 3])


def test_open_answers_are_correct_or_not(tmp_path):
    log(
        tmp_path / "log.jsonl",
        {"full": ["a dog", "Rain", "B"], "no audio": ["cat", "z", "x"], "no video": ["A", "y", "B"]},
        correct=True,
    )
    run, probe = imported(tmp_path)

    assert (run.task, run.header.categories, run.labels) == ("binary", ("correct",), None)
    assert joint(probe) == [[0], [0], [1]]
    assert joint(probe, "removed", ("audio",)) == [[0], [0], [0]]
    assert joint(probe, "removed", ("video",)) == [[1], [0], [1]]


def test_more_than_fifty_answers_are_open(tmp_path):
    gold = {f"q{n}": f"w{n}" for n in range(51)}
    for number, task in ((50, "single_label"), (51, "binary")):
        some = dict(list(gold.items())[:number])
        log(tmp_path / "log.jsonl", {name: list(some.values()) for name in ANSWERS}, some)
        assert imported(tmp_path, task)[0].task == task


def test_a_judge_that_accepts_other_words_makes_answers_open(tmp_path):
    log(tmp_path / "log.jsonl", correct=False)
    entries = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    judged = [{**entry, "correct": entry["answer"] == entry["gold"]} for entry in entries]
    judged[2]["correct"] = True
    (tmp_path / "log.jsonl").write_text("\n".join(map(json.dumps, judged)))
    run, probe = imported(tmp_path)
    assert run.task == "binary"
    assert joint(probe) == [[1], [1], [1]]


def test_empty_answers_are_a_category(tmp_path):
    log(tmp_path / "log.jsonl", {**ANSWERS, "no audio": ["", " ", "A"]})
    run, probe = imported(tmp_path)
    assert "no answer" in run.header.categories
    assert joint(probe, "removed", ("audio",))[:2] == [[1, 0, 0, 0]] * 2


def test_several_answers_are_draws_and_with_nothing_replaced_their_mean(tmp_path):
    twice = {"full": "A B A", "swapped audio": "A A A", "no video": "B B B", "no audio": "A B A"}
    first, second = (
        log(tmp_path / "1.jsonl", twice, draw=0),
        log(tmp_path / "2.jsonl", {**twice, "full": "B B A"}, draw=1),
    )
    run = mbias.import_run([first, second], tmp_path / "run")
    probe = read_probe(run)

    assert run.values("p_joint").tolist() == [[0.5, 0.5], [0, 1], [1, 0]]
    assert probe.draws("permuted", ("audio",)) == [Pass("permuted", ("audio",), draw) for draw in (0, 1)]
    assert mbias.diagnosis(run).loc[0, "stand_in"] == "removed"


def test_swapped_modalities_and_all_together_give_a_permuted_verdict(tmp_path):
    answers = {"av": "A B B", "swapped audio": "A B B", "swapped video": "B A A", "swapped both": "A A A"}
    log(tmp_path / "log.jsonl", answers)
    run, _ = imported(tmp_path)
    row = mbias.diagnosis(run).loc[0]
    assert row.stand_in == "permuted"
    assert np.isfinite(row["size"])


def test_only_one_modality_means_without_the_others(tmp_path):
    log(tmp_path / "log.jsonl", {"av": "A B B", "a": "A A A", "v": "A B A", "none": "C C C"})
    run, probe = imported(tmp_path, modalities=["audio", "video"])
    assert run.header.modalities == ("audio", "video")
    assert joint(probe, "removed", ("audio",)) == np.eye(3)[[0, 1, 0]].tolist()
    assert joint(probe, "removed", ("video",)) == np.eye(3)[[0, 0, 0]].tolist()
    assert joint(probe, "removed", ("audio", "video")) == np.eye(3)[[2, 2, 2]].tolist()


def test_a_swap_that_names_no_modality_is_left_out_unless_one_says_which(tmp_path):
    path = log(tmp_path / "log.jsonl", {**ANSWERS, "swapped": "B A A"})
    plan = mbias.exchange.import_run.plan_import(path)
    assert any(line.startswith("note: condition 'swapped' is left out, since") for line in plan.lines())
    assert {of_pass.baseline for of_pass in plan.passes} == {"removed"}
    _, probe = imported(tmp_path, passes={Pass("permuted", ("audio",)): "swapped"})
    assert joint(probe, "permuted", ("audio",)) == np.eye(3)[[1, 0, 0]].tolist()


def test_conditions_with_any_name_can_be_explained(tmp_path):
    log(tmp_path / "log.jsonl", {"run 1": "A B A", "run 2": "A A A", "run 3": "B C B"})
    passes = {Pass("noise", ("radar",)): "run 2", Pass("noise", ("camera",)): "run 3"}
    run, probe = imported(tmp_path, arrays={"p_joint": "run 1"}, passes=passes)
    assert run.header.modalities == ("radar", "camera")
    assert joint(probe, "noise", ("radar",)) == np.eye(3)[[0, 0, 0]].tolist()


def test_items_of_one_video_are_a_group(tmp_path):
    path = log(tmp_path / "log.jsonl", video_id="v7")
    # One group says nothing, and intervals need several.
    assert imported(tmp_path, "one")[0].groups is None
    entries = [json.loads(line) for line in path.read_text().splitlines()]
    named = [{**entry, "video_id": "v8" if entry["item"] == "q3" else "v7"} for entry in entries]
    path.write_text("\n".join(map(json.dumps, named)))
    assert imported(tmp_path, "two")[0].groups.tolist() == ["v7", "v7", "v8"]


def test_the_plan_describes_the_log(tmp_path):
    lines = mbias.exchange.import_run.plan_import(log(tmp_path / "log.jsonl")).lines()
    assert "fields:     item 'item', answer 'answer', gold 'gold', condition 'condition'" in lines
    assert "condition 'full', in which nothing is replaced: 1 answer per item, 66.7% correct" in lines
    assert "condition 'no audio', with audio replaced by 'removed': 1 answer per item, 33.3% correct" in lines


def test_a_log_has_a_verdict(tmp_path):
    rng = np.random.default_rng(0)
    gold = {f"q{n}": str(rng.choice(["yes", "no"])) for n in range(100)}
    other = {"yes": "no", "no": "yes"}
    blind = [right if rng.random() < 0.5 else other[right] for right in gold.values()]
    log(tmp_path / "log.jsonl", {"full": list(gold.values()), "no audio": list(gold.values()), "no video": blind}, gold)
    run, _ = imported(tmp_path)
    (sentence,) = mbias.analysis.diagnosis.finding(mbias.diagnosis(run))
    assert sentence.startswith("run: uses video alone; ")
    assert "this rests on 'removed' inputs, which the model may not know" in sentence


@pytest.mark.parametrize(
    ("answers", "options", "message"),
    [
        ({**ANSWERS, "experiment 3": "A A A"}, {}, "log.jsonl: line 10: unknown condition 'experiment 3'; say which"),
        ({"full": "A B A"}, {}, "fewer than two modalities"),
        ({"no audio": "A B A", "no video": "A B A"}, {}, "an import needs answers with nothing removed"),
        (
            {"full": "A B A", "swapped": "A B A"},
            {"modalities": ["audio", "video"]},
            "needs answers with nothing removed",
        ),
        (ANSWERS, {"modalities": ["audio", "text"]}, "line 7: the condition 'no video' is about visual, which is not"),
        (
            ANSWERS,
            {"arrays": {"p_joint": "all"}},
            "no line has the condition 'all'; the conditions are 'full, no audio",
        ),
        (ANSWERS, {"passes": {Pass("permuted", ("audio",)): ("full", "rows")}}, "an answer log has no donors"),
        (
            ANSWERS,
            {"modalities": ["audio", "video"], "passes": {Pass("x", ("text",)): "full"}},
            "take modalities among audio",
        ),
        (ANSWERS, {"task": "binary"}, "task cannot be given with an answer log; leave them out"),
        (ANSWERS, {"losses": "log.csv"}, "losses cannot be given with an answer log"),
        (ANSWERS, {"arrays": {"wav": "full"}}, "arrays cannot be given with an answer log"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path, answers, options, message):
    log(tmp_path / "log.jsonl", answers)
    with pytest.raises(BadInputError, match=message) as error:
        mbias.import_run(tmp_path / "log.jsonl", tmp_path / "run", **options)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("change", "more", "message"),
    [
        (
            lambda lines: lines[:-1],
            {},
            "line 3: item 'q3' has no answer under the condition 'no video'; add it, or remove",
        ),
        (lambda lines: [*lines, lines[4]], {}, "line 10: item 'q2' has 2 answers .* 'no audio', where others have 1"),
        (lambda lines: [*lines, lines[4]], {"draw": 0}, "line 10: item 'q2' has the draw '0' of 'no audio' twice"),
        (lambda lines: [line.replace('"A"', "null") for line in lines], {}, "line 1: the answer is None, not text"),
        (lambda lines: [line.replace('"gold": "A"', '"gold": 1') for line in lines], {}, "line 1: neither whether the"),
    ],
)
def test_a_wrong_entry_is_named(tmp_path, change, more, message):
    path = log(tmp_path / "log.jsonl", **more)
    path.write_text("\n".join(change(path.read_text().splitlines())))
    with pytest.raises(BadInputError, match=message):
        mbias.import_run(path, tmp_path / "run")
