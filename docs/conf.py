"""How Sphinx builds the site: ``make docs`` writes it to ``docs/_build/html``, without a network."""

from __future__ import annotations

import re
from pathlib import Path

from sphinx.application import Sphinx

import mbias
from mbias.analysis.questions import Question, question

ROOT = Path(__file__).resolve().parents[1]

project = "mbias"
author = "The mbias authors"
copyright = f"2026, {author}"
version = release = mbias.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "gallery"]
templates_path = ["_templates"]
# sphinx-gallery's settings hold objects that cannot be cached, which matters to no reader.
suppress_warnings = ["config.cache"]

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3

# Docstrings mark names of mbias with single backquotes, and other code with double ones.
default_role = "py:obj"
add_module_names = False
autodoc_type_aliases = {"StudyLike": "StudyLike", "Drawable": "Drawable", "Drawn": "Drawn"}
napoleon_google_docstring = False
napoleon_use_rtype = False
copybutton_prompt_text = r">>> |\.\.\. "
copybutton_prompt_is_regexp = True

sphinx_gallery_conf = {
    "examples_dirs": "gallery",
    "gallery_dirs": "figures",
    "filename_pattern": "/plot_",
    "within_subsection_order": "FileNameSortKey",
    "image_srcset": ["2x"],
    "abort_on_example_error": True,
    "download_all_examples": False,
    "show_memory": False,
    "show_signature": False,
    "write_computation_times": False,
}

html_theme = "pydata_sphinx_theme"
html_title = f"mbias {version}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = False
html_sidebars = {"index": [], "getting-started": [], "api": []}
html_theme_options = {
    "header_links_before_dropdown": 6,
    "navbar_end": ["theme-switcher"],
    "navigation_with_keys": False,
    "footer_start": ["copyright"],
    "footer_end": [],
    "secondary_sidebar_items": ["page-toc"],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}


def write_pages(app: Sphinx) -> None:
    """Write the pages that are made from something else: one on each question, and those at the top of the project."""
    source = Path(app.srcdir)
    (source / "questions").mkdir(exist_ok=True)
    for name in mbias.QUESTIONS:
        (source / "questions" / f"{name}.rst").write_text(page_of(question(name)), encoding="utf-8")
    (source / "questions" / "index.rst").write_text(page_of_questions(), encoding="utf-8")
    (source / "project").mkdir(exist_ok=True)
    for name in ("CONTRIBUTING", "CHANGELOG"):
        text = (ROOT / f"{name}.md").read_text(encoding="utf-8")
        (source / "project" / f"{name.lower()}.md").write_text(text, encoding="utf-8")


def page_of_questions() -> str:
    """The page that lists the questions."""
    rows = []
    for name, asks in mbias.QUESTIONS.items():
        rows += [f"   * - :doc:`{name}`", f"     - {asks}", f"     - {question(name).paper or 'not in the paper'}"]
    return f"""\
Questions
=========

Each question about a record is a function in Python, a command, a figure, a notebook and a section of the
report, all of one name. :doc:`Measures </measures>` has all definitions on one page.

.. list-table::
   :header-rows: 1

   * - question
     - what it asks
     - in the paper
{chr(10).join(rows)}

.. toctree::
   :hidden:

   {"".join(f"{name}{chr(10)}   " for name in mbias.QUESTIONS)}/measures
"""


def page_of(asked: Question) -> str:
    """The page on a question: how it is asked, and the reference of its tables."""
    name, asks = asked.name, asked.asks[0].upper() + asked.asks[1:]
    paths = {("study",): "PATH...", ("run",): "RUN"}.get(asked.inputs, "A B")
    tables = [
        f"{table.name}\n{'-' * len(table.name)}\n\n.. autofunction:: {table.compute.__module__}.{table.name}\n"
        for table in asked.tables
    ]
    return f"""\
{name}
{"=" * len(name)}

{asks}

.. py:function:: mbias.{name}({", ".join(asked.inputs)}, *, table="{asked.table_names[0]}", **options)

   Return one of the tables below; the options are those of the table. :py:obj:`mbias.plot_{name}` draws it.

On the command line::

    mbias-analyze {name} {paths} --table {asked.table_names[0]}

{chr(10).join(tables)}"""


def drop_links_to_files(app: Sphinx, page: str, source: list[str]) -> None:
    """Keep only the text of a page's links to files of the project that are not part of the site."""
    folder = Path(app.srcdir) / page

    def shown(link: re.Match[str]) -> str:
        target = (folder.parent / link[2].split("#")[0]).resolve()
        inside = target.is_relative_to(app.srcdir) and target.exists()
        return link[0] if link[2].startswith(("https://", "#")) or inside else link[1]

    source[0] = re.sub(r"(?<!\w)\[([^]]+)\]\(([^)\s]+)\)", shown, source[0])


def setup(app: Sphinx) -> None:
    """Register what this file adds to Sphinx."""
    app.connect("builder-inited", write_pages, priority=400)
    app.connect("source-read", drop_links_to_files)
