"""Mitigations of modality bias for any PyTorch model with one branch per modality, in its own training loop."""

from mbias.mitigation.gradients.agm import AGM, shapley_logits
from mbias.mitigation.gradients.mm_pareto import MMPareto
from mbias.mitigation.gradients.ogm_ge import OGMGE
from mbias.mitigation.inputs.attention_floor import AttentionFloor
from mbias.mitigation.inputs.modality_dropout import ModalityDropout
from mbias.mitigation.losses.attention_entropy import AttentionEntropy
from mbias.mitigation.losses.blending import GradientBlending
from mbias.mitigation.losses.prototypes import PMR
from mbias.mitigation.losses.unimodal import JointOnly, UnimodalLosses
from mbias.mitigation.method import Mitigation
from mbias.mitigation.parameters.info_reg import InfoReg
from mbias.mitigation.parameters.relearning import Relearning
from mbias.mitigation.step import Step

__all__ = [
    "AGM",
    "OGMGE",
    "PMR",
    "AttentionEntropy",
    "AttentionFloor",
    "GradientBlending",
    "InfoReg",
    "JointOnly",
    "MMPareto",
    "Mitigation",
    "ModalityDropout",
    "Relearning",
    "Step",
    "UnimodalLosses",
    "shapley_logits",
]
