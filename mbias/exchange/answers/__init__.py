"""Runs from answer logs of language models that hear and see: one answer per item and condition."""
