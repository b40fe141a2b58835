import pytest
import torch

from mbias.errors import BadInputError
from mbias.mitigation import OGMGE, GradientBlending, Mitigation, ModalityDropout, Step, UnimodalLosses
from tests.mitigation.toy import Toy, batch, gradients, step


def test_the_base_adds_all_losses_up_and_changes_nothing():
    model = Toy()
    x, labels = batch()
    computed = step(model, x, labels)
    expected = gradients(computed.joint + computed.losses["left"] + computed.losses["right"], list(model.parameters()))
    method = Mitigation()
    method.start_epoch()
    assert method.inputs(x) is x
    assert method.attention(labels) is labels
    method.backward(computed)
    method.end_epoch()

    assert all(torch.equal(p.grad, g) for p, g in zip(model.parameters(), expected, strict=True))
    assert method.state_dict() == {}
    assert not method.needs_evaluation


def test_a_state_of_another_method_is_refused():
    with pytest.raises(BadInputError, match=r"Mitigation: the state has \['generator'\] instead of nothing; load"):
        Mitigation().load_state_dict(OGMGE(Toy().parts()).state_dict())


def test_random_numbers_of_another_device_are_refused():
    with pytest.raises(BadInputError, match="OGMGE: the random numbers of the state are not those of cpu; resume"):
        OGMGE(Toy().parts()).load_state_dict({"generator": torch.zeros(16, dtype=torch.uint8)})


@pytest.mark.parametrize(
    ("left_out", "message"),
    [
        ("scores", r"OGMGE: the step has no scores\['left'\]; give the probabilities"),
        ("labels", "OGMGE: the step has no labels; give 0 and 1"),
    ],
)
def test_what_a_step_lacks_is_named(left_out, message):
    model = Toy()
    computed = step(model, *batch())
    fields = {name: getattr(computed, name) for name in ("joint", "losses", "scores", "labels") if name != left_out}
    with pytest.raises(BadInputError, match=message):
        OGMGE(model.parts()).backward(Step(**fields))


def test_shapes_that_differ_are_refused():
    model = Toy()
    x, labels = batch()
    computed = step(model, x, labels)
    with pytest.raises(BadInputError, match=r"scores\['left'\] has shape \(8, 3\) and labels \(8,\); give both"):
        OGMGE(model.parts()).backward(Step(computed.joint, scores=computed.scores, labels=labels.argmax(1)))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: GradientBlending(super_epoch=0),
            "GradientBlending: super_epoch 0 is not a number of at least 1; give",
        ),
        (
            lambda: ModalityDropout(("a", "b"), q_base=2),
            "ModalityDropout: q_base 2 is not a number from 0 to 1; give one",
        ),
        (lambda: UnimodalLosses(weight="1"), "UnimodalLosses: weight '1' is not a number of at least 0; give one"),
        (lambda: OGMGE(Toy().parts(), alpha=float("nan")), "OGMGE: alpha nan is not a number of at least 0; give one"),
    ],
)
def test_settings_out_of_range_are_refused(make, message):
    with pytest.raises(BadInputError, match=message):
        make()
