"""`schema`: prints the JSON Schema of a document."""

import argparse
import json

from bot.documents import schemas
from bot.terminal import write


def schema(options: argparse.Namespace) -> int:
    """Print a JSON Schema, as one line for each key."""
    write(json.dumps(schemas.schema(options.document), indent=2) + "\n")
    return 0
