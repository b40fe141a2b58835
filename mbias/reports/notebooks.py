"""Running a notebook, and taking over what it shows."""

from __future__ import annotations

import importlib.util
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import mbias
from mbias.errors import BadInputError, MbiasError


class NotebookError(MbiasError):
    """A cell of a notebook failed; the message names it.

    Parameters
    ----------
    kind, reason
        Name and text of the error that the cell raised.
    """

    def __init__(self, message: str, kind: str, reason: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.reason = reason


def notebook_path(word: str) -> Path:
    """The notebook of this name: the checkout's, or the one that was installed with the package."""
    checkout = Path(mbias.__file__).parent.parent / "analysis_notebooks" / f"{word}.ipynb"
    if checkout.exists():
        return checkout
    found = importlib.util.find_spec("mbias.notebooks")
    folder = Path(next(iter(found.submodule_search_locations or []))) if found else Path()
    return folder / f"{word}.ipynb"


def run_notebook(path: Path, parameters: Mapping[str, Any]) -> Any:
    """A notebook with its outputs, as an nbformat notebook; ``path`` itself stays as it is.

    Several may run at once, in threads: each has a kernel, a process of its own.

    Parameters
    ----------
    parameters
        Those that its cell tagged ``parameters`` does not know are left out. Values of JSON's types only; paths
        absolute, for the kernel's folder is the caller's.

    Raises
    ------
    BadInputError
        If papermill or a kernel is not installed, or the notebook has no cell tagged ``parameters``.
    NotebookError
        If a cell fails; the message names it.
    """
    try:
        import papermill
        from jupyter_client.kernelspec import NoSuchKernel
        from papermill.exceptions import PapermillExecutionError
    except ImportError as error:
        raise BadInputError(
            f"a report needs {error.name}, which is not installed: pip install 'mbias[notebooks]'"
        ) from None
    # Kernels run side by side, and how many threads add numbers up decides their last bits.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with tempfile.TemporaryDirectory() as folder:
        try:
            return papermill.execute_notebook(
                path,
                Path(folder) / path.name,
                _known(path, parameters),
                kernel_name="python3",
                progress_bar=False,
                # A kernel's warnings about its own connection are no news to a report's reader.
                extra_arguments=["--log-level=50"],
            )
        except NoSuchKernel:
            raise BadInputError(
                "a report needs ipykernel, which is not installed: pip install 'mbias[notebooks]'"
            ) from None
        except PapermillExecutionError as error:
            # Counted from 1; papermill counts from 0, but has put a cell of its own behind the parameters.
            message = f"{path.name}: cell {error.cell_index} failed with {error.ename}: {error.evalue}"
            raise NotebookError(message, error.ename, error.evalue) from None


def contents(notebook: Any) -> str:
    """What a notebook tells, as HTML: its Markdown and the HTML its cells show, without code; headings one lower."""
    import mistune

    markdown = mistune.create_markdown(escape=False)
    parts = []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            # The page's title is the only first-level heading.
            lowered = "\n".join(f"#{line}" if line.startswith("#") else line for line in cell.source.splitlines())
            parts.append(str(markdown(lowered)))
        elif cell.cell_type == "code":
            parts += [output.data["text/html"] for output in cell.outputs if "text/html" in output.get("data", {})]
    return "\n".join("".join(part) for part in parts)


def to_keep(notebook: Any, path: Path, parameters: Mapping[str, Any]) -> str:
    """A notebook that was run, as the text of a file: with other parameters, and without when and where it ran."""
    import nbformat
    from papermill.parameterize import parameterize_notebook

    kept = parameterize_notebook(notebook, _known(path, parameters), kernel_name="python3")
    for part in (kept, *kept.cells):
        part.metadata.pop("papermill", None)
        part.metadata.pop("execution", None)
    for cell in kept.cells:
        if "injected-parameters" in cell.metadata.get("tags", ()):
            cell.id = f"{path.stem}-injected"
    return str(nbformat.writes(kept)) + "\n"


def _known(path: Path, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the parameters that a notebook has."""
    import papermill

    known = papermill.inspect_notebook(path)
    if not known:
        raise BadInputError(f"{path}: no cell is tagged 'parameters', so nothing can be passed to it; tag one")
    return {name: value for name, value in parameters.items() if name in known}
