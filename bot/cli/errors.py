"""What subcommands raise, and what the operating system refuses, in words.

Apart, so that `bot.__main__` imports nothing else of them.
"""

import errno
import os

NEXT_STEPS = {
    errno.EACCES: "check its owner and mode",
    errno.EADDRINUSE: "another program listens there: stop it, or choose another port",
    errno.EDQUOT: "free some space",
    errno.EFBIG: "the limit of this process or file system is reached (`ulimit -f`)",
    errno.EMFILE: "raise the limit of open files (`ulimit -n`)",
    errno.ENOSPC: "free some space",
    errno.ENOTDIR: "name a folder",
    errno.EROFS: "choose another folder",
}


class InputError(Exception):
    """The input is wrong; the message says where, and what to do about it."""


def describe(error: OSError) -> str:
    """What the operating system refused, where, and what to do."""
    where = f"{error.filename}: " if error.filename else ""
    if error.errno in NEXT_STEPS:
        return f"{where}{os.strerror(error.errno)}; {NEXT_STEPS[error.errno]}"
    return f"{where}{error.strerror or error}"
