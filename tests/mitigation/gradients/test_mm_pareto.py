import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from torch.nn import Parameter

from mbias.errors import BadInputError
from mbias.mitigation import MMPareto, Step
from mbias.mitigation.gradients.mm_pareto import common_direction
from tests.mitigation.toy import Toy, batch, gradients, grown, step

VECTORS = st.lists(st.floats(-5, 5), min_size=4, max_size=4).map(lambda v: torch.tensor(v, dtype=torch.double))


@given(VECTORS, VECTORS)
def test_the_direction_works_against_neither_loss_and_the_norm_is_restored(joint, own):
    direction = common_direction(joint, own, gamma=1.5)
    total = 1.5 * (joint + own).norm()
    tolerance = 1e-5 * float(total * (joint.norm() + own.norm())) + 1e-12
    assert torch.dot(direction, joint) >= -tolerance
    assert torch.dot(direction, own) >= -tolerance
    assert direction.norm() == pytest.approx(float(total), rel=1e-9) or not direction.any()


@given(VECTORS, VECTORS)
def test_in_conflict_it_is_the_shortest_vector_between_the_two(joint, own):
    assume(torch.dot(joint, own) < -0.1)
    mixed = lambda w: w * joint + (1 - w) * own  # noqa: E731
    weight = minimize_scalar(lambda w: float(mixed(w).norm() ** 2), bounds=(0, 1), method="bounded").x
    shortest = mixed(weight)
    assume(shortest.norm() > 0.1)
    expected = shortest / shortest.norm() * (joint + own).norm()
    assert np.allclose(common_direction(joint, own), expected, atol=1e-3)


@pytest.mark.parametrize("factor", [-1.0, -3.0, -0.1])
def test_opposite_gradients_have_no_common_direction(factor):
    """Rounding must not be scaled up to a direction."""
    joint = torch.tensor([0.1, 0.7, -0.3])
    assert not common_direction(joint, factor * joint).any()


def test_without_gradients_nothing_happens():
    assert not common_direction(torch.zeros(3), torch.zeros(3)).any()


@pytest.mark.parametrize("multilabel", [False, True])
@pytest.mark.parametrize("modalities", [("left", "right"), ("text", "audio", "video")])
def test_gradients_number_by_number(modalities, multilabel):
    model = Toy(modalities)
    grown(model)
    computed = step(model, *batch(modalities, multilabel=multilabel), multilabel)
    shared = gradients(computed.joint, [model.scale])[0]
    expected = {}
    for name, own in model.parts().items():
        joint = torch.cat([g.flatten() for g in gradients(computed.joint, own)])
        alone = torch.cat([g.flatten() for g in gradients(computed.losses[name], own)])
        assert not torch.allclose(joint, alone), "the two gradients differ"
        assert torch.dot(joint, alone) > 0
        expected[name] = 1.5 * (joint + alone)
    MMPareto(model.parts()).backward(computed)

    for name, own in model.parts().items():
        found = torch.cat([p.grad.flatten() for p in own])
        assert torch.allclose(found, expected[name], rtol=1e-10)
    assert torch.allclose(model.scale.grad, shared)


def branches():
    """Two tensors of the left branch, and one of the right."""
    return Parameter(torch.zeros(2)), Parameter(torch.zeros(1)), Parameter(torch.zeros(2))


def conflicting(left, bias, right):
    """Two losses whose gradients conflict in the left branch, and not in the right."""
    joint = left @ torch.tensor([2.0, 0.0]) + bias.sum() + right.sum()
    return Step(joint, {"left": left @ torch.tensor([-1.0, 1.0]) + bias.sum(), "right": right[0]})


def test_in_conflict_the_gradient_is_the_min_norm_one_of_the_whole_branch():
    """Restoring the norm of each tensor alone would give another direction."""
    left, bias, right = branches()
    MMPareto({"left": [left, bias], "right": [right]}, gamma=1.0).backward(conflicting(left, bias, right))

    joint, own = np.array([2.0, 0.0, 1.0]), np.array([-1.0, 1.0, 1.0])
    weight = own @ (own - joint) / ((own - joint) @ (own - joint))
    shortest = weight * joint + (1 - weight) * own
    expected = shortest / np.linalg.norm(shortest) * np.linalg.norm(joint + own)
    assert np.allclose(np.concatenate([left.grad, bias.grad]), expected)
    assert expected @ joint > 0 and expected @ own > 0
    assert right.grad.tolist() == [2, 1]


def test_earlier_gradients_do_not_count():
    """A known wrong reading: with accumulated gradients, the two are the same sum and never conflict."""
    left, bias, right = branches()
    method = MMPareto({"left": [left, bias], "right": [right]}, gamma=1.0)
    method.backward(conflicting(left, bias, right))
    alone = left.grad.clone()
    left.grad = torch.tensor([100.0, -100.0])
    method.backward(conflicting(left, bias, right))

    assert torch.allclose(left.grad - torch.tensor([100.0, -100.0]), alone, atol=1e-4)


def test_a_missing_loss_is_named():
    model = Toy()
    with pytest.raises(BadInputError, match=r"MMPareto: the step has no losses\['left'\]; give the scalar loss"):
        MMPareto(model.parts()).backward(step(model, *batch(), unimodal=False))
