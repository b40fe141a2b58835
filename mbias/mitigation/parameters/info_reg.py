"""InfoReg: hold the leading modality back while information is acquired fast."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from torch import Tensor
from torch.nn import Parameter

from mbias.errors import BadInputError
from mbias.mitigation.branches import BranchMitigation, fresh_gradients
from mbias.mitigation.method import checked_number
from mbias.mitigation.step import Step
from mbias.mitigation.strength import mean_scores

_SPAN = 10
"""Over how many epochs the authors average the trace of the Fisher information."""


class InfoReg(BranchMitigation):
    """Information acquisition regulation (Huang et al., CVPR 2025).

    In the prime learning window, the first part of training, the leading modality, whose branch has the highest score
    s_m, is pulled to where it was at the start of the epoch::

        g_m <- g_m + beta exp(tanh(s_m - mean of the other scores)) (theta_m - theta_m(start of the epoch))

    The window of a modality is open in the first epoch, and then as long as its Fisher information grows by more than
    ``threshold``: (F_t - F_(t-1)) / F_t, where F_t is the sum, over the last ten epochs, of the trace of the Fisher
    information, that is, of the mean over steps of ``|g_m| ** 2``.

    Parameters
    ----------
    parameters
        The parameters that only one modality uses, by modality.
    beta
        The strength of the pull. The authors use 0.95 where audio leads and 0.1 where the visual modality does.
    threshold
        Growth of the Fisher information at which the window closes.

    Notes
    -----
    Cost: a copy of the parameters, and one more pass over their gradients.

    Pitfalls: in the authors' code, the two cases of which modality leads have the same condition, so that only audio
    is ever held back; scores are summed over the batch, so that tanh is 1 for any batch of some size, and the factor
    beta e; and the window is that of audio in both cases. Here it is the modality that leads, the mean score, and its
    own window. Since F sums ten epochs, the window stays open for about ten, unless the gradients shrink fast.

    Examples
    --------
    >>> import torch
    >>> from mbias.mitigation import InfoReg
    >>> left, right = torch.nn.Linear(4, 2), torch.nn.Linear(4, 2)
    >>> method = InfoReg({"left": left.parameters(), "right": right.parameters()})
    >>> name, factor = method.leader({"left": 0.8, "right": 0.4})
    >>> name, round(factor, 3)
    ('left', 1.389)
    """

    STATE = ("anchors", "traces", "squares", "steps")

    def __init__(
        self, parameters: Mapping[str, Iterable[Parameter]], beta: float = 0.95, threshold: float = 0.04
    ) -> None:
        super().__init__(parameters)
        self.beta = checked_number("InfoReg", "beta", beta, 0)
        self.threshold = threshold
        self._anchors: dict[str, list[Tensor]] = {}
        self._traces: dict[str, list[float]] = {name: [] for name in self.parameters}
        self._squares: dict[str, float] = dict.fromkeys(self.parameters, 0.0)
        self._steps = 0

    def start_epoch(self) -> None:
        """Remember the parameters."""
        self._anchors = {name: [p.detach().clone() for p in own] for name, own in self.parameters.items()}

    def leader(self, scores: Mapping[str, float]) -> tuple[str, float]:
        """The leading modality, and how strongly it is pulled.

        Parameters
        ----------
        scores
            The mean score s_m of each modality.

        Returns
        -------
        name : str
            The modality with the highest score.
        factor : float
            beta exp(tanh(gap)), where the gap is that to the mean of the others.
        """
        name = max(scores, key=lambda modality: scores[modality])
        others = [score for modality, score in scores.items() if modality != name]
        return name, self.beta * math.exp(math.tanh(scores[name] - sum(others) / len(others)))

    def in_window(self, modality: str) -> bool:
        """Whether the prime learning window of a modality is open.

        Parameters
        ----------
        modality
            The modality.

        Returns
        -------
        bool
            Whether its Fisher information still grows fast.
        """
        traces = self._traces[modality]
        now, before = sum(traces[-_SPAN:]), sum(traces[-_SPAN - 1 : -1])
        return not traces or (now > 0 and (now - before) / now > self.threshold)

    def backward(self, step: Step) -> None:
        """Add the gradient of this step, and the pull."""
        if not self._anchors:
            raise BadInputError("InfoReg: call start_epoch() before the first step of every epoch")
        leading, factor = self.leader(mean_scores(step, self.parameters, self))
        with fresh_gradients(self._all()):
            super().backward(step)
            for modality, own in self.parameters.items():
                squares = [p.grad.detach().double().square().sum() for p in own if p.grad is not None]
                self._squares[modality] += float(sum(squares))
            if self.in_window(leading):
                for parameter, anchor in zip(self.parameters[leading], self._anchors[leading], strict=True):
                    if parameter.grad is not None:
                        parameter.grad.add_(parameter.detach() - anchor.to(parameter), alpha=factor)
        self._steps += 1

    def end_epoch(self, train: Step | None = None, validation: Step | None = None) -> None:
        """Take the Fisher information of the epoch."""
        for modality, total in self._squares.items():
            self._traces[modality] = [*self._traces[modality], total / max(self._steps, 1)][-_SPAN - 1 :]
        self._squares = dict.fromkeys(self.parameters, 0.0)
        self._steps = 0
        self._anchors = {}
