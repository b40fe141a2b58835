"""The session of a study: a locked file in its folder that every worker can see, on whatever machine it is.

Workers train while the file exists. When it is removed, they stop at the next commit; one removal stops them all.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from mbias.errors import MbiasError
from mbias.studies.locks import holder, locked

_PREFIX = ".session-"


@contextmanager
def session(folder: Path) -> Iterator[Path]:
    """Open a session, and remove what dead processes left of theirs.

    Parameters
    ----------
    folder
        The study's folder, which is created if it is missing.

    Yields
    ------
    Path
        The session's file, which exists until the end of the block unless it is removed earlier.

    Raises
    ------
    MbiasError
        If the folder cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> with session(Path(tempfile.mkdtemp())) as current:
    ...     current.exists()
    True
    >>> current.exists()
    False
    """
    path = folder / f"{_PREFIX}{socket.gethostname()}-{os.getpid()}"
    with ExitStack() as stack:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for old in folder.glob(f"{_PREFIX}*"):
                if holder(old) is None:
                    old.unlink(missing_ok=True)
            stack.enter_context(locked(path))
        except OSError as error:
            raise MbiasError(
                f"{folder}: cannot be written ({error.strerror}); choose another folder with --out"
            ) from None
        yield path
