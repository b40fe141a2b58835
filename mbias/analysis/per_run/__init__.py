"""What is computed from the arrays of one run: pooled probabilities, attention by scope, best weights, F-scores."""
