"""Ask a scikit-learn model of two modalities which of them it depends on. PyTorch is not needed.

    python examples/probe_scikit_learn.py runs/digits

The halves of images of digits are the modalities. The right halves are covered by noise, so the model should use the
left ones.
"""

import sys

import numpy as np
import pandas as pd
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

import mbias


def main(path):
    """Train a classifier on the halves, record its probabilities, and print the verdict."""
    digits = load_digits()
    labels = digits.target[:, None] == np.arange(10)
    left, right = (half.reshape(len(half), -1) for half in np.split(digits.images / 16, 2, axis=2))
    right = right + np.random.default_rng(0).normal(0, 2, right.shape)
    train, test = slice(1000), slice(1000, None)
    model = LogisticRegression(max_iter=1000).fit(np.hstack([left, right])[train], digits.target[train])

    def predict(left, right):
        return model.predict_proba(np.hstack([left, right]))

    inputs = {"left": left[test], "right": right[test]}
    names = [str(digit) for digit in digits.target_names]
    header = mbias.Header(tuple(inputs), names, ("loss",), "loss", "test", {"p_joint": ("sample", "category")})
    samples = pd.DataFrame({"sample": [f"digit{i}" for i in range(len(labels))]})[test]
    writer = mbias.RunWriter.create(path, header, samples, {"weak": labels[test]})
    writer.commit({}, {"p_joint": predict(**inputs)})
    mbias.probe(path, predict, inputs)
    print(mbias.diagnosis(path).loc[0, "verdict"])


if __name__ == "__main__":
    main(sys.argv[1])
