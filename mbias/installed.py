"""Files that lie outside of the package in a checkout, and inside it once it is installed."""

from __future__ import annotations

import importlib.util
from pathlib import Path


def project_file(folder: str, package: str, name: str) -> Path:
    """The path of such a file.

    Parameters
    ----------
    folder
        Its folder in the checkout, such as ``models``.
    package
        The package that ``setup.cfg`` installs this folder as, such as ``mbias.definitions``.
    name
        Its name.

    Examples
    --------
    >>> project_file("models", "mbias.definitions", "demo.toml").name
    'demo.toml'
    """
    checkout = Path(__file__).parents[1] / folder / name
    if checkout.exists():
        return checkout
    installed = importlib.util.find_spec(package)
    return Path(next(iter(installed.submodule_search_locations or [])) if installed else "") / name
