"""Run a notebook, and take over what it shows."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mbias.errors import BadInputError, MbiasError
from mbias.installed import project_file


class NotebookError(MbiasError):
    """A cell of a notebook failed.

    Parameters
    ----------
    message
        Names the notebook and the cell.
    kind, reason
        The name and the text of the error that the cell raised.
    """

    def __init__(self, message: str, kind: str, reason: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.reason = reason


def notebook_path(name: str) -> Path:
    """The notebook of a name."""
    return project_file("analysis_notebooks", "mbias.notebooks", f"{name}.ipynb")


def run_notebook(path: Path, parameters: Mapping[str, Any]) -> Any:
    """Run a notebook, and return it with its outputs; the file itself is not changed.

    Several notebooks can run at once, in threads, because each has a kernel, which is a process of its own.

    Parameters
    ----------
    path
        The notebook.
    parameters
        Values for its cell tagged ``parameters``; those that the cell does not know are left out. Values have JSON
        types. Paths are absolute, because the kernel runs in the folder of the caller.

    Returns
    -------
    nbformat.NotebookNode
        The notebook with its outputs.

    Raises
    ------
    BadInputError
        If papermill or a kernel is not installed, or the notebook has no cell tagged ``parameters``.
    NotebookError
        If a cell fails.
    """
    try:
        import papermill
        from jupyter_client.kernelspec import NoSuchKernel
        from papermill.exceptions import PapermillExecutionError
    except ImportError as error:
        raise BadInputError(
            f"a report needs {error.name}, which is not installed: pip install 'mbias[notebooks]'"
        ) from None
    # Kernels run side by side, and the number of threads that sum numbers determines their last bits.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with tempfile.TemporaryDirectory() as folder:
        try:
            return papermill.execute_notebook(
                path,
                Path(folder) / path.name,
                _known(path, parameters),
                kernel_name="python3",
                progress_bar=False,
                # The warnings of a kernel about its own connection do not concern the reader of a report.
                extra_arguments=["--log-level=50"],
            )
        except NoSuchKernel:
            raise BadInputError(
                "a report needs ipykernel, which is not installed: pip install 'mbias[notebooks]'"
            ) from None
        except PapermillExecutionError as error:
            # Counted from 1: papermill counts from 0, but has inserted a cell of its own after the parameters.
            message = f"{path.name}: cell {error.cell_index} failed with {error.ename}: {error.evalue}"
            raise NotebookError(message, error.ename, error.evalue) from None


def without(notebook: Any, tag: str) -> Any:
    """A notebook without the cells of a tag.

    Cells tagged ``paper`` are about the paper's model, in its symbols, and those tagged ``general`` say the same of any
    other model.
    """
    notebook.cells = [cell for cell in notebook.cells if tag not in cell.metadata.get("tags", ())]
    return notebook


def contents(notebook: Any) -> str:
    """The Markdown of a notebook and the HTML that its cells show, as HTML, without code; headings one level lower."""
    import mistune

    markdown = mistune.create_markdown(escape=False)
    parts = []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            # The title of the page is the only first-level heading.
            lowered = "\n".join(f"#{line}" if line.startswith("#") else line for line in cell.source.splitlines())
            parts.append(str(markdown(lowered)))
        elif cell.cell_type == "code":
            parts += [output.data["text/html"] for output in cell.outputs if "text/html" in output.get("data", {})]
    return "\n".join("".join(part) for part in parts)


def to_keep(notebook: Any, path: Path, parameters: Mapping[str, Any]) -> str:
    """A notebook that was run, as the text of a file: with other parameters, and without the time and place of the run.

    Parameters
    ----------
    notebook
        A notebook with its outputs.
    path
        The notebook that was run.
    parameters
        The parameters to write into it.

    Returns
    -------
    str
        JSON.
    """
    import nbformat
    from papermill.parameterize import parameterize_notebook

    kept = parameterize_notebook(notebook, _known(path, parameters), kernel_name="python3")
    for part in (kept, *kept.cells):
        part.metadata.pop("papermill", None)
        part.metadata.pop("execution", None)
    for cell in kept.cells:
        if "injected-parameters" in cell.metadata.get("tags", ()):
            cell.id = f"{path.stem}-injected"
    return str(nbformat.writes(kept)) + "\n"  # type: ignore[no-untyped-call]


def _known(path: Path, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The given parameters that a notebook has."""
    import papermill

    known = papermill.inspect_notebook(path)
    if not known:
        raise BadInputError(f"{path}: no cell is tagged 'parameters', so nothing can be passed to it; tag one")
    return {name: value for name, value in parameters.items() if name in known}
