"""Recording external models: what is in the record is what the model gave, however it is wrapped and run."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy

import mbias
from mbias.errors import BadInputError
from mbias.records.validate import faults

CATEGORIES = ("Speech", "Dog", "犬", "Car", "Cat")
SAMPLES, SEGMENTS = 23, 6
NAMES = [f"s{i}" for i in range(SAMPLES)]


class Net(nn.Module):
    """As models of the HAN line: it returns neither attention, and beside probabilities what no one asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.v = nn.Linear(8, 16), nn.Linear(12, 16)
        self.fc_prob, self.fc_frame_att, self.fc_av_att = (nn.Linear(16, len(CATEGORIES)) for _ in range(3))

    def forward(self, audio, visual):
        x = torch.stack([self.a(audio), self.v(visual)], dim=-2)
        p = torch.sigmoid(self.fc_prob(x))
        pooled = torch.softmax(self.fc_frame_att(x), dim=1) * p
        joint = (pooled * torch.softmax(self.fc_av_att(x), dim=2)).sum(dim=(1, 2))
        return joint, pooled[:, :, 0].sum(dim=1), pooled[:, :, 1].sum(dim=1), p, None, {"mask": None}

    def attention(self, audio, visual):
        """W_av from the definition."""
        with torch.no_grad():
            logits = self.fc_av_att(torch.stack([self.a(audio), self.v(visual)], dim=-2)).double()
            return (logits.exp() / logits.exp().sum(dim=2, keepdim=True)).numpy()


class Chunked(nn.Module):
    """Runs the model on parts of the batch, as DataParallel does."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, audio, visual):
        parts = [self.module(*part) for part in zip(audio.chunk(3), visual.chunk(3), strict=True)]
        return [torch.cat(values) for values in list(zip(*parts, strict=True))[:4]]


@pytest.fixture
def data():
    torch.manual_seed(3)
    return torch.randn(SAMPLES, SEGMENTS, 8), torch.randn(SAMPLES, SEGMENTS, 12)


@pytest.fixture
def model():
    torch.manual_seed(4)
    return Net()


def recorder(path, **options):
    return mbias.Recorder(path, ("audio", "visual"), CATEGORIES, NAMES, **options)


def run_epoch(rec, model, data, around=torch.no_grad):
    """All samples, in batches of several sizes, in a drawn order."""
    order = torch.randperm(SAMPLES, generator=torch.Generator().manual_seed(1))
    for index in (order[:1], order[1:9], order[9:]):
        with around(), rec.batch(index):
            model(*(array[index] for array in data))


@pytest.mark.parametrize(
    "wrap",
    [
        pytest.param(lambda model: model, id="plain"),
        pytest.param(nn.DataParallel, id="DataParallel"),
        pytest.param(Chunked, id="parts of batches"),
        pytest.param(lambda model: Chunked(nn.ModuleDict({"net": model})["net"]), id="twice"),
        pytest.param(lambda model: torch.compile(model, backend="aot_eager", fullgraph=True), id="compiled"),
    ],
)
def test_what_the_model_gave_is_recorded(tmp_path, model, data, wrap):
    wrapped = wrap(model)
    if wrapped is not model:
        # What was compiled or run before hooks must not run on without them.
        wrapped(*data)
    with recorder(tmp_path / "run") as rec:
        rec.watch(wrapped, "fc_av_att", softmax="modality")
        run_epoch(rec, wrapped, data)
        rec.commit_epoch()
    run = mbias.Run(tmp_path / "run")
    assert run.header.arrays["wav"] == ("sample", "segment", "modality", "category")
    np.testing.assert_allclose(run.values("wav"), model.attention(*data), atol=1e-6)
    assert faults(tmp_path / "run") == []
    assert not model.fc_av_att._forward_hooks


def test_autocast_is_recorded_in_float32(tmp_path, model, data):
    with recorder(tmp_path / "run") as rec:
        rec.watch(model, "fc_av_att", softmax="modality")
        run_epoch(rec, model, data, lambda: torch.autocast("cpu", torch.bfloat16))
        rec.commit_epoch()
    wav = mbias.Run(tmp_path / "run").values("wav")
    assert wav.dtype == np.float32
    np.testing.assert_allclose(wav, model.attention(*data), atol=0.02)
    # The softmax was taken in float32: its sums are exact to float32, not to bfloat16.
    np.testing.assert_allclose(wav.sum(axis=2), 1, atol=1e-6)


def test_training_with_accumulated_gradients(tmp_path, model, data):
    """Losses are means over samples of all steps, small steps weighing less; recording changes no gradient."""
    labels = (torch.rand(SAMPLES, len(CATEGORIES)) < 0.3).float()

    def train(rec):
        model.zero_grad()
        seen = []
        for index in torch.arange(SAMPLES).split(5):
            if rec is None:
                outputs = model(*(array[index] for array in data))
            else:
                with rec.batch(index):
                    outputs = model(*(array[index] for array in data))
            losses = [binary_cross_entropy(p.clamp(1e-6, 1 - 1e-6), labels[index]) for p in outputs[:3]]
            (sum(losses) / 5).backward()
            if rec is not None:
                rec.losses(len(index), joint=losses[0], audio=losses[1], visual=losses[2].item())
            seen.append((len(index), float(losses[1].detach())))
        return seen, [parameter.grad.clone() for parameter in model.parameters()]

    plain, gradients = train(None)
    with recorder(tmp_path / "run") as rec:
        rec.watch(model, "fc_av_att", softmax="modality")
        _, recorded = train(rec)
        commit = rec.commit_epoch(learning_rate=0.1)
    expected = sum(n * loss for n, loss in plain) / sum(n for n, _ in plain)
    assert commit.losses["audio"]["optimised"] == pytest.approx(expected, rel=1e-6)
    assert all(torch.equal(mine, its) for mine, its in zip(gradients, recorded, strict=True))
    assert commit.learning_rate == 0.1


def test_an_exception_in_mid_epoch_leaves_nothing(tmp_path, model, data):
    class StopError(Exception):
        pass

    with pytest.raises(StopError), recorder(tmp_path / "run") as rec:
        rec.watch(model, "fc_av_att", softmax="modality")
        with rec.batch(range(SAMPLES)):
            model(*data)
        rec.losses(1, joint=0.5)
        with rec.batch(range(SAMPLES)):
            model(*data)
            raise StopError
    assert not (tmp_path / "run").exists()
    assert not model.fc_av_att._forward_hooks


def test_no_graph_is_held(tmp_path, model, data):
    held = []

    class Saved:
        """What the graph saves of a forward pass."""

        def __init__(self, tensor):
            self.tensor = tensor.detach()
            held.append(weakref.ref(self))

    with recorder(tmp_path / "run") as rec:
        rec.watch(model, "fc_av_att", softmax="modality")
        with rec.batch(range(SAMPLES)), torch.autograd.graph.saved_tensors_hooks(Saved, lambda saved: saved.tensor):
            loss = model(*data)[0].mean()
        rec.losses(1, joint=loss)
        assert any(saved() for saved in held)
        del loss
        gc.collect()
        assert not any(saved() for saved in held)
        rec.commit_epoch()


def test_inference_mode_and_training_share_an_epoch(tmp_path, model, data):
    with recorder(tmp_path / "run") as rec:
        rec.watch(model, "fc_av_att", softmax="modality")
        for around, index in ((torch.inference_mode, range(10)), (torch.enable_grad, range(10, SAMPLES))):
            with around(), rec.batch(index):
                model(*(array[list(index)] for array in data))
        rec.commit_epoch()
    np.testing.assert_allclose(mbias.Run(tmp_path / "run").values("wav"), model.attention(*data), atol=1e-6)


def test_a_module_called_once_a_modality_and_other_axes(tmp_path, data):
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.head, self.relu = nn.Linear(4, len(CATEGORIES)), nn.ReLU(inplace=True)
            self.gru = nn.GRU(8, 4, batch_first=True)

        def forward(self, audio):
            hidden, _ = self.gru(audio)
            # In place, behind the hook's back.
            return [self.relu(self.head(hidden * scale)) for scale in (1, -1)]

    model = Twice()
    with recorder(tmp_path / "run") as rec:
        rec.watch(model, "head", "p", axes="sample segment modality category", stack="modality", output=torch.sigmoid)
        rec.watch(model, "gru", "hidden", axes="unit sample segment", output=lambda out: out[0].permute(2, 0, 1))
        with rec.batch(range(SAMPLES)):
            model(data[0])
        rec.commit_epoch()
    run = mbias.Run(tmp_path / "run")
    hidden = model.gru(data[0])[0].detach()
    expected = torch.stack([torch.sigmoid(model.head(hidden * scale)) for scale in (1, -1)], dim=2).detach()
    np.testing.assert_allclose(run.values("p"), expected.numpy(), atol=1e-6)
    assert run.header.arrays["hidden"] == ("sample", "unit", "segment")
    np.testing.assert_allclose(run.values("hidden"), hidden.permute(0, 2, 1).numpy(), atol=1e-6)


class Apart(nn.Module):
    """A head a modality, deep in lists; only probabilities of samples come out."""

    def __init__(self) -> None:
        super().__init__()
        self.heads = nn.ModuleList(nn.ModuleDict({"att": nn.Linear(8, 5), "cls": nn.Linear(8, 5)}) for _ in range(2))

    def forward(self, audio):
        logits = torch.stack([head["att"](scale * audio) for scale, head in zip((1, -1), self.heads, strict=True)], 2)
        p = torch.stack([head["cls"](scale * audio) for scale, head in zip((1, -1), self.heads, strict=True)], 2)
        return {"video": (torch.softmax(logits, dim=2) * torch.sigmoid(p)).mean(dim=(1, 2))}


class Reused(Apart):
    """The same head for both."""

    def __init__(self) -> None:
        super().__init__()
        self.heads[1] = self.heads[0]


@pytest.mark.parametrize("parts", [1, 3], ids=["whole", "parts of batches"])
@pytest.mark.parametrize(
    ("kind", "modules"), [(Apart, ["heads.0.att", "heads.1.att"]), (Reused, "heads.0.att")], ids=["apart", "reused"]
)
def test_a_head_a_modality(tmp_path, data, kind, modules, parts):
    """Several modules, or several calls of one, also where the batch comes in parts."""
    torch.manual_seed(1)
    model = kind()
    with recorder(tmp_path / "run") as rec:
        rec.watch(model, modules, stack="modality", softmax="modality")
        rec.watch(model, "", "p_joint", axes="sample category", output=lambda out: out["video"])
        with rec.batch(range(SAMPLES)):
            for part in data[0].chunk(parts):
                model(part)
        rec.commit_epoch()
    run = mbias.Run(tmp_path / "run")
    logits = torch.stack([head["att"](scale * data[0]) for scale, head in zip((1, -1), model.heads, strict=True)], 2)
    np.testing.assert_allclose(run.values("wav"), torch.softmax(logits, dim=2).detach(), atol=1e-6)
    np.testing.assert_allclose(run.values("p_joint"), model(data[0])["video"].detach(), atol=1e-6)
    assert not any(module._forward_hooks for module in model.modules())


def test_weights_of_cross_attention(tmp_path, data):
    """Of weights (sample, query, key) over both modalities' segments: what goes to either."""

    class Cross(nn.Module):
        def __init__(self):
            super().__init__()
            self.att = nn.MultiheadAttention(8, 2, batch_first=True)

        def forward(self, audio, need_weights=True):
            both = torch.cat([audio, -audio], dim=1)
            return self.att(audio, both, both, need_weights=need_weights)[0]

    model = Cross()
    with recorder(tmp_path / "run") as rec:
        mass = lambda out: out[1].unflatten(2, (2, SEGMENTS)).sum(dim=3)  # noqa: E731
        rec.watch(model, "att", axes="sample segment modality", output=mass)
        rec.watch(model, "att", "hidden", axes="sample segment unit")
        told = "gave a tuple for 'hidden'; make a tensor of it by output="
        with pytest.raises(BadInputError, match=told), rec.batch(range(SAMPLES)):
            model(data[0])
        rec.close()
        rec.watch(model, "att", axes="sample segment modality", output=mass)
        with rec.batch(range(SAMPLES)):
            model(data[0])
        rec.commit_epoch()
    both = torch.cat([data[0], -data[0]], dim=1)
    weights = model.att(data[0], both, both)[1].detach()
    expected = torch.stack([weights[..., :SEGMENTS].sum(-1), weights[..., SEGMENTS:].sum(-1)], dim=-1)
    np.testing.assert_allclose(mbias.Run(tmp_path / "run").values("wav"), expected, atol=1e-6)


def test_calls_that_are_not_declared_are_told(tmp_path, data):
    model = Reused()
    with recorder(tmp_path / "run") as rec:
        rec.watch(model, "heads.0.att", softmax="modality")
        told = "called 2 times: if each is of a modality, give stack='modality'"
        with pytest.raises(BadInputError, match=told), rec.batch(range(SAMPLES)):
            model(data[0])
        with pytest.raises(BadInputError, match="2 modules; name the axis along which they lie by stack"):
            rec.watch(model, ["heads.0.att", "heads.1.att"], "p")


def test_weights_without_their_softmax_are_warned_of(tmp_path, model, data):
    with recorder(tmp_path / "run") as rec:
        rec.watch(model, "fc_av_att")
        run_epoch(rec, model, data)
        with pytest.warns(UserWarning, match="does not sum to 1 over the modalities"):
            rec.commit_epoch()


def test_attention_without_categories(tmp_path):
    """Each category has the same weights; where it is present they differ with the samples."""
    gate = nn.Linear(3, 2)
    inputs = torch.randn(SAMPLES, 3)
    weak = np.arange(SAMPLES)[:, None] % len(CATEGORIES) == np.arange(len(CATEGORIES))
    with recorder(tmp_path / "run", truth={"weak": weak}) as rec:
        rec.watch(gate, "", axes=("sample", "modality"), softmax="modality")
        with rec.batch(range(SAMPLES)):
            gate(inputs)
        rec.commit_epoch()
    run = mbias.Run(tmp_path / "run")
    weights = torch.softmax(gate(inputs), dim=1).detach().numpy()
    summary = run.array("wav_summary").sel(statistic="mean", modality="audio")
    np.testing.assert_allclose(summary.sel(scope="all"), [weights[:, 0].mean()] * 5, atol=1e-6)
    expected = [weights[weak[:, c], 0].mean() for c in range(5)]
    np.testing.assert_allclose(summary.sel(scope="present"), expected, atol=1e-6)


def open_batch(rec, index):
    with rec.batch(index):
        pass


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda rec, model, data: rec.watch(model, "fc_av_at"), "no module 'fc_av_at'; take one of fc_av_att"),
        (lambda rec, model, data: rec.watch(model, "a", axes="sample unit"), "name that axis"),
        (lambda rec, model, data: rec.watch(model, "a", axes="segment modality"), "'sample' among them"),
        (lambda rec, model, data: rec.watch(model, "a", softmax="time"), "softmax is over 'time'"),
        (lambda rec, model, data: rec.losses(1, sound=0.1), "'sound' is neither a modality"),
        (lambda rec, model, data: rec.losses(1, audio=torch.ones(3)), "give its mean"),
        (lambda rec, model, data: rec.commit_epoch(), "nothing was recorded"),
        (lambda rec, model, data: open_batch(rec, [0, SAMPLES]), f"no sample has the index {SAMPLES}"),
        (lambda rec, model, data: open_batch(rec, [-1]), "no sample has the index -1"),
        (lambda rec, model, data: open_batch(rec, [0.5]), "give whole numbers"),
    ],
)
def test_misuse_is_told_in_one_line(tmp_path, model, data, act, message):
    with recorder(tmp_path / "run") as rec, pytest.raises(BadInputError, match=message):
        act(rec, model, data)
    assert not (tmp_path / "run").exists()


def test_what_does_not_fit_the_axes_is_refused(tmp_path, model, data):
    with recorder(tmp_path / "run") as rec:
        rec.watch(model, "fc_av_att", axes="sample modality segment category", softmax="modality")
        with pytest.raises(BadInputError, match="modality must be 2"), rec.batch(range(SAMPLES)):
            model(*data)
        with pytest.raises(BadInputError, match="was not called"):
            open_batch(rec, range(SAMPLES))


def test_missing_samples_and_nan_are_not_committed(tmp_path, model, data):
    with recorder(tmp_path / "run") as rec:
        rec.watch(model, "fc_av_att", softmax="modality")
        with rec.batch(range(20)):
            model(*(array[:20] for array in data))
        with pytest.raises(BadInputError, match="3 of 23 samples are not recorded, the first 's20'"):
            rec.commit_epoch()
        with rec.batch(range(20, SAMPLES)):
            model(*(array[20:] * float("nan") for array in data))
        with pytest.raises(BadInputError, match="NaN"):
            rec.commit_epoch()
        assert not (tmp_path / "run").exists()
        run_epoch(rec, model, data)
        rec.commit_epoch()
        rec.losses(1, joint=float("nan"))
        run_epoch(rec, model, data)
        with pytest.raises(BadInputError, match="'joint' is not a finite number at epoch 2"):
            rec.commit_epoch()
        rec.close()
    assert len(mbias.Run(tmp_path / "run").commits) == 1
    assert faults(tmp_path / "run") == []


def test_what_is_left_over_is_warned_of(tmp_path):
    with pytest.warns(UserWarning, match="not in the record"), recorder(tmp_path / "run") as rec:
        rec.losses(1, joint=0.5)


def test_a_run_is_not_recorded_over(tmp_path, model, data):
    with recorder(tmp_path / "run") as rec:
        rec.losses(1, joint=0.5)
        rec.commit_epoch()
    with pytest.raises(BadInputError, match="there is a run already"):
        recorder(tmp_path / "run")


def record(path, model, data, epochs, **options):
    with recorder(path, **options) as rec:
        rec.watch(model, "fc_av_att", softmax="modality")
        for epoch in range(rec.epochs, epochs):
            run_epoch(rec, model, data)
            rec.losses(1, audio=1 / (epoch + 1), joint=0.5)
            rec.commit_epoch()


def test_a_run_that_was_killed_is_gone_on_with(tmp_path, model, data):
    """Its whole epochs stay as they are, what was being written goes, and the end is that of an undisturbed run."""
    weak = np.eye(SAMPLES, len(CATEGORIES), dtype=bool)
    record(tmp_path / "whole", model, data, 4, truth={"weak": weak}, split="val")
    path = tmp_path / "run"
    record(path, model, data, 2, truth={"weak": weak}, split="val", resume=True)
    log = path / "epochs.jsonl"
    kept = log.read_bytes()
    log.write_bytes(kept + kept[: len(kept) // 3])
    (path / "epochs" / ".0003.safetensors.1.tmp").write_bytes(b"cut")
    record(path, model, data, 4, truth={"weak": weak}, split="val", resume=True)
    assert log.read_bytes().startswith(kept)
    assert faults(path) == []
    assert not list(path.rglob("*.tmp"))
    mine, its = (mbias.Run(folder) for folder in (path, tmp_path / "whole"))
    assert [(c.epoch, c.losses, c.sha256) for c in mine.commits] == [(c.epoch, c.losses, c.sha256) for c in its.commits]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"split": "val"}, "split 'val', it was recorded with 'test'"),
        ({"simulated": True}, "simulated True"),
        ({"truth": {"weak": np.ones((SAMPLES, len(CATEGORIES)))}}, "another truth"),
        ({"samples": NAMES[::-1]}, "other samples"),
        ({"categories": CATEGORIES[::-1]}, "categories"),
    ],
)
def test_another_run_is_not_gone_on_with(tmp_path, model, data, options, message):
    record(tmp_path / "run", model, data, 1)
    given = {"modalities": ("audio", "visual"), "categories": CATEGORIES, "samples": NAMES, **options}
    with pytest.raises(BadInputError, match=message):
        mbias.Recorder(tmp_path / "run", **given, resume=True)


def test_other_arrays_are_not_added_to_a_run(tmp_path, model, data):
    record(tmp_path / "run", model, data, 1)
    with recorder(tmp_path / "run", resume=True) as rec:
        rec.watch(model, "fc_prob", "p", output=torch.sigmoid)
        run_epoch(rec, model, data)
        with pytest.raises(
            BadInputError, match=r"arrays p \(sample, segment, modality, category\).* recorded with wav"
        ):
            rec.commit_epoch()
        rec.close()
    assert len(mbias.Run(tmp_path / "run").commits) == 1
