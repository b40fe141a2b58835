"""Recording any PyTorch model while it is trained."""
