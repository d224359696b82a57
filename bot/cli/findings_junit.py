"""Findings as a JUnit report: a failed test for each mistake.

The format has no standard; this is what the readers of the common servers share: GitLab
documentation, "Unit test reports" (`testcase` with name, classname and file; `failure`), and the
XML schema of Jenkins' plugin xunit (`testsuites`, counts, `system-out`).
"""

from xml.sax.saxutils import escape, quoteattr

from bot.cli.findings import Finding, Findings
from bot.terminal import printable

SUITE = "switchyard check"


def as_junit(found: Findings) -> str:
    """One suite; folders without a mistake are a test that passed."""
    cases = [_case(each) for each in found.entries]
    if not found.has_errors:
        passed = (_attributes(name=each, classname=SUITE) for each in found.folders)
        cases += [f"    <testcase{each}/>" for each in passed]
    failures = sum(each.level == "error" for each in found.entries)
    counts = _attributes(name=SUITE, tests=len(cases), failures=failures, errors=0, time=0)
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f"<testsuites{counts}>",
        f"  <testsuite{counts}>",
        *cases,
        "  </testsuite>",
        "</testsuites>",
    ]
    return "\n".join(lines) + "\n"


def _case(each: Finding) -> str:
    place = f"{each.file}:{each.line}:{each.column}" if each.line else each.file
    named = f"{place}: {each.message}" if place else each.message
    file = {"file": each.file} if each.file else {}
    opened = _attributes(name=named, classname=SUITE, **file)
    if each.level == "warning":
        said = f"<system-out>warning: {escape(_legal(each.message))}</system-out>"
    else:
        message = _attributes(message=each.message, type="mistake")
        said = f"<failure{message}>{escape(_legal(named))}</failure>"
    return f"    <testcase{opened}>{said}</testcase>"


def _attributes(**values: str | int) -> str:
    return "".join(f" {name}={quoteattr(_legal(str(each)))}" for name, each in values.items())


def _legal(text: str) -> str:
    """Without the control characters that XML 1.0 does not permit (section 2.2)."""
    return printable(text).replace("\ufffe", "?").replace("\uffff", "?")
