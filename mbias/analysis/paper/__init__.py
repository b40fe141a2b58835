"""The published tables of the paper, and their comparison with measured scores."""
