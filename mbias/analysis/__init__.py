"""The questions, one module each, and what they share."""
