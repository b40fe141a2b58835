"""Stand-ins of one's own: by value and by function, for inputs of any type."""

from __future__ import annotations

import numpy as np
import pytest

import mbias
from mbias import BadInputError, Pass
from tests.probing.test_any_model import AUDIO, INPUTS, VISUAL, predict, record


@pytest.fixture
def run(tmp_path):
    return record(tmp_path / "mine", predict(**INPUTS))


def outputs(run, own, inputs=INPUTS, model=predict, **options):
    probe = mbias.probe(run, model, inputs, own=own, stand_ins=options.pop("stand_ins", ()), **options)
    return lambda *replaced: probe.values(Pass("blank", replaced), "p_joint")


def test_a_value_replaces_the_input_of_every_sample(run):
    blank = np.full(4, 0.5)
    found = outputs(run, {"blank": {"audio": blank}}, batch=7)

    assert found("audio") == pytest.approx(predict(np.tile(blank, (30, 1)), VISUAL), abs=1e-6)
    assert [p.replaced for p in mbias.records.probes.read_probe(run).passes] == [(), ("audio",)]


def test_with_a_value_for_every_modality_all_are_replaced_together(run):
    found = outputs(run, {"blank": {"visual": 0.0, "audio": 1.0}})

    assert found("audio", "visual") == pytest.approx(predict(np.ones((30, 4)), np.zeros((30, 5))), abs=1e-6)


def test_a_function_makes_a_batch_of_the_true_one(run):
    found = outputs(run, {"blank": {"audio": lambda batch: -batch}}, batch=7)

    assert found("audio") == pytest.approx(predict(-AUDIO, VISUAL), abs=1e-6)


def test_strings_and_several_inputs_of_a_modality(tmp_path):
    texts = ["dog" * (i % 3) for i in range(30)]

    def model(text, frames, motion):
        length = np.array([len(t) for t in text])
        return 1 / (1 + np.exp(-length[:, None] + frames[:, :3] + motion[:, :3]))

    run = record(tmp_path / "mine", model(texts, AUDIO, VISUAL), modalities=("text", "image"))
    inputs = {"text": texts, "image": {"frames": AUDIO, "motion": VISUAL}}
    found = outputs(run, {"blank": {"text": "[MASK]", "image": {"frames": 0.0, "motion": 1.0}}}, inputs, model)

    assert found("text") == pytest.approx(model(["[MASK]"] * 30, AUDIO, VISUAL), abs=1e-6)
    assert found("image") == pytest.approx(model(texts, 0 * AUDIO, 0 * VISUAL + 1), abs=1e-6)


def test_tensors_stay_tensors(run):
    torch = pytest.importorskip("torch")
    seen = []

    def model(audio, visual):
        seen.append((type(audio), audio.dtype))
        return torch.sigmoid(audio[:, :3] + visual[:, :3])

    audio, visual = torch.tensor(AUDIO), torch.tensor(VISUAL)
    run = record(run.path.parent / "tensors", model(audio, visual).numpy())
    found = outputs(run, {"blank": {"audio": [0, 0, 0, 0]}}, {"audio": audio, "visual": visual}, model)

    assert found("audio") == pytest.approx(torch.sigmoid(visual[:, :3]).numpy(), abs=1e-6)
    assert set(seen) == {(torch.Tensor, torch.float64)}


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ([], "stand_ins: nothing given"),
        (["blank"], r"own: \['blank'\] is not a dict; give for example"),
        ({"permuted": {"audio": 0}}, "own: 'permuted' is a stand-in that mbias makes itself"),
        ({"permutted": {"audio": 0}}, "own: unknown baseline 'permutted'; did you mean 'permuted'"),
        ({"": {"audio": 0}}, "own: '' is not the name of a stand-in"),
        ({"blank": {"sound": 0}}, r"own\['blank'\]: sound given; name modalities, audio, visual"),
        ({"blank": {}}, r"own\['blank'\]: nothing given; name modalities"),
        ({"blank": {"audio": {"left": 0}}}, r"own\['blank'\]: 'audio' has the inputs audio; give a value for each"),
        ({"blank": {"audio": np.zeros(3)}}, r"'audio': has the shape \(3,\); one sample of the input has \(4,\)"),
        ({"blank": {"audio": "x"}}, "'audio': 'x' is not like one sample of the input"),
        ({"blank": {"audio": lambda batch: batch[:1]}}, "own: a stand-in returned .* for a batch of 30"),
    ],
)
def test_a_wrong_stand_in_is_one_sentence(run, own, message):
    with pytest.raises(BadInputError, match=message) as error:
        mbias.probe(run, predict, INPUTS, own=own, stand_ins=())
    assert "\n" not in str(error.value)
    assert not (run.path / "probe").exists()


def test_interactions_replace_pairs_too(tmp_path):
    inputs = {name: np.random.default_rng(0).normal(size=(30, 3)) for name in ("a", "b", "c")}

    def model(a, b, c):
        return 1 / (1 + np.exp(-a - b - c))

    run = record(tmp_path / "three", model(**inputs), modalities=("a", "b", "c"))
    probe = mbias.probe(run, model, inputs, draws=2, interactions=True)

    assert sorted({p.replaced for p in probe.passes}) == sorted(
        [(), ("a",), ("b",), ("c",), ("a", "b"), ("a", "c"), ("b", "c"), ("a", "b", "c")]
    )
    donors = {p.replaced: probe.values(p, "donors") for p in probe.draws("permuted", ("a", "b"))}[("a", "b")]
    alone = probe.values(probe.draws("permuted", ("a",))[1], "donors")
    assert donors[:, 0].tolist() == alone.tolist()
