from __future__ import annotations

import pytest
import torch

from tests.recorder.gated import make_items
from tests.recorder.models import SAMPLES, SEGMENTS, Net


@pytest.fixture
def data():
    torch.manual_seed(3)
    return torch.randn(SAMPLES, SEGMENTS, 8), torch.randn(SAMPLES, SEGMENTS, 12)


@pytest.fixture
def model():
    torch.manual_seed(4)
    return Net()


@pytest.fixture
def hf():
    pytest.importorskip("accelerate", reason="accelerate is not installed")
    return pytest.importorskip("transformers", reason="transformers is not installed")


@pytest.fixture
def items():
    return make_items()
