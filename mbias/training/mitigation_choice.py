"""The mitigations of modality bias that a run can be trained with: their names and options in studies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from mbias.errors import BadInputError


class Method(NamedTuple):
    """A mitigation that a study can name.

    Parameters
    ----------
    kind
        The name of its class in `mbias.mitigation`.
    options
        The names of its options.
    """

    kind: str
    options: tuple[str, ...] = ()


METHODS: Mapping[str, Method] = {
    "joint_only": Method("JointOnly"),
    "unimodal": Method("UnimodalLosses", ("weight",)),
    "modality_dropout": Method("ModalityDropout", ("q_base", "alpha")),
    "ogm_ge": Method("OGMGE", ("alpha",)),
    "agm": Method("AGM", ("alpha",)),
    "gradient_blending": Method("GradientBlending", ("super_epoch",)),
    "mmpareto": Method("MMPareto", ("gamma",)),
    "pmr": Method("PMR", ("alpha", "momentum")),
    "relearning": Method("Relearning", ("strength", "every", "times")),
    "inforeg": Method("InfoReg", ("beta", "threshold")),
    "attention_entropy": Method("AttentionEntropy", ("weight",)),
    "attention_floor": Method("AttentionFloor", ("share",)),
}
"""The mitigations, by their names in studies."""


@dataclass(frozen=True)
class MitigationChoice:
    """A mitigation with its options, as a study names it.

    Parameters
    ----------
    name
        One of `METHODS`.
    options
        The options that differ from the method's defaults, by name.

    Raises
    ------
    BadInputError
        If there is no such method, or it has no such option.

    Examples
    --------
    >>> choice = MitigationChoice.parse("ogm_ge alpha=0.5")
    >>> choice.options, str(choice), choice.file_name
    ((('alpha', 0.5),), 'ogm_ge alpha=0.5', 'ogm_ge_alpha0.5')
    """

    name: str
    options: tuple[tuple[str, float], ...] = ()

    def __post_init__(self) -> None:
        if self.name not in METHODS:
            raise BadInputError(f"unknown mitigation {self.name!r}: choose from {', '.join(METHODS)}")
        for option, _ in self.options:
            if option not in METHODS[self.name].options:
                known = ", ".join(METHODS[self.name].options) or "none"
                raise BadInputError(f"the mitigation {self.name} has no option {option!r}; its options: {known}")

    @classmethod
    def parse(cls, text: str) -> MitigationChoice:
        """Parse the text form, which `str` also returns.

        Parameters
        ----------
        text
            The name of the method, then OPTION=NUMBER for each option that is set, separated by spaces.

        Returns
        -------
        MitigationChoice

        Raises
        ------
        BadInputError
            If the text has another form, or names no method or option.
        """
        name, *rest = text.split() or [""]
        options: dict[str, float] = {}
        for item in rest:
            option, _, value = item.partition("=")
            try:
                number = float(value)
                options[option] = int(number) if number.is_integer() else number
            except ValueError:
                raise BadInputError(f"mitigation {text!r}: {item!r} is not OPTION=NUMBER, as in alpha=0.5") from None
        return cls(name, tuple(sorted(options.items())))

    def __str__(self) -> str:
        return " ".join([self.name, *(f"{option}={value!r}" for option, value in self.options)])

    @property
    def file_name(self) -> str:
        """The name in folders of runs."""
        return "_".join([self.name, *(f"{option}{value!r}" for option, value in self.options)])
