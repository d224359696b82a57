"""The documentation as a site, by Sphinx: `make site`. Reasons: docs/adr/0010.

The source is the repository, so that links between pages are those that a forge follows too.
"""

from pathlib import Path

project = "Switchyard"
project_copyright = "the Switchyard maintainers"
root_doc = "docs/index"
include_patterns = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "docs/**.md"]
extensions = ["myst_parser"]
myst_heading_anchors = 4
html_theme = "furo"
html_title = "Switchyard"
html_extra_path = ["start"]
html_search_scorer = str(Path(__file__).with_name("scorer.js"))
html_show_sphinx = False
html_copy_source = False
highlight_language = "none"
# Mermaid is drawn by forges; here its source is shown, so that pages need no script of others.
suppress_warnings = ["misc.highlighting_failure"]
