import math

import pytest
import torch

from mbias.errors import BadInputError
from mbias.mitigation import InfoReg
from tests.mitigation.toy import Toy, batch, gradients, grown, saved, step, train

THREE = ("text", "audio", "video")


def leads(computed):
    present = computed.labels > 0
    return {name: score[present].mean().item() for name, score in computed.scores.items()}


@pytest.mark.parametrize("first", ["left", "right"])
def test_the_leading_modality_is_pulled_to_the_start_of_the_epoch(first):
    """Whichever leads; in the authors' code it is always audio."""
    second = {"left": "right", "right": "left"}[first]
    model = Toy((first, second))
    grown(model)
    method = InfoReg(model.parts(), beta=0.95)
    method.start_epoch()
    anchors = {name: [p.detach().clone() for p in own] for name, own in model.parts().items()}
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1)
    computed = step(model, *batch((first, second)))
    s = leads(computed)
    assert s[first] > s[second]
    plain = {name: gradients(computed.joint + computed.losses[name], own) for name, own in model.parts().items()}
    factor = 0.95 * math.exp(math.tanh(s[first] - s[second]))
    method.backward(computed)

    for name, own in model.parts().items():
        for parameter, gradient, anchor in zip(own, plain[name], anchors[name], strict=True):
            pull = factor * (parameter.detach() - anchor) if name == first else 0
            assert torch.allclose(parameter.grad, gradient + pull, rtol=1e-10)


def test_of_three_modalities_the_gap_is_that_to_the_mean_of_the_others():
    name, factor = InfoReg(Toy(THREE).parts(), beta=0.5).leader({"text": 0.2, "audio": 0.9, "video": 0.4})
    assert name == "audio"
    assert factor == pytest.approx(0.5 * math.exp(math.tanh(0.9 - 0.3)))


def after(traces):
    method = InfoReg(Toy().parts())
    method.load_state_dict(method.state_dict() | {"traces": {"left": list(traces), "right": []}})
    return method


def test_the_window_closes_when_the_information_stops_growing():
    # The sum of ten epochs grows from 45 to 54 (by a sixth of 54), then from 49 to 50 (by a fiftieth).
    assert after([1.0, *[4.0] * 5, 6.0, 6.0, 6.0, 6.0, 10.0]).in_window("left")
    assert not after([4.0, *[5.0] * 10]).in_window("left")
    assert after([]).in_window("left")
    assert after([3.0]).in_window("left")
    assert not after([5.0, 0.1]).in_window("left")


def test_outside_the_window_nothing_is_added():
    model = Toy()
    grown(model)
    method = InfoReg(model.parts())
    method.load_state_dict(method.state_dict() | {"traces": {"left": [5.0, 0.1], "right": [5.0, 0.1]}})
    method.start_epoch()
    with torch.no_grad():
        model.scale.add_(1)
        for parameter in model.parts()["left"]:
            parameter.add_(0.1)
    computed = step(model, *batch())
    expected = gradients(computed.joint + sum(computed.losses.values()), list(model.parameters()))
    method.backward(computed)
    assert all(torch.equal(p.grad, g) for p, g in zip(model.parameters(), expected, strict=True))


def test_the_information_is_the_mean_squared_gradient_of_the_loss():
    model = Toy()
    grown(model)
    method = InfoReg(model.parts())
    method.start_epoch()
    expected = dict.fromkeys(model.branches, 0.0)
    for seed in (1, 2):
        with torch.no_grad():
            model.parts()["left"][0].add_(0.1)
        computed = step(model, *batch(seed=seed))
        for name, own in model.parts().items():
            for gradient in gradients(computed.joint + sum(computed.losses.values()), own):
                expected[name] += (gradient**2).sum().item() / 2
        method.backward(computed)
    method.end_epoch()
    found = method.state_dict()["traces"]
    assert {name: traces[0] for name, traces in found.items()} == pytest.approx(expected)


def test_a_resumed_run_is_the_same_bit_for_bit():
    """Also in the middle of an epoch."""
    model = Toy()
    method = InfoReg(model.parts())
    method.start_epoch()
    train(model, method, 3)
    weights, state = saved(model.state_dict()), saved(method.state_dict())
    resumed = Toy(seed=5)
    resumed.load_state_dict(weights)
    again = InfoReg(resumed.parts())
    again.load_state_dict(state)
    ends = []
    for one, its_method in ((model, method), (resumed, again)):
        train(one, its_method, 2, start=3)
        its_method.end_epoch()
        its_method.start_epoch()
        ends.append(train(one, its_method, 3, start=5))
    assert all(torch.equal(a, b) for a, b in zip(*ends, strict=True))


def test_an_epoch_that_was_not_started_is_named():
    model = Toy()
    with pytest.raises(BadInputError, match=r"InfoReg: call start_epoch\(\) before the first step"):
        InfoReg(model.parts()).backward(step(model, *batch()))
