"""Changes of intent: edits of documents that people own, proposed to them as merge requests.

`fleet` and `app` make and check the files; `bot/effects/intent_requests` opens the merge request.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

LONGEST_NAME = 40
DIGITS = 8
_UNFIT = re.compile(r"[^a-z0-9]+")


def name_for(*parts: str) -> str:
    """A name for what these lines say, and for nothing else: readable text, then a digest.

    At most 40 characters, of lower-case letters, digits and `-`, which leaves 23 of the limit of a
    Kubernetes name. The last 8 are of a SHA-256 over all parts.
    """
    digest = sha256("\n".join(parts).encode()).hexdigest()[:DIGITS]
    readable = _UNFIT.sub("-", "-".join(parts).lower()).strip("-")
    return f"{readable[: LONGEST_NAME - DIGITS - 1].rstrip('-')}-{digest}"


@dataclass(frozen=True, slots=True)
class IntentChange:
    """A change of some files: `name` names its branch, so that the same request finds the same one.

    `consequences` says what follows when people merge it.
    """

    name: str
    title: str
    consequences: str
    files: Mapping[str, bytes | None]
