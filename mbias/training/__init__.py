"""One run: its configuration, data, training loop, checkpoints and record."""
