"""What each sample contributes to a measure that is read off a run: numerators and denominators."""

from __future__ import annotations

import numpy as np

from mbias.analysis.measures.coalitions import parts, probed
from mbias.analysis.measures.pooling import pooled
from mbias.errors import BadInputError
from mbias.records.probes import WHOLE
from mbias.records.run import Run
from mbias.records.summary import aligned


def attention_parts(run: Run, epoch: int) -> np.ndarray:
    """Attention share: mean over segments of W_av, over the samples that have the category.

    In [0, 1], adding up to 1. Cost: none beside the record. Source: the paper's Fig. 3; for what attention does not
    say, Jain & Wallace 2019, Wiegreffe & Pinter 2019. Mind: it is where the network looks, not what it depends on.
    """
    _need(run, epoch, "wav")
    wav, _ = aligned(run.values("wav", epoch), run.header.arrays["wav"], None, len(run.header.categories))
    means = wav.mean(axis=tuple(range(1, wav.ndim - 2)), dtype=float)
    return _masked(means.swapaxes(1, 2), run.truth["weak"])


def contribution_parts(run: Run, epoch: int) -> np.ndarray:
    """Contribution share: phi_m / p_wsl, phi_m = sum over segments of W_tp W_av P (Eq. 3); exact.

    In [0, 1], adding up to 1. Cost: none beside the record. Mind: p_a and p_v are themselves of both inputs, through
    cross-attention and shared weights, so a share of p_wsl is no reliance on an input.
    """
    phi = pooled(run, epoch, "wav", "p").swapaxes(1, 2)
    return _masked(phi / np.maximum(phi.sum(axis=-1, keepdims=True), np.finfo(float).tiny), run.truth["weak"])


def score_parts(run: Run, epoch: int) -> np.ndarray:
    """Scores of each modality's own branch, p_a and p_v (Eq. 4, 5), on the labels that are present.

    Their quotient, sum of p_a over sum of p_v, is the ratio of on-the-fly gradient modulation (OGM; Peng et al., CVPR
    2022), with sigmoid for softmax since labels are several. In [0, 1] each. Cost: none beside the record. Mind: made
    for heads that are linear in one modality each; these are not.
    """
    return _masked(pooled(run, epoch, "p").swapaxes(1, 2), run.truth["weak"])


def swap_parts(run: Run, epoch: int) -> np.ndarray:
    """Counterfactual swap: how often the prediction follows a donor, one modality of which is put in.

    The donor shares no label with the sample. The prediction follows it where p_wsl is higher, on average, on the
    donor's labels than on the sample's own; a tie counts half. In [0, 1]; 0: nothing comes from that modality, 1: all
    does. Cost: 2 K N passes. Mind: samples without a donor are left out.
    """
    probe = probed(run)
    weak = run.truth["weak"]
    result = np.zeros((*weak.shape, 2, 2))
    for place, modality in enumerate(run.header.modalities):
        for one in probe.draws("swapped", (modality,)):
            donors, joint = probe.values(one, "donors"), probe.values(one, "p_joint").astype(float)
            known = (donors >= 0) & weak.any(axis=1)
            own = _mean_where(joint, weak)
            theirs = _mean_where(joint, weak[np.maximum(donors, 0)])
            follows = (np.sign(theirs - own) + 1) / 2
            result[:, :, place] += _masked(np.where(known, follows, 0.0)[:, None], weak & known[:, None])
    return result


def cross_parts(run: Run, epoch: int) -> np.ndarray:
    """What cross-attention carries: the drop of p_wsl with a modality replaced only where the other attends to it.

    On the labels that are present, by the training mean, in g_ca of Eq. 1 and 2 alone. In [-1, 1]; 0 for a variant
    without that direction. Cost: 3 N passes. Source: ablation, as above. Mind: what the other modality attends to
    beside it stays, so a small drop may also be redundancy.
    """
    probe = probed(run)
    whole = parts(run, probe, WHOLE, "probability")
    found = []
    for modality in run.header.modalities:
        passes = probe.draws("cross", (modality,))
        found.append(whole - parts(run, probe, passes[0], "probability") if passes else np.zeros_like(whole))
    lost = np.stack(found, axis=2)
    lost[..., 1] = whole[:, :, None, 1]
    return lost


def gradient_ratio(run: Run) -> np.ndarray:
    """Norm of the loss's gradient at each modality's features, dL/df_a and dL/df_v, a mean over steps and epochs.

    Positive, (2,). Cost: none beside training, while which it is recorded. Source: e.g. BalGrad (arXiv 2503.13834).
    Mind: taken at the streams' own features, never at shared weights; a small gradient may mean done, not ignored.

    Raises
    ------
    BadInputError
        If it was not recorded.
    """
    norms = [
        [commit.losses.get(m, {}).get("gradient", np.nan) for m in run.header.modalities] for commit in run.commits
    ]
    mean: np.ndarray = np.mean(norms, axis=0)
    if np.isnan(mean).any():
        raise BadInputError(f"{run.path}: no gradient norms were recorded while it was trained")
    return mean


def _masked(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Numerators and denominators (..., 2) of the mean over a mask (sample, category) of values of its first axes."""
    shaped = mask.reshape(*mask.shape, *[1] * (values.ndim - 2)).astype(float)
    shape = np.broadcast_shapes(values.shape, shaped.shape)
    return np.stack([np.broadcast_to(values * shaped, shape), np.broadcast_to(shaped, shape)], axis=-1)


def _mean_where(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    total: np.ndarray = (values * mask).sum(axis=1) / np.maximum(mask.sum(axis=1), 1)
    return total


def _need(run: Run, epoch: int, *names: str) -> None:
    missing = [name for name in names if name not in run.commit(epoch).arrays]
    if missing:
        raise BadInputError(f"{run.path}: epoch {epoch} holds no {missing[0]!r}; record it with the run")
