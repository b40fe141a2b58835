import math

import pytest
import torch

from mbias.errors import BadInputError
from mbias.mitigation import AGM, shapley_logits
from tests.mitigation.toy import Toy, batch, gradients, grown, step

THREE = ("text", "audio", "video")


def log_scores(computed):
    present = computed.labels > 0
    return {name: score[present].log().mean().item() for name, score in computed.scores.items()}


@pytest.mark.parametrize("multilabel", [False, True])
def test_gradients_of_two_steps_by_hand(multilabel):
    """In the first step tau is 1; in the second, it is the ratio of the first step's scores."""
    model = Toy()
    grown(model)
    method = AGM(model.parts(), alpha=0.4)
    stronger = {id(p) for p in model.parts()["left"]}
    tau = {"left": 1.0, "right": 1.0}
    for seed in (1, 2):
        model.zero_grad()
        computed = step(model, *batch(seed=seed, multilabel=multilabel), multilabel)
        plain = gradients(computed.joint + sum(computed.losses.values()), list(model.parameters()))
        s = log_scores(computed)
        r = {"left": math.exp(s["left"] - s["right"]), "right": math.exp(s["right"] - s["left"])}
        factors = {name: math.exp(0.4 * (tau[name] - r[name])) for name in r}
        method.backward(computed)

        for parameter, gradient in list(zip(model.parameters(), plain, strict=True)):
            name = None if parameter is model.scale else "left" if id(parameter) in stronger else "right"
            assert torch.allclose(parameter.grad, gradient * (factors[name] if name else 1), rtol=1e-10, atol=0)
        if seed == 1:
            assert r["left"] > 1 and factors["left"] < 1 < factors["right"], "the stronger modality is slowed down"
        tau = r


def test_tau_is_of_the_mean_of_all_earlier_steps():
    model = Toy()
    method = AGM(model.parts())
    seen = []
    for seed in range(3):
        computed = step(model, *batch(seed=seed))
        method.backward(computed)
        seen.append(log_scores(computed))
    difference = sum(s["left"] - s["right"] for s in seen) / 3
    expected = math.exp(0.1 * (math.exp(difference) - 1))
    assert method.coefficients({"left": -1.0, "right": -1.0})["left"] == pytest.approx(expected)


def test_three_modalities_are_compared_with_the_mean_of_the_others():
    method = AGM(Toy(THREE).parts(), alpha=0.5)
    s = {"text": -0.2, "audio": -0.6, "video": -1.6}
    found = method.coefficients(s)
    for name in THREE:
        others = [s[other] for other in THREE if other != name]
        ratio = math.exp(sum(s[name] - other for other in others) / 2)
        assert found[name] == pytest.approx(math.exp(0.5 * (1 - ratio)))


def test_the_difference_of_ratios_is_limited():
    method = AGM(Toy().parts(), alpha=1.0)
    method.load_state_dict({"means": {"left": 0.0, "right": -9.0}, "steps": 5})
    assert method.coefficients({"left": -1.0, "right": -1.0})["left"] == pytest.approx(math.exp(10))


def test_shapley_logits_add_up_and_give_an_addend_to_its_modality():
    """Of an additive model, each modality gets its own logits; leaving the empty set's term out would lose a third."""
    generator = torch.Generator().manual_seed(0)
    own = {name: torch.randn(2, 4, generator=generator) for name in THREE}
    sets = [frozenset(n for i, n in enumerate(THREE) if mask >> i & 1) for mask in range(1, 8)]
    split = shapley_logits({members: sum(own[name] for name in members) for members in sets})
    assert all(torch.allclose(split[name], own[name], atol=1e-6) for name in THREE)

    drawn = {members: torch.randn(2, 4, generator=generator) for members in sets}
    split = shapley_logits(drawn)
    assert torch.allclose(sum(split.values()), drawn[frozenset(THREE)], atol=1e-6)
    text, audio, video = (frozenset([name]) for name in THREE)
    by_hand = (
        drawn[text] / 3
        + (drawn[text | audio] - drawn[audio]) / 6
        + (drawn[text | video] - drawn[video]) / 6
        + (drawn[text | audio | video] - drawn[audio | video]) / 3
    )
    assert torch.allclose(split["text"], by_hand, atol=1e-6)


def test_a_missing_set_is_named():
    with pytest.raises(BadInputError, match=r"no logits of \['left'\] alone; give those of every set"):
        shapley_logits({frozenset(["left", "right"]): torch.zeros(1), frozenset(["right"]): torch.zeros(1)})
