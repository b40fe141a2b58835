import pytest
import torch
from torch.nn import functional

from mbias.errors import BadInputError
from mbias.mitigation import PMR, Step
from tests.mitigation.toy import Toy, batch, gradients, grown, saved, step, train

THREE = ("text", "audio", "video")


def prototypes(batches, name):
    """Means of the features of each category, sample by sample."""
    features = torch.cat([computed.features[name] for computed in batches]).detach()
    labels = torch.cat([computed.labels for computed in batches])
    return torch.stack([features[labels[:, c] > 0].mean(0) for c in range(labels.shape[1])])


def pce(computed, centres, name):
    """The cross-entropy by prototypes and the score, from the definition."""
    distances = torch.stack([(computed.features[name] - centre).norm(dim=1) for centre in centres], dim=1)
    logarithms = (-distances).log_softmax(1)
    present = computed.labels
    entropy = -torch.stack([row[y > 0].mean() for row, y in zip(logarithms, present, strict=True)]).mean()
    return entropy, logarithms.exp()[present > 0].mean().item()


@pytest.mark.parametrize("multilabel", [False, True])
@pytest.mark.parametrize("modalities", [("left", "right"), THREE])
def test_the_slower_modality_is_pulled_to_its_prototypes(modalities, multilabel):
    model = Toy(modalities)
    grown(model)
    method = PMR(modalities, alpha=0.6)
    first = [step(model, *batch(modalities, 16, seed, multilabel), multilabel) for seed in (1, 2)]
    for computed in first:
        plain = computed.joint + sum(computed.losses.values())
        assert method.loss(computed) == plain, "there are no prototypes in the first epoch"
        method.backward(computed)
    method.end_epoch()
    model.zero_grad()

    computed = step(model, *batch(modalities, 16, 3, multilabel), multilabel)
    total, found = computed.joint + sum(computed.losses.values()), {}
    for name in modalities:
        found[name] = pce(computed, prototypes(first, name), name)
    fastest = max(score for _, score in found.values())
    weights = {name: min(max(fastest / score - 1, 0), 1) for name, (_, score) in found.items()}
    assert weights[modalities[0]] == 0 and weights[modalities[-1]] > 0
    extra = 0.6 * sum(weights[name] * found[name][0] for name in modalities)
    assert any(g.abs().max() > 1e-6 for g in gradients(extra, model.parts()[modalities[-1]])), "the term has a gradient"
    expected = gradients(total + extra, list(model.parameters()))
    method.backward(computed)
    assert all(torch.allclose(p.grad, g, rtol=1e-8) for p, g in zip(model.parameters(), expected, strict=True))


def of(features, labels):
    z = torch.tensor(features)[:, None].requires_grad_()
    y = functional.one_hot(torch.tensor(labels), 3)
    return Step(z.sum() * 0, features={"left": z, "right": z}, labels=y)


def test_a_category_without_samples_keeps_its_prototype_or_is_left_out():
    """A known wrong reading divides by zero samples, and NaN spreads."""
    method = PMR(["left", "right"], momentum=0.25)
    method.backward(of([1.0, 3.0, 8.0], [0, 0, 1]))
    method.end_epoch()
    assert torch.isfinite(method.loss(of([1.0, 5.0], [0, 2])))
    method.backward(of([4.0, 6.0], [0, 2]))
    method.end_epoch()

    # Category 0: a quarter of the old 2 and three quarters of the new 4; 1 keeps its 8; 2 is new.
    assert method.state_dict()["prototypes"]["left"].flatten().tolist() == pytest.approx([3.5, 8.0, 6.0])


def test_a_resumed_run_is_the_same_bit_for_bit():
    model = Toy()
    method = PMR(("left", "right"))
    train(model, method, 3)
    method.end_epoch()
    train(model, method, 2, start=3)
    weights, state = saved(model.state_dict()), saved(method.state_dict())
    resumed = Toy(seed=5)
    resumed.load_state_dict(weights)
    again = PMR(("left", "right"))
    again.load_state_dict(state)
    ends = []
    for one, its_method in ((model, method), (resumed, again)):
        train(one, its_method, 2, start=5)
        its_method.end_epoch()
        ends.append(train(one, its_method, 2, start=7))
    assert all(torch.equal(a, b) for a, b in zip(*ends, strict=True))


def test_what_is_missing_is_named():
    with pytest.raises(BadInputError, match=r"PMR: modalities \['left'\] are not two or more names"):
        PMR(["left"])
    with pytest.raises(BadInputError, match=r"PMR: the step has no features\['left'\]; give the features"):
        PMR(["left", "right"]).loss(Step(torch.tensor(1.0)))
