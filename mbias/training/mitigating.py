"""HAN trained with a mitigation: which parameters are whose, and what each step gives the method."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

import mbias.mitigation
from mbias.han.losses import LOSSES, cross_entropies, probabilities, targets
from mbias.han.network import HAN, HANOutput
from mbias.mitigation import Mitigation, Step
from mbias.terms import Modality, Smoothing
from mbias.training.data import Videos
from mbias.training.mitigation_choice import METHODS, MitigationChoice
from mbias.training.outputs import BATCH, autocast


class Mitigated:
    """A HAN that is trained with a mitigation.

    A modality's own parameters are those of the layers before the attention layer, which both modalities share. Its
    features are f_a or f_v, averaged over segments; its scores, p_a or p_v; its loss, L_a or L_v (Eq. 4-6).

    Parameters
    ----------
    choice
        The method and its options.
    model
        The network.
    seed
        Seed of the method's random numbers.
    """

    def __init__(self, choice: MitigationChoice, model: HAN, seed: int) -> None:
        self.method = make(choice, model, seed)
        self._model = model
        self._features: Tensor | None = None
        model.reweight = self.method.attention
        model.layer.register_forward_pre_hook(self._keep_features)

    def _keep_features(self, layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        self._features = inputs[0]

    def inputs(self, features: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Return the features that the network is trained on in this step, in the order of its streams."""
        streams = self._model.streams
        given: dict[str, dict[str, Tensor]] = {str(modality): {} for modality in Modality}
        for stream, values in zip(streams, features, strict=True):
            given[stream.modality][stream.name] = values
        kept: Any = self.method.inputs(given)
        return tuple(kept[stream.modality][stream.name] for stream in streams)

    def backward(self, output: HANOutput, losses: Tensor, labels: Tensor) -> None:
        """Add the gradients of a step to the parameters; ``losses`` are in the order of `LOSSES`."""
        assert self._features is not None
        self.method.backward(_step(output, losses, labels, self._features))

    def end_epoch(self, train: Videos, val: Videos, smoothing: Smoothing, dtype: torch.dtype) -> None:
        """Tell the method what the network computes from both splits, if it needs that."""
        if self.method.needs_evaluation:
            self.method.end_epoch(*(self._evaluated(videos, smoothing, dtype) for videos in (train, val)))
        else:
            self.method.end_epoch()

    def _evaluated(self, videos: Videos, smoothing: Smoothing, dtype: torch.dtype) -> Step:
        self._model.eval()
        parts, features = [], []
        with torch.no_grad(), autocast(videos.labels.device, dtype):
            for start in range(0, len(videos), BATCH):
                parts.append(self._model(*videos.inputs(slice(start, start + BATCH))))
                assert self._features is not None
                features.append(self._features)
        whole = HANOutput(*(torch.cat(of_batches) for of_batches in zip(*parts, strict=True)))
        losses = cross_entropies(probabilities(whole), targets(videos.labels, smoothing))
        return _step(whole, losses, videos.labels, torch.cat(features, dim=1))


def make(choice: MitigationChoice, model: HAN, seed: int = 0) -> Mitigation:
    """Make the method that a study names, for the parameters of a HAN.

    Parameters
    ----------
    choice
        The method and its options.
    model
        The network.
    seed
        Seed of the method's random numbers.

    Returns
    -------
    Mitigation
        The method.

    Raises
    ------
    BadInputError
        If an option is out of range.
    """
    kind = getattr(mbias.mitigation, METHODS[choice.name].kind)
    parameters = branches(model)
    known: dict[str, Any] = {"parameters": parameters, "modalities": tuple(parameters), "seed": seed}
    taken = inspect.signature(kind).parameters
    method: Mitigation = kind(**{name: known[name] for name in known if name in taken}, **dict(choice.options))
    return method


def branches(model: HAN) -> dict[str, list[nn.Parameter]]:
    """Return the parameters that only one modality uses, by modality."""
    visual = ("fc_v", "fc_st", "fc_fusion")
    layers = {Modality.AUDIO: [model.fc_a], Modality.VISUAL: [getattr(model, n) for n in visual if hasattr(model, n)]}
    return {str(m): [parameter for layer in own for parameter in layer.parameters()] for m, own in layers.items()}


def _step(output: HANOutput, losses: Tensor, labels: Tensor, features: Tensor) -> Step:
    """What a method is given; ``features`` has the shape (modality, video, segment, width)."""
    by_loss = dict(zip(LOSSES, losses, strict=True))
    modalities = [str(modality) for modality in Modality]
    pooled = features.float().mean(dim=2)
    return Step(
        joint=by_loss["wsl"],
        losses={modality: by_loss[modality] for modality in modalities},
        scores=dict(zip(modalities, (output.audio, output.visual), strict=True)),
        labels=labels,
        features=dict(zip(modalities, pooled, strict=True)),
        attention=output.wav,
    )
