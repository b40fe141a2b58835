from __future__ import annotations

import numpy as np
import pytest

from mbias.analysis.measures import values
from mbias.analysis.measures.values import balance


def test_shapley_values_are_captums():
    torch = pytest.importorskip("torch")
    captum = pytest.importorskip("captum.attr")
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(6, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1)).double()

    def model(audio, visual):
        return torch.sigmoid(net(torch.cat([audio, visual], dim=1)))[:, 0]

    audio, visual = torch.randn(5, 3).double(), torch.randn(5, 3).double()
    baseline = torch.full((1, 3), 0.3).double(), torch.full((1, 3), -0.2).double()
    expected = captum.ShapleyValues(model).attribute(
        (audio, visual), baselines=baseline, feature_mask=(torch.zeros(1, 3).long(), torch.ones(1, 3).long())
    )
    with torch.no_grad():
        expand = [array.expand(5, 3) for array in baseline]
        v = [model(audio, visual), model(audio, expand[1]), model(expand[0], visual), model(*expand)]
    computed = values.shapley(torch.stack(v, dim=-1).numpy())

    np.testing.assert_allclose(
        computed, np.stack([array[:, 0].detach().numpy() for array in expected], axis=1), atol=1e-12
    )


@pytest.mark.parametrize(
    ("model", "shapley", "cooperation", "drops"),
    [
        (lambda a, v: a, (1, 0), 0, (1, 0)),
        (lambda a, v: 0.5 * a + 0.5 * v, (0.5, 0.5), 0, (0.5, 0.5)),
        (lambda a, v: a * v, (0.5, 0.5), 1, (1, 1)),  # both are needed
        (lambda a, v: max(a, v), (0.5, 0.5), -1, (0, 0)),  # either suffices
    ],
)
def test_toy_models_whose_answer_is_known(model, shapley, cooperation, drops):
    v = np.array([model(1, 1), model(1, 0), model(0, 1), model(0, 0)], dtype=float)

    assert tuple(values.shapley(v)) == shapley
    assert values.cooperation(v) == cooperation
    assert tuple(values.drops(v)) == drops


def test_balance_has_its_range_and_its_sign():
    assert balance(np.array([1.0, 0.0, 0.5, -0.1]), np.array([0.0, 2.0, 0.5, 0.3])) == pytest.approx([1, -1, 0, -1])
    assert np.isnan(balance(np.zeros(1), np.zeros(1))).all()
