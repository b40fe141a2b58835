"""Parts of the comparison of two settings."""
