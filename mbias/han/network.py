"""The Hybrid Attention Network (HAN) in the paper's four variants of feature aggregation (Eq. 1-5, 7, 8)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mbias.errors import BadInputError
from mbias.han.dropout import dropout
from mbias.llp.streams.presets import HAN_STREAMS
from mbias.llp.streams.stream import Stream, Streams, checked_streams
from mbias.terms import CATEGORIES, SEGMENTS, Modality, Variant

WIDTH = 512
"""Width of the network's hidden features."""


class HANOutput(NamedTuple):
    """Output of the network for B videos of T segments and C categories, in float32.

    All values are in [0, 1], except that p_wsl can exceed 1 where the modalities attend to different segments.

    Parameters
    ----------
    wsl, audio, visual
        Video-level probabilities p_wsl, p_a and p_v (Eq. 3-5), of shape (B, C).
    p
        Segment-level probabilities P, of shape (B, T, 2, C), audio before visual.
    wav
        Attention across modalities W_av, of the shape of ``p``; it sums to 1 over modalities.
    wtp
        Attention over time W_tp, of the shape of ``p``; it sums to 1 over segments.
    """

    wsl: Tensor
    audio: Tensor
    visual: Tensor
    p: Tensor
    wav: Tensor
    wtp: Tensor


class HAN(nn.Module):
    """The network of one variant, for streams of features of any width.

    A linear layer projects each stream to `WIDTH`. If there are two visual streams, as in the original, a further
    linear layer fuses them; a single visual stream is taken as the audio is, by its projection alone.

    Parameters
    ----------
    variant
        Which modality attends to the other one.
    streams
        The streams of features, audio first; one or two are visual. The default are those of the original.

    Raises
    ------
    BadInputError
        If there are more streams, fewer, or no audio stream.

    Examples
    --------
    >>> import torch
    >>> from mbias.han.network import HAN
    >>> model = HAN("across_vself").eval()
    >>> with torch.no_grad():
    ...     output = model(torch.randn(2, 10, 128), torch.randn(2, 80, 2048), torch.randn(2, 10, 512))
    >>> output.wsl.shape, output.wav.shape
    (torch.Size([2, 25]), torch.Size([2, 10, 2, 25]))
    """

    def __init__(self, variant: Variant | str, streams: Streams = HAN_STREAMS) -> None:
        super().__init__()
        categories = len(CATEGORIES)
        self.streams = checked_streams(streams)
        audio, *visual = self.streams
        self.variant = Variant(variant)
        self.uniform = False
        """Whether W_av is fixed at one half instead of learned: a negative control."""
        self.reweight: Callable[[Tensor], Tensor] | None = None
        """What a mitigation makes of W_av, for example a floor under it."""
        self.fc_a = nn.Linear(audio.width, WIDTH)
        self.fc_v = nn.Linear(visual[0].width, WIDTH)
        if len(visual) > 1:
            self.fc_st = nn.Linear(visual[1].width, WIDTH)
            self.fc_fusion = nn.Linear(2 * WIDTH, WIDTH)
        self.layer = HybridAttentionLayer(self.variant)
        self.fc_prob = nn.Linear(WIDTH, categories)
        self.fc_frame_att = nn.Linear(WIDTH, categories)
        self.fc_av_att = nn.Linear(WIDTH, categories)
        self.unused: dict[str, Tensor] = {}
        """Further weights of the original checkpoint, kept so that they can be written back."""

    def forward(self, *features: Tensor) -> HANOutput:
        """Compute probabilities and attention.

        Parameters
        ----------
        *features
            The features of each stream, of shape (B, rows, width). There are 10 rows, or a multiple of them, such as
            the 80 frames of ResNet-152; their means over each segment give the same output, because the projections
            are linear.

        Returns
        -------
        HANOutput
            Probabilities and attention weights of the 25 categories.

        Raises
        ------
        BadInputError
            If features do not have the shape of their stream. The message names the stream.
        """
        if len(features) != len(self.streams):
            names = ", ".join(stream.name for stream in self.streams)
            raise BadInputError(f"{len(features)} arrays of features, but the network takes the streams {names}")
        audio, *visual = map(_per_segment, self.streams, features)
        f = self.layer(torch.stack([self.project(Modality.AUDIO, [audio]), self.project(Modality.VISUAL, visual)]))
        # Heads, pooling and losses stay in float32 even if the layers before run in bfloat16.
        with torch.autocast(f.device.type, enabled=False):
            return self.pool(f.float().permute(1, 2, 0, 3))

    def project(self, modality: Modality, features: Sequence[Tensor]) -> Tensor:
        """Project the streams of a modality to its features f_a or f_v.

        Parameters
        ----------
        modality
            The modality.
        features
            The features of each of its streams, of shape (B, T, width of the stream).

        Returns
        -------
        torch.Tensor
            Features of shape (B, T, width).
        """
        if modality == Modality.AUDIO:
            projected: Tensor = self.fc_a(features[0])
        elif len(features) == 1:
            projected = self.fc_v(features[0])
        else:
            projected = self.fc_fusion(torch.cat([self.fc_v(features[0]), self.fc_st(features[1])], dim=-1))
        return projected

    def pool(self, f: Tensor) -> HANOutput:
        """Attentive MMIL pooling (Eq. 3-5).

        Parameters
        ----------
        f
            Aggregated features, of shape (B, T, 2, width), audio before visual.

        Returns
        -------
        HANOutput
            Probabilities and attention weights.
        """
        p = torch.sigmoid(self.fc_prob(f))
        wtp = torch.softmax(self.fc_frame_att(f), dim=1)
        wav = torch.full_like(p, 1 / 2) if self.uniform else torch.softmax(self.fc_av_att(f), dim=2)
        if self.reweight is not None:
            wav = self.reweight(wav)
        attended = wtp * p
        wsl = (attended * wav).sum(dim=(1, 2))
        audio, visual = attended.sum(dim=1).unbind(dim=1)
        return HANOutput(wsl, audio, visual, p, wav, wtp)


class HybridAttentionLayer(nn.Module):
    """Self-attention and cross-attention, then a feed-forward network; both modalities share the weights.

    Parameters
    ----------
    variant
        Which modality attends to the other one.
    """

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
        """Aggregate features.

        Parameters
        ----------
        f
            Features of shape (2, B, T, width), audio before visual.

        Returns
        -------
        torch.Tensor
            Aggregated features, of the same shape.
        """
        f = f + self._dropout(self.self_attn(f, f)) + self.cross_attention(f)
        f = self.norm1(f)
        f = f + self._dropout(self.linear2(self._dropout(torch.relu(self.linear1(f)))))
        aggregated: Tensor = self.norm2(f)
        return aggregated

    def _dropout(self, f: Tensor) -> Tensor:
        return dropout(f, self.training)

    def cross_attention(self, f: Tensor) -> Tensor:
        """Cross-attention of each modality to the other one: g_ca in Eq. 1 and 2, zero in Eq. 7 and 8.

        Parameters
        ----------
        f
            Features of shape (2, B, T, width), audio before visual.

        Returns
        -------
        torch.Tensor
            What to add to the features, of the same shape.
        """
        audio_cross, visual_cross = self.variant.audio_cross, self.variant.visual_cross
        if audio_cross and visual_cross:
            return self._dropout(self.cm_attn(f, f.flip(0)))
        zero = torch.zeros_like(f[:1])
        audio = self._dropout(self.cm_attn(f[:1], f[1:])) if audio_cross else zero
        visual = self._dropout(self.cm_attn(f[1:], f[:1])) if visual_cross else zero
        return torch.cat([audio, visual])


class Attention(nn.Module):
    """Attention with one head, softmax(Q K^T / sqrt(d)) V, between an input and an output projection."""

    def __init__(self) -> None:
        super().__init__()
        self.in_proj_weight = nn.Parameter(torch.empty(3 * WIDTH, WIDTH))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * WIDTH))
        self.out_proj = nn.Linear(WIDTH, WIDTH)
        nn.init.xavier_uniform_(self.in_proj_weight)
        nn.init.zeros_(self.out_proj.bias)

    def forward(self, query: Tensor, memory: Tensor) -> Tensor:
        """Attend from a query to a memory.

        Parameters
        ----------
        query
            Features of shape (..., T, width), from which Q is computed.
        memory
            Features of the same shape, from which K and V are computed.

        Returns
        -------
        torch.Tensor
            Attended values, of the same shape.
        """
        if query is memory:
            q, k, v = F.linear(query, self.in_proj_weight, self.in_proj_bias).chunk(3, dim=-1)
        else:
            to_q, to_kv = torch.split(self.in_proj_weight, [WIDTH, 2 * WIDTH])
            q_bias, kv_bias = torch.split(self.in_proj_bias, [WIDTH, 2 * WIDTH])
            q = F.linear(query, to_q, q_bias)
            k, v = F.linear(memory, to_kv, kv_bias).chunk(2, dim=-1)
        weights = torch.softmax(q @ k.transpose(-2, -1) / math.sqrt(WIDTH), dim=-1)
        attended: Tensor = self.out_proj(dropout(weights, self.training) @ v)
        return attended


def _per_segment(stream: Stream, features: Tensor) -> Tensor:
    """Return the mean of the features over each segment, of shape (B, 10, width)."""
    if features.dim() != 3 or features.shape[1] % SEGMENTS or not features.shape[1]:
        raise BadInputError(
            f"the stream {stream.name!r} has the shape {tuple(features.shape)}; "
            f"give (videos, rows, {stream.width}), with {SEGMENTS} rows or a multiple of them"
        )
    if features.shape[2] != stream.width:
        raise BadInputError(
            f"the stream {stream.name!r} is {features.shape[2]} wide, but the network takes {stream.width}; "
            "make the network with the streams of the data"
        )
    if features.shape[1] == SEGMENTS:
        return features
    return torch.unflatten(features, 1, (SEGMENTS, -1)).mean(dim=2)
