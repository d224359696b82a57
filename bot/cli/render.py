"""`render`: writes the deploy tree into a folder."""

import argparse
from pathlib import Path

from bot.cli.errors import InputError, describe
from bot.cli.proposals import application_folder, propose_or_fail, snapshot_of
from bot.terminal import write
from bot.wording.markdown import plural
from renderers.tree import FileTree


def render(options: argparse.Namespace) -> int:
    """Write the deploy tree as it would be once everything is merged."""
    out: Path = options.out
    if out.exists() and any(out.iterdir()):
        raise InputError(f"{out}: the folder is not empty; name a new one")
    snapshot = snapshot_of(options)
    proposal = propose_or_fail(application_folder(options, snapshot), snapshot)
    files = {path: content for tree in proposal.trees.values() for path, content in tree.items()}
    _write(files, out)
    write(f"{plural(len(files), 'file')} written to {out}\n")
    return 0


def _write(files: FileTree, out: Path) -> None:
    for path, content in sorted(files.items()):
        target = out / path
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        except OSError as error:
            error.filename = target
            raise InputError(
                f"{describe(error)}\n{out}: the folder is incomplete; delete it and run this again"
            ) from error
