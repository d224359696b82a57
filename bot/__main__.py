"""Runs one subcommand: `switchyard` and `python -m bot`.

Exit codes: 0 success, 1 wrong input or a service that cannot go on, 2 wrong usage, 3 the plan
differs from `--expect`, 130 after Ctrl-C, 141 when the reader of standard output is gone.
"""

import gc
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from types import ModuleType

from bot.cli.errors import InputError, describe
from bot.cli.parser import parser
from bot.terminal import Style, write_error


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand; its exit code."""
    # A setting of numpy's, which reserves memory for each thread and needs none here.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # noqa: TID251
    try:
        options = parser().parse_args(arguments)
        module, _, function = options.run.partition(":")
        code: int = getattr(_imported(module), function)(options)
    except InputError as error:
        write_error(f"{error}\n", Style.RED)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return 141
    except OSError as error:
        write_error(f"{describe(error)}\n", Style.RED)
        return 1
    return code


def _imported(module: str) -> ModuleType:
    """The module. What it imports stays: looking for garbage in it takes a tenth of the time."""
    gc.disable()
    try:
        return import_module(module)
    finally:
        gc.freeze()
        gc.enable()


if __name__ == "__main__":
    sys.exit(main())
