"""CODEOWNERS: who owns which files of a deploy repo, as GitHub and GitLab read it.

Sources: GitHub Docs, "About code owners" (gitignore's patterns without `!`, the last match counts,
`folder/*` is not what lies deeper); GitLab Docs, "Code Owners" (sections, each with its own last
match, default owners, optional ones marked `^`).
"""

import contextlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pathspec import GitIgnoreSpec

from bot.git import Mirror, RepositoryRefusedError

PLACES = (".github/CODEOWNERS", ".gitlab/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")
MAX_LINES = 5_000
MAX_WILDCARDS = 3
MAX_DEEP_WILDCARDS = 4
DIRECT = "/*"
_SECTION = re.compile(r"(\^?)\[([^\]]+)\](?:\[\d+\])?(.*)")
_WORD = re.compile(r"(?:\\.|[^\s\\])+")


class OwnersError(Exception):
    """The owners cannot be told; the text says why. Nobody may count as one of them then."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A pattern and its owners, `@` taken off; without owners it takes files from others."""

    spec: GitIgnoreSpec
    direct: bool
    owners: frozenset[str]

    @classmethod
    def of(cls, pattern: str, owners: frozenset[str]) -> "Rule":
        """From the pattern as it is written."""
        return cls(GitIgnoreSpec.from_lines([pattern]), pattern.endswith(DIRECT), owners)

    def matches(self, path: str) -> bool:
        """Whether it is about the file."""
        if not self.spec.match_file(path):
            return False
        return not (self.direct and self.spec.match_file(path.rpartition("/")[0]))


@dataclass(slots=True)
class Section:
    """Rules of which the last that matches counts; GitHub's file is one section."""

    optional: bool = False
    defaults: frozenset[str] = frozenset()
    rules: list[Rule] = field(default_factory=list)

    def owners(self, path: str) -> frozenset[str]:
        """Who owns a file here; nobody if no rule says so."""
        found = (rule.owners for rule in reversed(self.rules) if rule.matches(path))
        return next(found, frozenset())


def parse(text: str) -> tuple[Section, ...]:
    """The sections of a file; lines that make no sense are left out, as the forges do.

    Raises:
        OwnersError: it has more than MAX_LINES lines, of which the last could change every owner,
            or a pattern that takes too long to match.
    """
    sections = {"": Section()}
    current = sections[""]
    lines = text.splitlines()
    if len(lines) > MAX_LINES:
        raise OwnersError(f"CODEOWNERS has {len(lines)} lines, more than {MAX_LINES}")
    for number, line in enumerate(lines, 1):
        bare = re.split(r"(?:^|\s)#", line, maxsplit=1)[0].strip()
        header = _SECTION.fullmatch(bare)
        if header:
            name = header[2].strip().lower()
            made = Section(optional=bool(header[1]), defaults=_names(header[3].split()))
            current = sections.setdefault(name, made)
            continue
        words = _WORD.findall(bare)
        if not words or words[0].startswith("!"):
            continue
        if _is_costly(words[0]):
            raise OwnersError(
                f"CODEOWNERS line {number} has too many wildcards; at most {MAX_WILDCARDS} `*` "
                f"between slashes and {MAX_DEEP_WILDCARDS} `**` are supported"
            )
        with contextlib.suppress(ValueError, re.error):
            current.rules.append(Rule.of(words[0], _names(words[1:]) or current.defaults))
    return tuple(each for each in sections.values() if each.rules and not each.optional)


def _is_costly(pattern: str) -> bool:
    """Whether the time to match a pattern, a regular expression, grows too fast with the path."""
    parts = pattern.split("/")
    deep = sum(part == "**" for part in parts)
    return deep > MAX_DEEP_WILDCARDS or any(part.count("*") > MAX_WILDCARDS for part in parts)


def owners_of(sections: Iterable[Section], paths: Iterable[str]) -> tuple[frozenset[str], ...]:
    """Groups of owners, of each of which one must approve for these files to change."""
    known = tuple(sections)
    groups = {section.owners(path) for path in paths for section in known}
    return tuple(sorted(groups - {frozenset()}, key=sorted))


def read_sections(mirror: Mirror, sha: str) -> tuple[Section, ...]:
    """The CODEOWNERS file at a commit, from where the forges look for it.

    Raises:
        OwnersError: it is longer than the limits.
    """
    entries: Mapping[str, str] = mirror.entries(sha, PLACES)
    blob = next((entries[place] for place in PLACES if place in entries), None)
    if blob is None:
        return ()
    try:
        text = mirror.blob(blob).decode("utf-8", "replace")
    except RepositoryRefusedError as error:
        raise OwnersError(f"CODEOWNERS cannot be read: {error}") from error
    return parse(text)


def _names(words: Iterable[str]) -> frozenset[str]:
    return frozenset(word.removeprefix("@") for word in words)
