"""A study that is going on: a locked file in its folder, which its workers look for, on whatever machine they are.

Workers train as long as the file is there; without it they end at the next commit. So one removal stops them all.
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
    """The file of a study in ``folder``, there until the end of the block, or until it is removed."""
    path = folder / f"{_PREFIX}{socket.gethostname()}-{os.getpid()}"
    with ExitStack() as stack:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for left in folder.glob(f"{_PREFIX}*"):
                if holder(left) is None:
                    left.unlink(missing_ok=True)
            stack.enter_context(locked(path))
        except OSError as error:
            raise MbiasError(f"{folder}: cannot be written ({error.strerror}); choose another with --out") from None
        yield path
