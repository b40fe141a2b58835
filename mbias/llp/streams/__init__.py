"""Streams of features: what they are, the sets that the field uses, and which ones a data directory has."""
