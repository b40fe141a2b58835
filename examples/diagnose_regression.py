"""Ask a regression which of two groups of its inputs it depends on. PyTorch is not needed.

    python examples/diagnose_regression.py runs/regression

The data are scikit-learn's 442 diabetes patients. The modalities are the body (age, sex, body mass index, blood
pressure) and six values of the blood. The blood values are those of another patient, so the verdict should name the
body.
"""

import sys

import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.ensemble import RandomForestRegressor

import mbias


def main(path):
    """Train a forest, and print what it depends on."""
    rng = np.random.default_rng(0)
    measured, progression = load_diabetes(return_X_y=True)
    order = rng.permutation(len(measured))
    body, blood, progression = measured[order, :4], rng.permutation(measured[:, 4:]), progression[order]
    forest = RandomForestRegressor(200, min_samples_leaf=5, random_state=0)
    forest.fit(np.hstack([body, blood])[:242], progression[:242])

    # --- from the trained model to a verdict
    def predict(body, blood):
        return forest.predict(np.hstack([body, blood]))

    found = mbias.diagnose(predict, {"body": body[242:], "blood": blood[242:]}, progression[242:], task="regression")
    print(found.sentence)
    found.save(path)
    # ---


if __name__ == "__main__":
    main(sys.argv[1])
