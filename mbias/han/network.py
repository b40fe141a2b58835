"""The Hybrid Attention Network (HAN), with the paper's four aggregates of features (Eq. 1-5, 7, 8)."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mbias.han.dropout import dropout
from mbias.terms import CATEGORIES, SEGMENTS, Variant

AUDIO, FRAMES, MOTION = 128, 2048, 512
"""Widths of the features: VGGish, ResNet-152, R(2+1)D-18."""

FRAMES_PER_SEGMENT = 8
WIDTH = 512


class HANOutput(NamedTuple):
    """What the network gives for B videos of T segments, for C categories; all float32, in [0, 1].

    Parameters
    ----------
    wsl, audio, visual
        Video-level probabilities p_wsl, p_a, p_v of Eq. 3-5, of shape (B, C).
    p, wav, wtp
        Segment-level probabilities P, and attention across modalities W_av and over time W_tp, of shape
        (B, T, 2, C), audio before visual.
    """

    wsl: Tensor
    audio: Tensor
    visual: Tensor
    p: Tensor
    wav: Tensor
    wtp: Tensor


class HAN(nn.Module):
    """The network of one variant.

    Parameters
    ----------
    variant
        Which modality attends to the other one.
    """

    def __init__(self, variant: Variant | str) -> None:
        super().__init__()
        categories = len(CATEGORIES)
        self.variant = Variant(variant)
        self.uniform = False
        """Whether W_av is one half everywhere and not learned: a control."""
        self.fc_a = nn.Linear(AUDIO, WIDTH)
        self.fc_v = nn.Linear(FRAMES, WIDTH)
        self.fc_st = nn.Linear(MOTION, WIDTH)
        self.fc_fusion = nn.Linear(2 * WIDTH, WIDTH)
        self.layer = HybridAttentionLayer(self.variant)
        self.fc_prob = nn.Linear(WIDTH, categories)
        self.fc_frame_att = nn.Linear(WIDTH, categories)
        self.fc_av_att = nn.Linear(WIDTH, categories)
        self.unused: dict[str, Tensor] = {}
        """What an original checkpoint held beside these weights; kept to be given back."""

    def forward(self, audio: Tensor, frames: Tensor, motion: Tensor) -> HANOutput:
        """Probabilities and attention.

        Parameters
        ----------
        audio
            VGGish features, of shape (B, 10, 128).
        frames
            ResNet-152 features, of shape (B, 80, 2048), or their means over the 8 frames of each segment,
            (B, 10, 2048): `fc_v` is linear, so that both give the same.
        motion
            R(2+1)D features, of shape (B, 10, 512).
        """
        if frames.shape[1] == SEGMENTS * FRAMES_PER_SEGMENT:
            frames = frames.unflatten(1, (SEGMENTS, FRAMES_PER_SEGMENT)).mean(dim=2)
        f_a = self.fc_a(audio)
        f_v = self.fc_fusion(torch.cat([self.fc_v(frames), self.fc_st(motion)], dim=-1))
        f = self.layer(torch.stack([f_a, f_v]))
        # Heads, pooling and losses stay in float32 where the rest runs in bfloat16.
        with torch.autocast(f.device.type, enabled=False):
            return self.pool(f.float().permute(1, 2, 0, 3))

    def pool(self, f: Tensor) -> HANOutput:
        """Attentive MMIL pooling of aggregated features of shape (B, T, 2, width) (Eq. 3-5)."""
        p = torch.sigmoid(self.fc_prob(f))
        wtp = torch.softmax(self.fc_frame_att(f), dim=1)
        wav = torch.full_like(p, 1 / 2) if self.uniform else torch.softmax(self.fc_av_att(f), dim=2)
        attended = wtp * p
        wsl = (attended * wav).sum(dim=(1, 2))
        audio, visual = attended.sum(dim=1).unbind(dim=1)
        return HANOutput(wsl, audio, visual, p, wav, wtp)


class HybridAttentionLayer(nn.Module):
    """Self- and cross-attention from the layer's inputs, then feed-forward; one set of weights for both modalities."""

    def __init__(self, variant: Variant) -> None:
        super().__init__()
        self.variant = variant
        self.self_attn = Attention()
        self.cm_attn = Attention()
        self.linear1 = nn.Linear(WIDTH, WIDTH)
        self.linear2 = nn.Linear(WIDTH, WIDTH)
        self.norm1 = nn.LayerNorm(WIDTH)
        self.norm2 = nn.LayerNorm(WIDTH)

    def forward(self, f: Tensor) -> Tensor:
        """Aggregated features from features, both of shape (2, B, T, width), audio before visual."""
        f = f + self._dropout(self.self_attn(f, f)) + self.cross_attention(f)
        f = self.norm1(f)
        f = f + self._dropout(self.linear2(self._dropout(torch.relu(self.linear1(f)))))
        return self.norm2(f)

    def _dropout(self, f: Tensor) -> Tensor:
        return dropout(f, self.training)

    def cross_attention(self, f: Tensor) -> Tensor:
        """What each modality takes from the other one: g_ca of Eq. 1 and 2, nothing in Eq. 7 and 8."""
        audio_cross, visual_cross = self.variant.audio_cross, self.variant.visual_cross
        if audio_cross and visual_cross:
            return self._dropout(self.cm_attn(f, f.flip(0)))
        nothing = torch.zeros_like(f[:1])
        audio = self._dropout(self.cm_attn(f[:1], f[1:])) if audio_cross else nothing
        visual = self._dropout(self.cm_attn(f[1:], f[:1])) if visual_cross else nothing
        return torch.cat([audio, visual])


class Attention(nn.Module):
    """Attention with one head: softmax(Q K^T / sqrt(d)) V, projected in and out."""

    def __init__(self) -> None:
        super().__init__()
        self.in_proj_weight = nn.Parameter(torch.empty(3 * WIDTH, WIDTH))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * WIDTH))
        self.out_proj = nn.Linear(WIDTH, WIDTH)
        nn.init.xavier_uniform_(self.in_proj_weight)
        nn.init.zeros_(self.out_proj.bias)

    def forward(self, query: Tensor, memory: Tensor) -> Tensor:
        """What ``query`` takes from ``memory``, both of shape (..., T, width)."""
        if query is memory:
            q, k, v = F.linear(query, self.in_proj_weight, self.in_proj_bias).chunk(3, dim=-1)
        else:
            to_q, to_kv = self.in_proj_weight.split([WIDTH, 2 * WIDTH])
            q_bias, kv_bias = self.in_proj_bias.split([WIDTH, 2 * WIDTH])
            q = F.linear(query, to_q, q_bias)
            k, v = F.linear(memory, to_kv, kv_bias).chunk(2, dim=-1)
        weights = torch.softmax(q @ k.transpose(-2, -1) / math.sqrt(WIDTH), dim=-1)
        attended: Tensor = self.out_proj(dropout(weights, self.training) @ v)
        return attended
