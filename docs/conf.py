"""The documentation site, with Sphinx: its autodoc reads NumPy docstrings, MyST reads the pages as they are on the
code host, and its math renderer is an open interface, so that formulas become MathML when the site is built.

Build it from the root of the repository; every warning is an error:

    sphinx-build -W -q docs build/site

`docs/site/` has the parts. A built page needs no network.
"""

from __future__ import annotations

import sys
from pathlib import Path

import minidecomp

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS / "site"))

project = "minidecomp"
author = "The minidecomp authors"
version = release = minidecomp.__version__
project_copyright = author

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "myst_nb",
    "formulas",
    "repository_pages",
    "navigation",
    "plain_docstrings",
    "sample_report",
]
root_doc = "index"
exclude_patterns = ["site", "images/*.py", "**/.ipynb_checkpoints", "notebooks/*.md"]

myst_enable_extensions = ["dollarmath"]
myst_fence_as_directive = ["math"]
myst_heading_anchors = 4

nb_execution_mode = "force"
nb_execution_timeout = 120
nb_execution_in_temp = True
nb_execution_raise_on_error = True
nb_merge_streams = True

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
add_module_names = False
python_maximum_signature_line_length = 100
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_preprocess_types = False
default_role = "code"

html_theme = "furo"
html_title = "minidecomp"
html_static_path = ["site/static"]
html_css_files = ["site.css"]
html_extra_path = ["playground.html"]
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
html_math_renderer = "mathml"
pygments_style = "friendly"
pygments_dark_style = "github-dark"
