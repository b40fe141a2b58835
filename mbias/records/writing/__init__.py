"""Writing the arrays of an epoch, which may be larger than memory."""
