"""Benchmarks of mbias against today's practice and against the rates that the machine reaches."""
