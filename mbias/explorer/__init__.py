"""Explore a study in a notebook, or as one HTML page."""
