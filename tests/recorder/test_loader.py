"""A probe of a loader is that of its samples, in whatever batches, order and form they come."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import mbias
from mbias.errors import BadInputError

CATEGORIES, SAMPLES = ("a", "b", "c"), 23


class Late(nn.Module):
    """Two branches, the second of two inputs, and dropout."""

    def __init__(self):
        super().__init__()
        self.audio, self.visual, self.drop = nn.Linear(4, 3), nn.Linear(7, 3), nn.Dropout(0.5)

    def forward(self, audio, frames, motion):
        x = self.audio(audio) + self.visual(torch.cat([frames, motion], dim=-1))
        return torch.sigmoid(self.drop(x))


class Items(torch.utils.data.Dataset):
    """Dicts of the inputs and the index of a sample."""

    def __init__(self, tensors, index="index"):
        self.tensors, self.index = tensors, index

    def __len__(self):
        return SAMPLES

    def __getitem__(self, row):
        return {**{name: values[row] for name, values in self.tensors.items()}, self.index: row}


@pytest.fixture
def tensors():
    torch.manual_seed(0)
    return {name: torch.randn(SAMPLES, width) for name, width in (("audio", 4), ("frames", 5), ("motion", 2))}


@pytest.fixture
def model():
    torch.manual_seed(1)
    return Late()


@pytest.fixture
def rec(tmp_path, model, tensors):
    """A recorder that has recorded the outputs of an epoch."""
    names = [str(row) for row in range(SAMPLES)]
    with mbias.Recorder(tmp_path / "run", ("audio", "visual"), CATEGORIES, names) as recorder:
        recorder.watch(model, "", "p_joint", axes="sample category")
        model.eval()
        with torch.no_grad(), recorder.batch(torch.arange(SAMPLES)):
            model(**tensors)
        model.train()
        recorder.commit_epoch()
        yield recorder


@pytest.fixture
def expected(rec, model, tensors):
    """The outputs of the probe of arrays, by pass."""
    inputs = {"audio": tensors["audio"], "visual": {name: tensors[name] for name in ("frames", "motion")}}
    return outputs(mbias.probe(rec.path, model, inputs, draws=2))


KEYS = {"audio": "audio", "visual": ("frames", "motion")}
PLACES = {"audio": 0, "visual": (1, 2)}


def outputs(probe):
    return {of_pass: probe.values(of_pass, "p_joint") for of_pass in probe.passes}


def check(probe, expected):
    assert list(probe.passes) == list(expected)
    for of_pass, values in expected.items():
        np.testing.assert_allclose(probe.values(of_pass, "p_joint"), values, atol=1e-6)


@pytest.mark.parametrize("size", [1, 7, 256])
@pytest.mark.parametrize("form", ["dicts", "tuples"])
def test_batches_and_their_form_do_not_matter(rec, model, tensors, expected, size, form):
    dataset = Items(tensors) if form == "dicts" else TensorDataset(*tensors.values())
    loader = DataLoader(dataset, batch_size=size)

    check(rec.probe(model, loader, KEYS if form == "dicts" else PLACES, draws=2, batch=size), expected)
    assert model.training


@pytest.mark.parametrize("workers", [0, 2])
def test_the_index_puts_shuffled_samples_in_order(rec, model, tensors, expected, workers):
    loader = DataLoader(Items(tensors, "row"), 5, shuffle=True, num_workers=workers)

    check(rec.probe(model, loader, KEYS, index="row", draws=2), expected)


def test_the_index_may_be_at_a_position_of_tuples(rec, model, tensors, expected):
    loader = DataLoader(TensorDataset(torch.arange(SAMPLES), *tensors.values()), 5, shuffle=True)

    check(rec.probe(model, loader, {"audio": 1, "visual": (2, 3)}, index=0, draws=2), expected)


def test_arrays_and_lists_are_collected(rec, model, tensors, expected):
    """A loader may be any iterable; what is not a tensor reaches a function as it is."""
    parts = torch.arange(SAMPLES).split(6)
    loader = [{**{name: x[rows] for name, x in tensors.items()}, "word": [f"w{r}" for r in rows]} for rows in parts]
    loader = [{**batch, "motion": batch["motion"].numpy()} for batch in loader]
    model.eval()

    def of_words(audio, frames, motion, word):
        assert all(text.startswith("w") for text in word)
        return model(audio, frames, torch.from_numpy(motion))

    check(rec.probe(of_words, loader, {"audio": ("audio", "word"), "visual": ("frames", "motion")}, draws=2), expected)


def test_a_shuffled_loader_without_its_index_is_found_by_the_recorded_outputs(rec, model, tensors):
    loader = DataLoader(Items(tensors), 5, shuffle=True)

    with pytest.raises(BadInputError, match=r"predict differs from the recorded p_joint .* in the order of the rec"):
        rec.probe(model, loader, KEYS)
    assert not (rec.path / "probe").exists()


@pytest.mark.parametrize(
    ("options", "index", "number"),
    [
        ({"batch_size": 5, "drop_last": True}, None, 20),
        ({"batch_size": 5, "drop_last": True, "shuffle": True}, "index", 20),
        ({"sampler": [*range(SAMPLES), 0]}, None, 24),
        ({"sampler": [0, *range(SAMPLES - 1)]}, "index", 23),
    ],
)
def test_a_loader_that_drops_or_repeats_samples_is_refused(rec, model, tensors, options, index, number):
    loader = DataLoader(Items(tensors), **options)

    with pytest.raises(BadInputError, match=f"loader: yields {number} samples, not each of the 23 .*; do not repeat"):
        rec.probe(model, loader, KEYS, index=index)
    assert not (rec.path / "probe").exists()


@pytest.mark.parametrize(
    ("keys", "index", "message"),
    [
        (
            {"audio": "sound", "visual": "frames"},
            None,
            r"a batch does not hold 'sound'; it holds audio, frames, motion",
        ),
        (KEYS, "row", r"a batch does not hold 'row'"),
        ({"audio": 1.5, "visual": "frames"}, None, r"inputs: 'audio': 1\.5 is not where a batch holds an input; give"),
        ({"audio": (), "visual": "frames"}, None, r"inputs: 'audio': \(\) is not where a batch holds an input"),
    ],
)
def test_a_wrong_place_is_one_sentence(rec, model, tensors, keys, index, message):
    with pytest.raises(BadInputError, match=message) as error:
        rec.probe(model, DataLoader(Items(tensors), 5), keys, index=index)
    assert "\n" not in str(error.value)


def test_samples_of_several_lengths_must_be_padded(rec, model, tensors):
    parts = torch.arange(SAMPLES).split(12)
    loader = [
        {**{name: x[rows] for name, x in tensors.items()}, "audio": tensors["audio"][rows, :width]}
        for rows, width in zip(parts, (4, 3), strict=True)
    ]

    with pytest.raises(BadInputError, match=r"loader: batches differ in the shape of 'audio'; pad all samples to one"):
        rec.probe(model, loader, KEYS)


def test_a_model_that_raises_leaves_the_run_as_it_was(rec, model, tensors):
    before = {path: path.read_bytes() for path in rec.path.rglob("*") if path.is_file()}
    calls = []

    def raises(**inputs):
        calls.append(1)
        if len(calls) == 8:
            raise RuntimeError("out of memory")
        return model.eval()(**inputs)

    with pytest.raises(RuntimeError, match="out of memory"):
        rec.probe(raises, DataLoader(Items(tensors), 5), KEYS, batch=5)
    assert {path: path.read_bytes() for path in rec.path.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("size", [1, 7, 256])
def test_a_recording_does_not_depend_on_the_loader(tmp_path, rec, model, tensors, size):
    names = [str(row) for row in range(SAMPLES)]
    with mbias.Recorder(tmp_path / "again", ("audio", "visual"), CATEGORIES, names) as recorder:
        recorder.watch(model, "", "p_joint", axes="sample category")
        model.eval()
        for batch in DataLoader(Items(tensors), size, shuffle=True):
            with torch.no_grad(), recorder.batch(batch.pop("index")):
                model(**batch)
        recorder.commit_epoch()
    recorded, again = (mbias.Run(path).values("p_joint") for path in (rec.path, tmp_path / "again"))

    np.testing.assert_allclose(again, recorded, atol=1e-6)
