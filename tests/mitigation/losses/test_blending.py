import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mbias.errors import BadInputError
from mbias.mitigation import GradientBlending, Step
from tests.mitigation.toy import Toy, batch, gradients, saved, step

NAMES = ("joint", "left", "right")
LOSSES = st.fixed_dictionaries({name: st.floats(0.01, 5) for name in NAMES})
SPLITS = st.fixed_dictionaries({"train": LOSSES, "validation": LOSSES})


def evaluated(joint, left, right):
    return Step(torch.tensor(joint), {"left": torch.tensor(left), "right": torch.tensor(right)})


def after_a_super_epoch(method, start, end):
    method.end_epoch(*start)
    for _ in range(method.super_epoch - 1):
        assert not method.needs_evaluation
        method.end_epoch()
    assert method.needs_evaluation
    method.end_epoch(*end)


def test_weights_and_gradients_by_hand():
    model = Toy()
    method = GradientBlending(super_epoch=2)
    computed = step(model, *batch())
    parts = [gradients(loss, list(model.parameters())) for loss in (computed.joint, *computed.losses.values())]
    method.backward(computed)
    for parameter, *terms in zip(model.parameters(), *parts, strict=True):
        assert torch.allclose(parameter.grad, sum(terms) / 3), "weights are equal at first"

    after_a_super_epoch(
        method,
        (evaluated(2.0, 2.0, 2.0), evaluated(2.0, 2.25, 2.0)),
        (evaluated(0.5, 1.0, 1.5), evaluated(1.5, 1.5, 1.75)),
    )
    # Gains .5, .75, .25; the gaps grow from 0, .25, 0 to 1, .5, .25.
    raw = torch.tensor([0.5 / 1.0**2, 0.75 / 0.25**2, 0.25 / 0.25**2])
    weights = (raw / raw.sum()).tolist()
    assert list(method.weights.values()) == pytest.approx(weights)
    model.zero_grad()
    method.backward(step(model, *batch()))
    for parameter, *terms in zip(model.parameters(), *parts, strict=True):
        assert torch.allclose(parameter.grad, sum(w * g for w, g in zip(weights, terms, strict=True)))


@given(SPLITS, SPLITS)
def test_weights_add_up_to_one_and_a_loss_that_rose_has_none(start, end):
    """A known wrong reading takes the absolute value of the gain."""
    weights = GradientBlending().weights_between(start, end)
    rose = {name for name in NAMES if end["validation"][name] >= start["validation"][name]}
    assert bool(weights) == (rose != set(NAMES))
    if weights:
        assert sum(weights.values()) == pytest.approx(1)
        assert all(weights[name] == 0 for name in rose)


def test_weights_stay_if_no_loss_fell():
    method = GradientBlending(super_epoch=1)
    high, low = evaluated(2.0, 2.0, 2.0), evaluated(1.0, 1.0, 1.0)
    method.end_epoch(high, high)
    method.end_epoch(low, evaluated(1.5, 1.5, 1.5))
    weights = method.weights
    assert weights == pytest.approx(dict.fromkeys(NAMES, 1 / 3))
    method.end_epoch(low, high)
    assert method.weights == weights


def test_a_resumed_run_has_the_same_weights():
    method, again = GradientBlending(super_epoch=2), GradientBlending(super_epoch=2)
    method.end_epoch(evaluated(2.0, 2.0, 2.0), evaluated(2.0, 2.25, 2.0))
    method.end_epoch()
    again.load_state_dict(saved(method.state_dict()))
    for one in (method, again):
        one.end_epoch(evaluated(0.5, 1.0, 1.5), evaluated(1.5, 1.5, 1.75))
    assert again.weights == method.weights != {}


def test_missing_losses_and_splits_are_named():
    method = GradientBlending(super_epoch=1)
    with pytest.raises(BadInputError, match="end_epoch needs the losses of the training and validation split"):
        method.end_epoch()
    with pytest.raises(BadInputError, match="GradientBlending: the step has no losses"):
        method.loss(Step(torch.tensor(1.0)))
    high = evaluated(2.0, 2.0, 2.0)
    method.end_epoch(high, high)
    method.end_epoch(high, evaluated(1.0, 1.0, 1.0))
    with pytest.raises(BadInputError, match=r"the losses of \['right'\] are not those of earlier epochs"):
        method.loss(Step(torch.tensor(1.0), {"left": torch.tensor(1.0)}))
