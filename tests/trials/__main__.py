"""`make trials`: runs trials one after the other and prints what they measured."""

import asyncio
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import Any

from tests.trials.rig import rig
from tests.trials.signals import SIGNALS
from tests.trials.trials import TRIALS as FAULTS

TRIALS = FAULTS | SIGNALS

SEED = 20261128


async def run(name: str) -> dict[str, Any]:
    """One trial in a folder of its own, which stays when it fails."""
    folder = Path(tempfile.mkdtemp(prefix=f"switchyard-trial-{name}-"))
    print(f"{name}: {folder}", flush=True)
    async with rig(folder, SEED) as made:
        measured = await TRIALS[name](made)
        made.check()
    return measured


def main(names: list[str]) -> int:
    """Run the named trials, or all; 1 if one failed."""
    failed = []
    for name in names or TRIALS:
        began = time.monotonic()
        try:
            measured = asyncio.run(run(name))
        except Exception:
            traceback.print_exc()
            failed.append(name)
            continue
        words = ", ".join(
            f"{key} {value:.1f} s" if isinstance(value, float) else f"{key} {value}"
            for key, value in measured.items()
        )
        print(f"{name}: passed in {time.monotonic() - began:.0f} s; {words}", flush=True)
    print(f"failed: {', '.join(failed)}" if failed else "all trials passed")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
