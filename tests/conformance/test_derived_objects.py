"""Every kind that is derived has been judged by a real API server."""

import re

from tests.acceptance.derived_objects import PAGE, kind_of, manifests

ROW = re.compile(r"(?m)^\| (\S+) \| ([A-Z]\w+) \| \d+ \| .+ \|$")


def test_the_page_of_the_last_run_has_every_kind() -> None:
    """After a carrier derives another kind, run `make derived-objects` anew."""
    page = PAGE.read_text()

    assert set(ROW.findall(page)) == {kind_of(each) for each in manifests()}
    assert ", 0 refused" in page
