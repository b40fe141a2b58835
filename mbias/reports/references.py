"""The references of the reports, by BibTeX key."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib import resources


def entries(keys: Sequence[str]) -> str:
    """The BibTeX entries of some keys, one after the other.

    Parameters
    ----------
    keys
        Keys of ``references.bib``.

    Returns
    -------
    str
        The entries.

    Raises
    ------
    KeyError
        If a key has no entry in ``references.bib``.
    """
    text = resources.files("mbias.reports").joinpath("references.bib").read_text(encoding="utf-8")
    by_key = {match[1]: match[0] for match in re.finditer(r"@\w+\{(\w+),\n.*?\n\}\n", text, re.DOTALL)}
    return "\n".join(by_key[key] for key in keys)
