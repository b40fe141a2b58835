import pytest

from mbias.errors import BadInputError
from mbias.mitigation import JointOnly, UnimodalLosses
from tests.mitigation.toy import Toy, batch, gradients, step


def test_the_joint_loss_alone_is_trained():
    model = Toy()
    computed = step(model, *batch())
    expected = gradients(computed.joint, list(model.parameters()))
    JointOnly().backward(computed)
    assert all((p.grad == g).all() for p, g in zip(model.parameters(), expected, strict=True))


def test_every_term_of_the_sum_has_a_gradient():
    model = Toy()
    computed = step(model, *batch())
    of_terms = [gradients(loss, list(model.parameters())) for loss in (computed.joint, *computed.losses.values())]
    assert all(any(g.any() for g in of_term) for of_term in of_terms)
    UnimodalLosses(weight=0.5).backward(computed)
    for parameter, joint, left, right in zip(model.parameters(), *of_terms, strict=True):
        assert parameter.grad.numpy() == pytest.approx((joint + 0.5 * (left + right)).numpy(), rel=1e-12)


def test_a_sum_of_nothing_is_refused():
    with pytest.raises(BadInputError, match="UnimodalLosses: the step has no losses; give the scalar loss of each"):
        UnimodalLosses().loss(step(Toy(), *batch(), unimodal=False))
