"""One training loop for every method: three modalities, softmax and sigmoid, interrupted and resumed."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from mbias import mitigation
from mbias.mitigation import (
    AGM,
    OGMGE,
    PMR,
    AttentionEntropy,
    AttentionFloor,
    GradientBlending,
    InfoReg,
    JointOnly,
    MMPareto,
    ModalityDropout,
    Relearning,
    UnimodalLosses,
)
from tests.mitigation.toy import Toy, batch, saved, step

THREE = ("text", "audio", "video")
METHODS = {
    "JointOnly": lambda model: JointOnly(),
    "UnimodalLosses": lambda model: UnimodalLosses(),
    "GradientBlending": lambda model: GradientBlending(super_epoch=1),
    "PMR": lambda model: PMR(THREE),
    "AttentionEntropy": lambda model: AttentionEntropy(),
    "AttentionFloor": lambda model: AttentionFloor(),
    "ModalityDropout": lambda model: ModalityDropout(THREE),
    "OGMGE": lambda model: OGMGE(model.parts()),
    "AGM": lambda model: AGM(model.parts()),
    "MMPareto": lambda model: MMPareto(model.parts()),
    "InfoReg": lambda model: InfoReg(model.parts()),
    "Relearning": lambda model: Relearning(model.parts(), every=2),
}


def computed(model, method, x, labels, multilabel):
    """A step of the toy, whose logits also serve as attention."""
    found = step(model, x, labels, multilabel)
    weights = torch.stack(list(found.features.values()), dim=1).softmax(1)
    return replace(found, attention=method.attention(weights))


def epochs(model, method, numbers, multilabel):
    """Train for these epochs as the documentation says."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for epoch in numbers:
        method.start_epoch()
        for index in range(3):
            x, labels = batch(THREE, seed=10 * epoch + index, multilabel=multilabel)
            optimizer.zero_grad()
            method.backward(computed(model, method, method.inputs(x), labels, multilabel))
            optimizer.step()
        splits = ()
        if method.needs_evaluation:
            with torch.no_grad():
                drawn = [batch(THREE, 24, seed, multilabel) for seed in (98, 99)]
                splits = [computed(model, method, *split, multilabel) for split in drawn]
        method.end_epoch(*splits)


def test_all_methods_are_here():
    classes = {name for name in mitigation.__all__ if isinstance(getattr(mitigation, name), type)}
    assert set(METHODS) == classes - {"Mitigation", "Step"}


@pytest.mark.parametrize("multilabel", [False, True], ids=["softmax", "sigmoid"])
@pytest.mark.parametrize("name", METHODS)
def test_a_resumed_run_is_the_same_bit_for_bit(name, multilabel):
    model = Toy(THREE)
    method = METHODS[name](model)
    epochs(model, method, range(2), multilabel)
    weights, state = saved(model.state_dict()), saved(method.state_dict())
    epochs(model, method, range(2, 5), multilabel)

    resumed = Toy(THREE, seed=5)
    again = METHODS[name](resumed)
    resumed.load_state_dict(weights)
    again.load_state_dict(state)
    epochs(resumed, again, range(2, 5), multilabel)
    for a, b, begun in zip(model.parameters(), resumed.parameters(), Toy(THREE).parameters(), strict=True):
        assert torch.isfinite(a).all()
        assert torch.equal(a, b)
        assert not torch.equal(a, begun)
