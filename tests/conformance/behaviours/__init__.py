"""What the real forges do, row by row: the source that says so, and the test that holds us to it.

`docs/reference/forges.md` is made from it. A fake that learns something gets a row.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What a forge does, where that is written, and the test that fails if it is forgotten.

    `source` is an address, or a file of the product's own source; `test` is `path::function`.
    """

    what: str
    source: str
    test: str
