"""The names of mitigations in studies."""

import pytest

from mbias.errors import BadInputError
from mbias.training.config import TrainingConfig
from mbias.training.mitigation_choice import METHODS, MitigationChoice


@pytest.mark.parametrize("text", ["agm", "ogm_ge alpha=0.5", "relearning every=2 strength=1.5"])
def test_the_text_of_a_mitigation_gives_it_again(text):
    choice = MitigationChoice.parse(text)
    assert str(choice) == text
    assert MitigationChoice.parse(str(choice)) == choice


def test_the_order_of_options_and_the_form_of_a_number_do_not_matter():
    first, second = "relearning strength=2 every=3", "relearning every=3.0 strength=2.0"
    assert MitigationChoice.parse(first) == MitigationChoice.parse(second)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ogm", "unknown mitigation 'ogm': choose from joint_only, "),
        ("", "unknown mitigation '': choose from "),
        ("ogm_ge beta=1", "the mitigation ogm_ge has no option 'beta'; its options: alpha"),
        ("joint_only alpha=1", "joint_only has no option 'alpha'; its options: none"),
        ("ogm_ge alpha", "'alpha' is not OPTION=NUMBER"),
    ],
)
def test_a_mitigation_that_is_unknown_is_refused(text, message):
    with pytest.raises(BadInputError, match=message):
        MitigationChoice.parse(text)


def test_a_run_is_named_after_its_mitigation_and_records_it():
    config = TrainingConfig(mitigation=MitigationChoice.parse("ogm_ge alpha=0.5"))
    assert config.name == "across_vcross-ls_v-ogm_ge_alpha0.5-seed0"
    assert config.to_json()["mitigation"] == "ogm_ge alpha=0.5"
    assert "mitigation" not in TrainingConfig().to_json()


def test_every_option_is_one_of_its_class():
    import inspect

    import mbias.mitigation

    for method in METHODS.values():
        taken = inspect.signature(getattr(mbias.mitigation, method.kind)).parameters
        assert set(method.options) <= set(taken)
