import pytest
import torch

from mbias.errors import BadInputError
from mbias.mitigation import OGMGE
from mbias.mitigation.branches import fresh_gradients, gradient
from tests.mitigation.toy import Toy

SHARED = list(Toy().parameters())


def test_gradients_of_earlier_batches_are_kept_apart():
    first, second = (torch.nn.Parameter(torch.tensor(1.0)) for _ in range(2))
    (2 * first).backward()
    with fresh_gradients([first, second]):
        assert first.grad is None
        (3 * first * second).backward()
        first.grad.mul_(10)

    assert (first.grad, second.grad) == (32, 3)


def test_the_gradient_of_what_a_loss_does_not_depend_on_is_zero():
    first, second = (torch.nn.Parameter(torch.tensor(1.0)) for _ in range(2))
    assert gradient(2 * first, [first, second]) == [2, 0]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"left": list(Toy().parameters())}, "OGMGE: give a dict with the parameters of two or more modalities"),
        ([], "OGMGE: give a dict with the parameters of two or more modalities"),
        ({"left": list(Toy().parameters()), "right": []}, "OGMGE: 'right' has no parameter that is trained"),
        ({"left": SHARED, "right": SHARED}, "OGMGE: 'left' and 'right' share a parameter"),
    ],
)
def test_parameters_of_each_modality_are_checked(parameters, message):
    with pytest.raises(BadInputError, match=message):
        OGMGE(parameters)
