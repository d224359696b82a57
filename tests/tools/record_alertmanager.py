"""Records what a real Alertmanager posts: `python -m tests.tools.record_alertmanager`.

It starts the programs of the guide "Watch Prometheus", lets a load program be busy and calm again,
and writes the two notifications to `tests/data/alertmanager/notifications.json`. Addresses are
replaced.
"""

import asyncio
import json
import re
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.trials.monitoring import Load, Monitoring

RECORDED = Path(__file__).parents[1] / "data/alertmanager/notifications.json"
TOKEN = "token-of-the-recording"
BUSY, CALM, SECONDS = 0.95, 0.1, 60


async def told(load: Load, status: str) -> Any:
    """The first notification with a status."""
    began = time.monotonic()
    while time.monotonic() - began < SECONDS:
        for header, body in load.told:
            assert header == f"Bearer {TOKEN}"
            found = json.loads(body)
            if found["status"] == status:
                return found
        await asyncio.sleep(0.1)
    raise TimeoutError(f"no notification of status {status}")


async def record(folder: Path) -> list[Any]:
    """Notifications of one alert: it fires, and it is resolved."""
    load = Load()
    with Monitoring(folder / "monitoring", f"http://{load.address}/alerts", TOKEN, load) as made:
        await made.ready()
        load.value = BUSY
        firing = await told(load, "firing")
        load.value = CALM
        return [firing, await told(load, "resolved")]


def main() -> int:
    """Record."""
    with tempfile.TemporaryDirectory() as folder:
        text = json.dumps(asyncio.run(record(Path(folder))), indent=1) + "\n"
    text = re.sub(r"http://[^/\"]+:\d+", "http://monitoring.example.com", text)
    RECORDED.parent.mkdir(exist_ok=True)
    RECORDED.write_text(re.sub(r"127\.0\.0\.1:\d+", "storefront.example.com:8080", text))
    return 0


if __name__ == "__main__":
    sys.exit(main())
