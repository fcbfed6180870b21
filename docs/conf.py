"""The settings of the site. `make docs` builds it, without a network: the pages of Airflow that it links to are listed here."""

from __future__ import annotations

import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
#: Reading a signature imports Airflow, which makes itself a home.
os.environ.update(AIRFLOW_HOME=str(HERE / "_build" / "airflow"), AIRFLOW__LOGGING__LOGGING_LEVEL="WARNING")

from airflow_provider_claude import __version__  # noqa: E402
from docs.ext.inventory import write_inventories  # noqa: E402

project = "airflow-provider-claude"
copyright = "the authors of airflow-provider-claude, Apache-2.0"  # noqa: A001
version = release = __version__

extensions = ["myst_parser", "sphinx.ext.intersphinx", "docs.ext.site"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 4

#: Links to Airflow's docs are checked against the lists in airflow.txt; with DOCS_ONLINE=1 against their own inventories.
online = os.environ.get("DOCS_ONLINE") == "1"
intersphinx_mapping = {
    name: (url, None if online else str(path))
    for name, url, path in write_inventories(HERE / "airflow.txt", HERE / "_build" / "inventories")
}
intersphinx_disabled_reftypes = ["*"]  # only links that name Airflow go there

html_theme = "furo"
html_title = f"airflow-provider-claude {release}"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
