"""A run on disk: its files, how they are written, read and checked."""
