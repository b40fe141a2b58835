"""Running a notebook, and taking over what it shows."""

from __future__ import annotations

import importlib.util
import tempfile
from pathlib import Path
from typing import Any

import mbias
from mbias.errors import BadInputError, MbiasError


def notebook_path(word: str) -> Path:
    """The notebook of a question: the checkout's, or the one that was installed with the package."""
    checkout = Path(mbias.__file__).parent.parent / "analysis_notebooks" / f"{word}.ipynb"
    if checkout.exists():
        return checkout
    found = importlib.util.find_spec("mbias.notebooks")
    folder = Path(next(iter(found.submodule_search_locations or []))) if found else Path()
    return folder / f"{word}.ipynb"


def run_notebook(path: Path, parameters: dict[str, Any]) -> Any:
    """A notebook's outputs, as an nbformat notebook; ``path`` itself stays as it is.

    Parameters
    ----------
    parameters
        Those that its cell tagged ``parameters`` does not know are left out. Values of JSON's types only.

    Raises
    ------
    BadInputError
        If papermill or a kernel is not installed, or the notebook has no cell tagged ``parameters``.
    MbiasError
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
    known = papermill.inspect_notebook(path)
    if not known:
        raise BadInputError(f"{path}: no cell is tagged 'parameters', so nothing can be passed to it; tag one")
    with tempfile.TemporaryDirectory() as folder:
        try:
            return papermill.execute_notebook(
                path,
                Path(folder) / path.name,
                {name: value for name, value in parameters.items() if name in known},
                kernel_name="python3",
                progress_bar=False,
                cwd=str(path.parent),
                # A kernel's warnings about its own connection are no news to a report's reader.
                extra_arguments=["--log-level=40"],
            )
        except NoSuchKernel:
            raise BadInputError(
                "a report needs ipykernel, which is not installed: pip install 'mbias[notebooks]'"
            ) from None
        except PapermillExecutionError as error:
            # Counted from 1; papermill counts from 0, but has put a cell of its own behind the parameters.
            raise MbiasError(
                f"{path.name}: cell {error.cell_index} failed with {error.ename}: {error.evalue}"
            ) from None


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
