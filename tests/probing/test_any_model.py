"""Probing models that mbias does not know: functions on arrays, PyTorch modules, models of strings."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import mbias
from mbias import BadInputError, Header, Pass, Run, RunWriter
from mbias.passes import WHOLE

CATEGORIES = ("Dog", "Cat", "Cello")
SAMPLES = 30
BOTH = ("audio", "visual")
RNG = np.random.default_rng(0)
AUDIO, VISUAL = RNG.normal(size=(SAMPLES, 4)), RNG.normal(size=(SAMPLES, 5))
W_AUDIO, W_VISUAL = RNG.normal(size=(4, 3)), RNG.normal(size=(5, 3))
INPUTS = {"audio": AUDIO, "visual": VISUAL}


def sigmoid(logits):
    return 1 / (1 + np.exp(-logits))


def predict(audio, visual):
    return sigmoid(audio @ W_AUDIO + 0.3 * visual @ W_VISUAL)


def record(path, p=None, modalities=BOTH, categories=CATEGORIES, groups=None, samples=SAMPLES, weak=True):
    """An external run of one epoch; without ``p``, it has no probabilities."""
    header = Header(modalities, categories, ("joint",), "joint", "test", {"p_joint": ("sample", "category")})
    table = pd.DataFrame({"sample": [f"s{i}" for i in range(samples)]} | ({} if groups is None else {"group": groups}))
    if weak is True:
        weak = np.arange(samples)[:, None] % len(categories) == np.arange(len(categories))
    RunWriter.create(path, header, table, None if weak is None else {"weak": weak}).commit(
        {}, {} if p is None else {"p_joint": p}
    )
    return Run(path)


@pytest.fixture
def run(tmp_path):
    return record(tmp_path / "mine", predict(**INPUTS))


def joint(probe, *of_pass):
    return probe.values(Pass(*of_pass), "p_joint")


def test_from_arrays_and_a_model_to_a_verdict(tmp_path):
    """What a user writes: ten lines after the training of the model."""
    linear_model, multioutput = pytest.importorskip("sklearn.linear_model"), pytest.importorskip("sklearn.multioutput")
    rng = np.random.default_rng(0)
    labels = rng.random((400, 3)) < 0.4
    audio, visual = labels + rng.normal(0, 0.4, (400, 3)), rng.normal(size=(400, 3))
    names = [f"clip{i}" for i in range(400)]
    model = multioutput.MultiOutputClassifier(linear_model.LogisticRegression()).fit(np.hstack([audio, visual]), labels)
    path = tmp_path / "mine"

    def predict(audio, visual):
        return np.stack([p[:, 1] for p in model.predict_proba(np.hstack([audio, visual]))], axis=1)

    arrays = {"p_joint": ("sample", "category")}
    header = mbias.Header(("audio", "visual"), CATEGORIES, ("loss",), "loss", split="test", arrays=arrays)
    samples = pd.DataFrame({"sample": names})
    writer = mbias.RunWriter.create(path, header, samples, {"weak": labels})
    writer.commit({}, {"p_joint": predict(audio, visual)})
    mbias.probe(path, predict, {"audio": audio, "visual": visual})
    table = mbias.diagnosis(path)

    assert table.loc[0, "verdict"] in ("uses audio alone", "biased toward audio")
    assert mbias.reliance(path).set_index("modality").loc["audio", "share"] > 0.9


def test_outputs_are_those_of_passes_written_by_hand(run):
    probe = mbias.probe(run, predict, INPUTS, draws=2, stand_ins=("permuted", "mean", "zero"))

    assert repr(probe) == "<Probe of mine: epoch 1; passes: 1 whole, 6 permuted, 3 mean, 3 zero>"
    np.testing.assert_allclose(joint(probe), predict(AUDIO, VISUAL), atol=1e-6)
    for draw in range(2):
        both = probe.values(Pass("permuted", BOTH, draw), "donors")
        a, v = (probe.values(Pass("permuted", (name,), draw), "donors") for name in BOTH)
        # Alone and together, a modality comes from the same samples, all of them others.
        np.testing.assert_array_equal(both, np.stack([a, v], axis=1))
        assert (both != np.arange(SAMPLES)[:, None]).all()
        assert (a != v).any()
        np.testing.assert_allclose(joint(probe, "permuted", ("audio",), draw), predict(AUDIO[a], VISUAL), atol=1e-6)
        np.testing.assert_allclose(joint(probe, "permuted", ("visual",), draw), predict(AUDIO, VISUAL[v]), atol=1e-6)
        np.testing.assert_allclose(joint(probe, "permuted", BOTH, draw), predict(AUDIO[a], VISUAL[v]), atol=1e-6)
    silent, mean = np.zeros_like(AUDIO), np.broadcast_to(VISUAL.mean(axis=0), VISUAL.shape)
    np.testing.assert_allclose(joint(probe, "zero", ("audio",)), predict(silent, VISUAL), atol=1e-6)
    np.testing.assert_allclose(joint(probe, "mean", ("visual",)), predict(AUDIO, mean), atol=1e-6)
    np.testing.assert_allclose(joint(probe, "zero", BOTH), np.full((SAMPLES, 3), 0.5), atol=1e-6)


def test_size_of_batches_does_not_matter_and_the_seed_does(run):
    sizes = []

    def counting(audio, visual):
        sizes.append(len(audio))
        return predict(audio, visual)

    first = joint(mbias.probe(run, counting, INPUTS, draws=1, batch=7), "permuted", BOTH)
    assert sizes == [7, 7, 7, 7, 2] * 4
    np.testing.assert_allclose(joint(mbias.probe(run, predict, INPUTS, draws=1), "permuted", BOTH), first, atol=1e-6)
    assert np.abs(joint(mbias.probe(run, predict, INPUTS, draws=1, seed=1), "permuted", BOTH) - first).max() > 0.1


def test_progress_counts_passes(run):
    seen = []
    mbias.probe(run, predict, INPUTS, draws=1, progress=lambda *counts: seen.append(counts))

    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_inputs_of_one_modality_are_replaced_together(tmp_path):
    frames, motion = np.arange(SAMPLES), np.arange(SAMPLES) * 2.0

    def of_streams(audio, frames, motion):
        np.testing.assert_array_equal(frames * 2, motion)
        return np.stack([audio, frames, motion / 2], axis=1) / 100

    inputs = {"visual": {"frames": frames, "motion": motion}, "audio": np.arange(SAMPLES)}
    probe = mbias.probe(record(tmp_path / "mine"), of_streams, inputs, draws=1, batch=8)
    donors = probe.values(Pass("permuted", ("visual",)), "donors")

    expected = np.stack([np.arange(SAMPLES), donors, donors], axis=1) / 100
    np.testing.assert_allclose(joint(probe, "permuted", ("visual",)), expected, atol=1e-6)


def test_strings_and_one_category(tmp_path):
    texts, images = [f"text {i}" for i in range(SAMPLES)], tuple({"pixels": i} for i in range(SAMPLES))
    run = record(tmp_path / "mine", modalities=("text", "image"), categories=("toxic",))

    def of_strings(text, image):
        assert isinstance(text, list)
        return [
            int(words.split()[1]) / 100 + picture["pixels"] / 1000 for words, picture in zip(text, image, strict=True)
        ]

    probe = mbias.probe(run, of_strings, {"text": texts, "image": images}, draws=1)
    donors = probe.values(Pass("permuted", ("text",)), "donors")

    assert joint(probe).shape == (SAMPLES, 1)
    expected = donors / 100 + np.arange(SAMPLES) / 1000
    np.testing.assert_allclose(joint(probe, "permuted", ("text",))[:, 0], expected, atol=1e-6)


@pytest.mark.parametrize("kind", [pd.DataFrame, pd.Series, "sparse", "h5py", "range"])
def test_inputs_of_other_types(run, tmp_path, kind):
    if kind == "h5py":
        audio = pytest.importorskip("h5py").File(tmp_path / "a.h5", "w").create_dataset("audio", data=AUDIO)
    elif kind == "sparse":
        audio = pytest.importorskip("scipy.sparse").csr_array(AUDIO)
    elif kind == "range":
        audio = range(SAMPLES)
    else:
        audio = kind(AUDIO if kind is pd.DataFrame else list(AUDIO), index=range(100, 100 + SAMPLES))
    seen = set()

    def of_any(audio, visual):
        seen.add(type(audio))
        dense = {"sparse": lambda: audio.toarray(), "range": lambda: AUDIO[audio], pd.Series: lambda: np.stack(audio)}
        return predict(dense.get(kind, lambda: np.asarray(audio))(), visual)

    probe = mbias.probe(run, of_any, {"audio": audio, "visual": VISUAL}, draws=1, batch=8)
    a = probe.values(Pass("permuted", ("audio",)), "donors")

    np.testing.assert_allclose(joint(probe, "permuted", ("audio",)), predict(AUDIO[a], VISUAL), atol=1e-6)
    assert len(seen) == 1


def test_donors_are_of_other_groups(tmp_path):
    groups = np.repeat(["x", "y", "z"], SAMPLES // 3)
    probe = mbias.probe(record(tmp_path / "mine", groups=groups), predict, INPUTS, draws=3)

    for draw in range(3):
        assert (groups[probe.values(Pass("permuted", BOTH, draw), "donors")] != groups[:, None]).all()


def test_swapped_donors_share_no_label(run):
    probe = mbias.probe(run, predict, INPUTS, draws=2, stand_ins=("permuted", "swapped"))
    donors = probe.values(Pass("swapped", ("audio",), 1), "donors")

    assert not (run.truth["weak"] & run.truth["weak"][donors]).any()
    np.testing.assert_allclose(joint(probe, "swapped", ("audio",), 1), predict(AUDIO[donors], VISUAL), atol=1e-6)
    assert not mbias.reliance(run, table="measures").empty


def test_a_sample_without_a_donor_keeps_its_own_inputs(tmp_path):
    weak = np.array([[True, True], [True, False], [False, True], [True, False]])
    run, inputs = record(tmp_path / "mine", categories=("Dog", "Cat"), samples=4, weak=weak), np.arange(4)

    def of_rows(audio, visual):
        return np.stack([audio, visual], axis=1) / 10

    probe = mbias.probe(run, of_rows, {"audio": inputs, "visual": inputs}, draws=1, stand_ins=["swapped"])

    assert probe.values(Pass("swapped", ("audio",)), "donors")[0] == -1
    assert joint(probe, "swapped", ("audio",))[0, 0] == 0


def test_three_modalities(tmp_path):
    modalities = ("audio", "visual", "text")
    rng = np.random.default_rng(1)
    labels = rng.random((200, 3)) < 0.5
    inputs = {"audio": rng.normal(size=(200, 3)), "visual": rng.normal(size=(200, 3)), "text": labels * 4.0 - 2}

    def of_three(audio, visual, text):
        return sigmoid(2 * text + 0.2 * audio)

    run = record(tmp_path / "mine", of_three(**inputs), modalities=modalities, samples=200, weak=labels)
    probe = mbias.probe(run, of_three, inputs)

    assert len(probe.passes) == 1 + 5 * 4
    assert probe.values(Pass("permuted", modalities, 4), "donors").shape == (200, 3)
    assert "text" in mbias.diagnosis(run).loc[0, "verdict"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"inputs": [AUDIO, VISUAL]}, r"inputs: .* is not a dict; give the inputs of audio, visual by name"),
        ({"inputs": {"audio": AUDIO}}, r"inputs: audio given, which are not the modalities; give .* audio, visual"),
        ({"inputs": {"audio": AUDIO, "video": VISUAL}}, r"inputs: audio, video given, which are not the modalities"),
        (
            {"inputs": {**INPUTS, "visual": VISUAL[:-1]}},
            r"inputs: 'visual' has 29 samples in place of 30; give one",
        ),
        ({"inputs": {**INPUTS, "visual": "abc"}}, r"inputs: 'visual': 'abc' is not indexed by sample"),
        ({"inputs": {**INPUTS, "visual": None}}, r"inputs: 'visual': None is not indexed by sample"),
        ({"inputs": {**INPUTS, "visual": np.float32(1)}}, r"inputs: 'visual': .* is not indexed by sample"),
        ({"inputs": {**INPUTS, "visual": iter(VISUAL)}}, r"inputs: 'visual': .* give an array, a tensor or a list"),
        ({"inputs": {**INPUTS, "visual": {}}}, r"inputs: 'visual' has no input"),
        ({"inputs": {"audio": {"x": AUDIO}, "visual": {"x": VISUAL}}}, r"inputs: two modalities have an input 'x'"),
        ({"inputs": {"audio": {1: AUDIO}, "visual": VISUAL}}, r"inputs: 1 is not a name"),
        ({"predict": 3}, r"predict: 3 cannot be called; give a function or a module"),
        ({"predict": lambda audio, video: 0}, r"called as predict\(audio=..., visual=...\), which fails"),
        ({"output": 1}, r"output: 1 cannot be called; give a function of what predict returns"),
        ({"draws": 0}, r"draws: 0 is not a whole number of 1 or more"),
        ({"draws": True}, r"draws: True is not a whole number"),
        ({"batch": 0.5}, r"batch: 0.5 is not a whole number of 1 or more"),
        ({"seed": -1}, r"seed: -1 is not a whole number of 0 or more"),
        ({"epoch": 2}, r"no epoch 2; take 1 to 1"),
        ({"progress": 1}, r"progress: 1 cannot be called"),
        ({"stand_ins": "mean"}, r"stand_ins: 'mean' is a string; give a sequence of names"),
        ({"stand_ins": ()}, r"stand_ins: nothing given; take one or more of permuted, swapped, mean, zero"),
        ({"stand_ins": ("blank",)}, r"stand_ins: 'blank' given; take one or more of"),
        (
            {"stand_ins": ("mean",), "inputs": {"audio": AUDIO.tolist(), "visual": VISUAL}},
            r"stand_ins: 'mean' needs numeric arrays or tensors, and the input 'audio' is not one; leave it out",
        ),
    ],
)
def test_a_wrong_argument_is_one_sentence_and_predict_is_not_called(run, arguments, message):
    def not_called(audio, visual):
        raise AssertionError

    arguments = {"predict": not_called, "inputs": INPUTS} | arguments
    with pytest.raises(BadInputError, match=message) as error:
        mbias.probe(run, arguments.pop("predict"), arguments.pop("inputs"), **arguments)
    assert "\n" not in str(error.value)
    assert not (run.path / "probe").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda p: 8 * p - 4,
            r"predict: its output in the pass in which nothing is replaced holds -.*, for example torch\.sigmoid\(log",
        ),
        (lambda p: p * np.nan, r"predict: its output in the pass in which nothing is replaced holds NaN"),
        (lambda p: p[:, :2], r"predict returned the shape \(10, 2\) for a batch of 10; return .* 10 x 3"),
        (lambda p: p[:, 0], r"predict returned the shape \(10,\) for a batch of 10"),
        (lambda p: (p, p), r"predict returned \(array.*; return one array of probabilities"),
        (lambda p: None, r"predict returned None; return one array"),
        (lambda p: {"p": p}, r"predict returned {.*; return one array"),
        (lambda p: [[0.5], [0.5, 0.5]], r"predict returned a value that is not an array"),
        (lambda p: p.astype(str), r"predict returned .*, which does not hold numbers"),
        (lambda p: p[::-1], r"predict differs from the recorded p_joint of epoch 1 by up to 0\.\d+ \(sample 's\d+'\)"),
    ],
)
def test_a_wrong_output_is_one_sentence(run, change, message):
    with pytest.raises(BadInputError, match=message) as error:
        mbias.probe(run, lambda audio, visual: change(predict(audio, visual)), INPUTS, batch=10)
    assert "\n" not in str(error.value)
    assert not (run.path / "probe").exists()


def test_swapped_needs_labels_and_permuted_two_samples(tmp_path):
    with pytest.raises(BadInputError, match="'swapped' needs labels and two or more categories"):
        mbias.probe(record(tmp_path / "a", weak=None), predict, INPUTS, stand_ins=["swapped"])
    with pytest.raises(BadInputError, match="has 1 sample, so no other one to take a modality from"):
        mbias.probe(record(tmp_path / "b", samples=1), predict, INPUTS)


def test_an_error_of_the_model_leaves_the_earlier_probe(run):
    mbias.probe(run.path, predict, INPUTS, draws=1)
    before = {path: path.read_bytes() for path in (run.path / "probe").iterdir()}
    calls = []

    def failing(audio, visual):
        calls.append(1)
        if len(calls) == 5:
            raise RuntimeError("out of memory")
        return predict(audio, visual)

    with pytest.raises(RuntimeError, match="out of memory"):
        mbias.probe(run.path, failing, INPUTS, draws=2)
    assert {path: path.read_bytes() for path in (run.path / "probe").iterdir()} == before


def test_without_recorded_probabilities_any_model_is_probed(tmp_path):
    probe = mbias.probe(record(tmp_path / "mine"), predict, INPUTS, draws=1)

    np.testing.assert_allclose(probe.values(WHOLE, "p_joint"), predict(AUDIO, VISUAL), atol=1e-6)


def test_numpy_models_are_probed_without_pytorch(run):
    script = (
        "import sys, numpy, mbias\n"
        "p = mbias.Run(sys.argv[1]).values('p_joint')\n"
        "inputs = {'audio': numpy.arange(len(p)), 'visual': numpy.arange(len(p))}\n"
        "mbias.probe(sys.argv[1], lambda audio, visual: p[audio], inputs, stand_ins=('permuted', 'zero'))\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script, str(run.path)], check=True)


def network(audio_width=4, visual_width=5):
    """A network with dropout and a frozen normalisation, in training mode, on which the outputs must not depend."""
    torch = pytest.importorskip("torch")

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.drop, self.frozen = torch.nn.Dropout(0.5), torch.nn.BatchNorm1d(audio_width).eval()
            self.out = torch.nn.Linear(audio_width + visual_width, 3)
            self.modes = set()

        def forward(self, audio, visual):
            self.modes.add((self.training, torch.is_grad_enabled()))
            return torch.sigmoid(self.out(torch.cat([self.drop(self.frozen(audio)), visual], dim=1)))

        def as_half(self, audio, visual):
            return self(audio, visual).bfloat16()

    torch.manual_seed(0)
    return Net().train(), torch


@pytest.mark.parametrize("kind", ["array", "tensor", "method"])
def test_a_module_is_called_for_inference_and_left_as_it_was(tmp_path, kind):
    net, torch = network()
    net.frozen.eval()
    inputs = INPUTS if kind == "array" else {name: torch.from_numpy(v).float() for name, v in INPUTS.items()}
    called = net.as_half if kind == "method" else net
    probe = mbias.probe(record(tmp_path / "mine"), called, inputs, draws=1, batch=8, stand_ins=("permuted", "mean"))

    assert net.modes == {(False, False)}
    assert net.training and net.drop.training and not net.frozen.training
    a = probe.values(Pass("permuted", ("audio",)), "donors")
    with torch.no_grad():
        audio, visual = (torch.from_numpy(INPUTS[name]).float() for name in BOTH)
        net.eval()
        expected = net(audio[a], visual).numpy()
        held = net(audio.mean(dim=0).expand_as(audio), visual).numpy()
    tolerance = 4e-3 if kind == "method" else 1e-5
    np.testing.assert_allclose(joint(probe, "permuted", ("audio",)), expected, atol=tolerance)
    np.testing.assert_allclose(joint(probe, "mean", ("audio",)), held, atol=tolerance)


def test_a_module_that_fails_is_left_as_it_was_and_a_function_needs_no_detach(tmp_path):
    net, torch = network()
    run = record(tmp_path / "mine")
    with pytest.raises(RuntimeError):
        mbias.probe(run, net, {**INPUTS, "visual": AUDIO})
    assert net.training
    tensors = {name: torch.from_numpy(values).float() for name, values in INPUTS.items()}
    net.eval()
    probe = mbias.probe(run, lambda audio, visual: net(audio, visual), tensors, draws=1)
    assert joint(probe).shape == (SAMPLES, 3)
    assert (False, True) not in net.modes


def test_whole_numbers_stay_whole_numbers(tmp_path):
    _, torch = network()
    tokens, pixels = torch.arange(SAMPLES), np.arange(SAMPLES, dtype=np.uint8)
    types = set()

    def of_numbers(audio, visual):
        types.add((audio.dtype, visual.dtype))
        return torch.column_stack([audio, audio, torch.from_numpy(visual)]) / 100

    probe = mbias.probe(record(tmp_path / "mine"), of_numbers, {"audio": tokens, "visual": pixels}, stand_ins=["mean"])
    assert types == {(torch.int64, np.dtype(np.uint8))}
    # The mean of 0 to 29 is 14.5, which rounds to the even 14.
    np.testing.assert_allclose(joint(probe, "mean", BOTH), np.full((SAMPLES, 3), 0.14), atol=1e-6)


def test_a_diagnosis_of_simulated_samples_says_so():
    def diagnosed(**options):
        return mbias.diagnose(predict, INPUTS, categories=CATEGORIES, draws=1, **options)

    assert diagnosed(simulated=True).use["simulated"].all()
    assert not diagnosed().use["simulated"].any()


def logits(audio, visual):
    return {"logits": audio @ W_AUDIO + 0.3 * visual @ W_VISUAL}


@pytest.mark.parametrize("batch", [1, 7, 256])
@pytest.mark.parametrize("kind", ["array", "list", "tensor", "module"])
def test_batches_and_types_of_inputs_do_not_matter(run, batch, kind):
    called, inputs, options = predict, INPUTS, {}
    if kind == "list":
        inputs = {name: list(values) for name, values in INPUTS.items()}

        def called(audio, visual):
            assert isinstance(audio, list) and isinstance(visual, list)
            return predict(np.stack(audio), np.stack(visual))

    elif kind in ("tensor", "module"):
        torch = pytest.importorskip("torch")
        inputs = {name: torch.from_numpy(values) for name, values in INPUTS.items()}
        called = torch.nn.Module() if kind == "module" else lambda audio, visual: predict(audio.numpy(), visual.numpy())
    if kind == "module":
        called.forward = lambda audio, visual: logits(audio.numpy(), visual.numpy())
        options["output"] = lambda returned: sigmoid(returned["logits"])
    expected = mbias.probe(run, predict, INPUTS, draws=2)
    outputs = {of_pass: expected.values(of_pass, "p_joint") for of_pass in expected.passes}
    probe = mbias.probe(run, called, inputs, draws=2, batch=batch, **options)

    assert list(probe.passes) == list(outputs)
    for of_pass, values in outputs.items():
        np.testing.assert_allclose(probe.values(of_pass, "p_joint"), values, atol=1e-6)


@pytest.mark.parametrize("earlier", [False, True])
@pytest.mark.parametrize("failing", range(7))
def test_a_model_that_raises_in_any_pass_leaves_every_file(run, earlier, failing):
    if earlier:
        mbias.probe(run, predict, INPUTS, draws=1, seed=5)
    before = {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()}
    calls = []

    def raises(audio, visual):
        calls.append(1)
        if len(calls) == 2 * failing + 2:  # the second of two batches of a pass
            raise RuntimeError("out of memory")
        return predict(audio, visual)

    with pytest.raises(RuntimeError, match="out of memory"):
        mbias.probe(run, raises, INPUTS, draws=2, batch=20)
    assert {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("layer", ["Dropout", "BatchNorm1d"])
def test_a_function_of_a_network_in_training_mode_is_refused(layer):
    """Its outputs depend on chance, or on the other samples of a batch, which would look like every modality."""
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(9, 3), getattr(torch.nn, layer)(*[3] * (layer == "BatchNorm1d")))
    inputs = {name: torch.from_numpy(values).float() for name, values in INPUTS.items()}

    def forgetful(audio, visual):
        return net(torch.cat([audio, visual], dim=1)).sigmoid()

    with pytest.raises(BadInputError, match=r"predict returned other outputs, by up to 0\.\d+, .*; call eval\(\)"):
        mbias.diagnose(forgetful, inputs, draws=1)
    net.eval()
    assert mbias.diagnose(forgetful, inputs, draws=1).verdict


def test_a_diagnosis_takes_a_network_that_returns_logits():
    net, torch = network()
    net.forward = lambda audio, visual: {"logits": net.out(torch.cat([net.drop(audio), visual], dim=1))}
    found = mbias.diagnose(net, INPUTS, task="single_label", output=lambda out: out["logits"].softmax(dim=-1), draws=1)

    assert net.training
    assert found.study.runs[0].header.categories == ("class 0", "class 1", "class 2")
