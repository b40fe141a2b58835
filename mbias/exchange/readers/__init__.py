"""Readers of formats whose libraries are not trusted with files from anyone; run in a sandbox."""
