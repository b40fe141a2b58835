from __future__ import annotations

import pytest
import torch

from tests.recorder.models import SAMPLES, SEGMENTS, Net


@pytest.fixture
def data():
    torch.manual_seed(3)
    return torch.randn(SAMPLES, SEGMENTS, 8), torch.randn(SAMPLES, SEGMENTS, 12)


@pytest.fixture
def model():
    torch.manual_seed(4)
    return Net()
