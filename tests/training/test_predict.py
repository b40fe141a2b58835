"""The predictions of a checkpoint."""

import numpy as np
import pytest

from mbias import Run
from mbias.errors import BadInputError
from mbias.terms import Split
from mbias.training.predict import predict
from tests.training.runs import CONFIG


def test_kept_weights_predict_what_was_recorded(whole, directory):
    run = Run(whole)
    predicted = predict(whole / "checkpoints" / "best.safetensors", CONFIG.variant, directory, Split.TEST)
    np.testing.assert_allclose(predicted.p, run.values("p", "best"), atol=1e-5)
    np.testing.assert_allclose(predicted.joint, run.values("p_joint", "best"), atol=1e-5)
    assert list(predicted.videos) == list(run.samples["video"])


def test_a_split_that_is_not_packed_is_named(whole, tmp_path):
    with pytest.raises(BadInputError, match="there is no such packed split"):
        predict(whole / "checkpoints" / "best.safetensors", CONFIG.variant, tmp_path, Split.TEST)
