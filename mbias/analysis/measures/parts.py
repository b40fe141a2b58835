"""What each sample contributes to a measure: numerators and denominators, (sample, category, modality, 2)."""

from __future__ import annotations

import numpy as np

from mbias.analysis.measures.coalitions import outcome_parts, probed
from mbias.analysis.per_run.pooling import mean_attention, pooled, shares_of
from mbias.errors import NotApplicableError
from mbias.passes import WHOLE
from mbias.records.probes import how_to_probe
from mbias.records.run import Run
from mbias.stats.units import Rows


def attention_parts(run: Run, epoch: int, rows: Rows = slice(None)) -> np.ndarray:
    """Attention share: the mean of W_av over segments, over the samples that have the category.

    In [0, 1]; the shares add up to 1. Cost: none; the record suffices. Source: the paper's Fig. 3; for what attention
    does not say, Jain & Wallace 2019, Wiegreffe & Pinter 2019. Note: it is where the network looks, not what its
    predictions depend on.
    """
    return _masked(mean_attention(run, epoch, rows).swapaxes(1, 2), run.truth["weak"][rows])


def contribution_parts(run: Run, epoch: int, rows: Rows = slice(None)) -> np.ndarray:
    """Contribution share: phi_m / p_wsl with phi_m = sum over segments of W_tp W_av P (Eq. 3); exact.

    In [0, 1]; the shares add up to 1. Cost: none; the record suffices. Note: p_a and p_v themselves depend on both
    inputs, through cross-attention and shared weights, so that a share of p_wsl is not reliance on an input.
    """
    return _masked(shares_of(pooled(run, epoch, "wav", "p", rows=rows)).swapaxes(1, 2), run.truth["weak"][rows])


def score_parts(run: Run, epoch: int, rows: Rows = slice(None)) -> np.ndarray:
    """Scores of each modality's own branch, p_a and p_v (Eq. 4, 5), on the labels that are present.

    Their quotient, the sum of p_a over the sum of p_v, is the ratio of on-the-fly gradient modulation (OGM; Peng et
    al., CVPR 2022), with a sigmoid in place of the softmax since a sample can have several labels. Each is in [0, 1].
    Cost: none; the record suffices. Note: the ratio was made for heads that are linear in one modality each; these are
    not.
    """
    return _masked(pooled(run, epoch, "p", rows=rows).swapaxes(1, 2), run.truth["weak"][rows])


def swap_parts(run: Run, epoch: int, rows: Rows = slice(None)) -> np.ndarray:
    """Counterfactual swap: how often the prediction follows a donor from which one modality is taken.

    The donor has no label in common with the sample. The prediction follows it where p_wsl is higher, on average, on
    the donor's labels than on the sample's own; a tie counts half. In [0, 1]; 0: nothing comes from that modality; 1:
    everything does. Cost: 2 K N passes. Note: samples without a donor are left out.
    """
    probe = probed(run)
    every = run.truth["weak"]
    weak = every[rows]
    result = np.zeros((*weak.shape, 2, 2))
    for index, modality in enumerate(run.header.modalities):
        passes = probe.draws("swapped", (modality,))
        if not passes:
            raise NotApplicableError(f"{run.path}: the probe has no pass with {modality} swapped; {how_to_probe(run)}")
        for of_pass in passes:
            donors, joint = (probe.values(of_pass, name, rows) for name in ("donors", "p_joint"))
            joint = joint.astype(float)
            known = (donors >= 0) & weak.any(axis=1)
            on_own_labels = _mean_where(joint, weak)
            on_donor_labels = _mean_where(joint, every[np.maximum(donors, 0)])
            follows = (np.sign(on_donor_labels - on_own_labels) + 1) / 2
            result[:, :, index] += _masked(np.where(known, follows, 0.0)[:, None], weak & known[:, None])
    return result


def cross_parts(run: Run, epoch: int, rows: Rows = slice(None)) -> np.ndarray:
    """What cross-attention carries: the drop of p_wsl with a modality replaced only where the other attends to it.

    On the labels that are present, with the training mean as the baseline, in g_ca of Eq. 1 and 2 alone. In [-1, 1]; 0
    for a variant without that direction. Cost: 3 N passes. Source: ablation, as above. Note: the other modality keeps
    everything else that it attends to, so that a small drop may also mean redundancy.
    """
    probe = probed(run)
    passes = [probe.draws("cross", (modality,)) for modality in run.header.modalities]
    if not any(passes) and run.header.training is not None:
        raise NotApplicableError(f"{run.path}: the network has no cross-attention")
    if not any(passes):
        raise NotApplicableError(
            f"{run.path}: the probe has no pass in which cross-attention alone is replaced; {how_to_probe(run)}"
        )
    whole = outcome_parts(run, probe, WHOLE, "probability", rows)
    lost = np.stack(
        [
            whole - outcome_parts(run, probe, of_modality[0], "probability", rows)
            if of_modality
            else np.zeros_like(whole)
            for of_modality in passes
        ],
        axis=2,
    )
    lost[..., 1] = whole[:, :, None, 1]
    return lost


def gradient_ratio(run: Run) -> np.ndarray:
    """Norm of the loss's gradient at each modality's features, dL/df_a and dL/df_v, averaged over steps and epochs.

    Positive. Cost: none after training, which records it. Source: for example BalGrad (arXiv 2503.13834). Note: the
    gradient is taken at the features of each modality, never at shared weights; a small gradient may mean that the
    features are fitted, not that they are ignored.

    Returns
    -------
    numpy.ndarray
        The norms of the first and the second modality, (2,).

    Raises
    ------
    NotApplicableError
        If the norms were not recorded.
    """
    norms = [
        [commit.losses.get(m, {}).get("gradient", np.nan) for m in run.header.modalities] for commit in run.commits
    ]
    mean: np.ndarray = np.mean(norms, axis=0)
    if np.isnan(mean).any():
        raise NotApplicableError(f"{run.path}: no gradient norms were recorded in training")
    return mean


def _masked(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Numerators and denominators (..., 2) of the mean over a mask (sample, category) of values of its first axes."""
    shaped = mask.reshape(*mask.shape, *[1] * (values.ndim - 2)).astype(float)
    shape = np.broadcast_shapes(values.shape, shaped.shape)
    return np.stack([np.broadcast_to(values * shaped, shape), np.broadcast_to(shaped, shape)], axis=-1)


def _mean_where(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    total: np.ndarray = (values * mask).sum(axis=1) / np.maximum(mask.sum(axis=1), 1)
    return total
