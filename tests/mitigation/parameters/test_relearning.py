import math

import pytest
import torch
from torch.nn import functional

from mbias.errors import BadInputError
from mbias.mitigation import Relearning, Step
from mbias.mitigation.parameters.relearning import purity
from tests.mitigation.toy import Toy, saved

CLUSTERS = torch.tensor([[0.0, 0.0], [0.1, 0.0], [0.0, 9.0], [0.1, 9.0], [9.0, 0.0], [9.1, 0.0]])


def one_hot(*labels):
    return functional.one_hot(torch.tensor(labels), 3)


def test_purity_is_the_part_of_samples_with_the_category_of_their_cluster():
    assert purity(CLUSTERS, one_hot(0, 0, 1, 1, 2, 2)) == 1
    assert purity(CLUSTERS, one_hot(2, 2, 0, 0, 1, 1)) == 1, "which cluster is which does not matter"
    assert purity(CLUSTERS, one_hot(0, 1, 1, 1, 2, 2)) == pytest.approx(5 / 6)


def test_purity_does_not_depend_on_the_scale_of_a_feature():
    says, says_nothing = torch.arange(2.0).repeat_interleave(5), torch.arange(5.0).repeat(2)
    labels = functional.one_hot(says.long())
    for scale in (1.0, 1e3, 1e-3):
        assert purity(torch.stack([says, scale * says_nothing], dim=1), labels) == 1


def test_purity_of_several_labels():
    """A sample counts if it has the category of its cluster; samples without a label are left out."""
    labels = one_hot(0, 0, 1, 1, 2, 2)
    labels[0] = torch.tensor([1, 1, 0])
    labels[1] = torch.tensor([0, 1, 0])
    assert purity(CLUSTERS, labels) == 1
    assert purity(torch.cat([CLUSTERS, CLUSTERS[:2]]), torch.cat([labels, torch.zeros(2, 3, dtype=int)])) == 1


def test_constant_features_say_nothing():
    assert purity(torch.ones(6, 2), one_hot(0, 0, 0, 0, 1, 2)) == pytest.approx(4 / 6)


def of(left, labels):
    """A split in which the right branch separates the categories as the clusters do."""
    return Step(torch.tensor(0.0), features={"left": left, "right": CLUSTERS}, labels=labels)


def moved(model):
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(1.0)


def test_branches_are_pulled_back_by_their_gap_and_shared_parameters_are_not():
    model = Toy()
    start = {name: [p.detach().clone() for p in own] for name, own in model.parts().items()}
    method = Relearning(model.parts(), strength=3, every=2, times=1)
    moved(model)
    assert not method.needs_evaluation
    method.end_epoch()
    assert method.needs_evaluation
    labels = one_hot(0, 0, 1, 1, 2, 2)
    mixed = CLUSTERS[[0, 2, 1, 3, 4, 5]]
    method.end_epoch(of(CLUSTERS, labels), of(mixed, labels))

    gap = 1 - 4 / 6
    share = math.tanh(3 * gap)
    for parameter, begun in zip(model.parts()["left"], start["left"], strict=True):
        assert torch.allclose(parameter, (1 - share) * (begun + 1) + share * begun)
    for parameter, begun in zip(model.parts()["right"], start["right"], strict=True):
        assert torch.equal(parameter, begun + 1)
    assert model.scale.item() == 2.5
    method.end_epoch()
    assert not method.needs_evaluation, "once is enough here"


def test_a_resumed_run_is_pulled_back_to_the_same_start():
    model = Toy()
    method = Relearning(model.parts(), every=1)
    moved(model)
    weights, state = saved(model.state_dict()), saved(method.state_dict())
    resumed = Toy(seed=5)
    resumed.load_state_dict(weights)
    again = Relearning(resumed.parts(), every=1)
    again.load_state_dict(state)
    for one in (method, again):
        one.pull_back({"left": 0.3, "right": 0.1})
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), resumed.parameters(), strict=True))


def test_what_is_missing_is_named():
    method = Relearning(Toy().parts(), every=1)
    with pytest.raises(BadInputError, match="end_epoch needs the features of the training and validation split"):
        method.end_epoch()
    with pytest.raises(BadInputError, match="Relearning: 2 labelled samples for 3 categories"):
        purity(CLUSTERS[:2], one_hot(0, 1))
    with pytest.raises(BadInputError, match="Relearning: the features are not finite; the model may have diverged"):
        purity(CLUSTERS / 0, one_hot(0, 0, 1, 1, 2, 2))
