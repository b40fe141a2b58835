from __future__ import annotations

import numpy as np
import pytest

from mbias.records.summary import attention_summary, presence


def test_summary_by_hand():
    wav = np.array([0.95, 0.2, 0.5, 0.92]).reshape(2, 2, 1, 1)
    wav = np.concatenate([wav, 1 - wav], axis=2)
    present = np.array([[True, False], [False, True]])[..., None]
    summary = attention_summary(wav, present)
    names = ("mean", "q05", "q25", "q50", "q75", "q95", "saturated")
    everywhere = dict(zip(names, summary[0, :, 0, 0], strict=True))
    assert everywhere["mean"] == pytest.approx(0.6425)
    assert everywhere["q50"] == pytest.approx((0.5 + 0.92) / 2)
    assert everywhere["saturated"] == 0.5
    where_present = dict(zip(names, summary[1, :, 0, 0], strict=True))
    assert where_present["mean"] == pytest.approx(0.935)
    assert where_present["saturated"] == 1
    assert np.isnan(attention_summary(wav, ~present & present)[1]).all()


def test_weak_labels_make_every_segment_present():
    weak = np.array([[True, False]])
    assert presence({"weak": weak}, ("audio", "visual")).tolist() == [[[True, False]]]
    assert presence({}, ("audio", "visual")) is None
