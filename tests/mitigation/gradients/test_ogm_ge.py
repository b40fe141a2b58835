import math

import pytest
import torch

from mbias.mitigation import OGMGE
from tests.mitigation.toy import Toy, batch, gradients, grown, step

THREE = ("text", "audio", "video")


def strengths(computed):
    """The mean score of the labels that are present, from the definition."""
    present = computed.labels > 0
    return {name: score[present].mean().item() for name, score in computed.scores.items()}


@pytest.mark.parametrize("multilabel", [False, True])
def test_the_gradient_of_the_stronger_modality_alone_is_scaled(multilabel):
    model = Toy()
    grown(model)
    computed = step(model, *batch(multilabel=multilabel), multilabel)
    total = computed.joint + sum(computed.losses.values())
    expected = gradients(total, list(model.parameters()))
    s = strengths(computed)
    assert s["left"] > s["right"]
    factor = 1 - math.tanh(0.3 * s["left"] / s["right"])
    OGMGE(model.parts(), alpha=0.3, noise=False).backward(computed)

    stronger = {id(p) for p in model.parts()["left"]}
    for parameter, plain in zip(model.parameters(), expected, strict=True):
        wanted = plain * factor if id(parameter) in stronger else plain
        assert torch.allclose(parameter.grad, wanted, rtol=1e-12, atol=0)


def test_noise_has_the_deviation_of_the_unscaled_gradient_and_is_added_to_every_branch():
    model = Toy()
    grown(model)
    x, labels = batch()
    computed = step(model, x, labels)
    own = [p for part in model.parts().values() for p in part]
    plain = gradients(computed.joint + sum(computed.losses.values()), own)
    s = strengths(computed)
    factors = {"left": 1 - math.tanh(0.3 * s["left"] / s["right"]), "right": 1.0}
    OGMGE(model.parts(), seed=7).backward(computed)

    generator, index = torch.Generator().manual_seed(7), 0
    for name, own in model.parts().items():
        for parameter in own:
            noise = torch.randn(parameter.shape, generator=generator).double() * plain[index].std()
            assert torch.allclose(parameter.grad, plain[index] * factors[name] + noise, rtol=1e-12)
            index += 1
    assert model.scale.grad == gradients(step(model, x, labels).joint, [model.scale])[0]


def test_three_modalities():
    """Each is compared with the mean of the other two: two can be slowed down, the weakest never is."""
    model = Toy(THREE)
    grown(model)
    computed = step(model, *batch(THREE))
    s = strengths(computed)
    assert s["text"] > s["audio"] > s["video"]
    parameters = list(model.parameters())
    plain = gradients(computed.joint + sum(computed.losses.values()), parameters)
    factors = {}
    for name in THREE:
        rho = s[name] / (sum(s[other] for other in THREE if other != name) / 2)
        factors[name] = 1 - math.tanh(0.3 * rho) if rho > 1 else 1
    assert factors["text"] < 1 and factors["video"] == 1
    OGMGE(model.parts(), noise=False).backward(computed)

    owner = {id(p): name for name, own in model.parts().items() for p in own}
    for parameter, gradient in zip(parameters, plain, strict=True):
        assert torch.allclose(parameter.grad, gradient * factors.get(owner.get(id(parameter)), 1), rtol=1e-12, atol=0)


def test_coefficients_by_hand():
    method = OGMGE(Toy(THREE).parts(), alpha=0.3)
    found = method.coefficients({"text": 0.8, "audio": 0.5, "video": 0.1})
    factors = {"text": 1 - math.tanh(0.3 * 0.8 / 0.3), "audio": 1 - math.tanh(0.3 * 0.5 / 0.45), "video": 1}
    assert found == pytest.approx(factors)
    assert method.coefficients(dict.fromkeys(THREE, 0.4)) == dict.fromkeys(THREE, 1)


def test_of_accumulated_gradients_only_those_of_the_step_are_scaled():
    model = Toy()
    grown(model)
    method = OGMGE(model.parts(), noise=False)
    method.backward(step(model, *batch(seed=1)))
    first = [p.grad.clone() for p in model.parameters()]
    method.backward(step(model, *batch(seed=2)))
    both = [p.grad.clone() for p in model.parameters()]
    model.zero_grad()
    method.backward(step(model, *batch(seed=2)))

    assert all(torch.allclose(p.grad + a, b) for p, a, b in zip(model.parameters(), first, both, strict=True))
