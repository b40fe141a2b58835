"""Intervals, tests and resampling. Arrays in, numbers out: nothing here reads a run record."""
