"""The planner runs in a process of its own, and never outlives the service."""

import signal
import subprocess
import sys
import threading
from pathlib import Path

SERVICE = """
import asyncio, sys
from bot.app import planner_process
from tests.fakes.builders import snapshot

async def main():
    async with planner_process() as planner:
        proposal = await planner(snapshot())
        import multiprocessing
        child = multiprocessing.active_children()[0]
        print(len(proposal.changes), child.pid, flush=True)
        await asyncio.sleep(60)

if __name__ == "__main__":
    asyncio.run(main())
"""


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_it_ends_when_the_service_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "service.py"
    script.write_text(SERVICE)
    root = str(Path(__file__).parents[2])
    service = subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=root,
        env={"PYTHONPATH": root},
    )
    assert service.stdout is not None
    changes, pid = map(int, service.stdout.readline().split())
    assert changes == 3
    assert is_running(pid)

    service.send_signal(signal.SIGKILL)
    service.wait()
    service.stdout.close()

    for _ in range(100):
        if not is_running(pid):
            return
        threading.Event().wait(0.1)
    raise AssertionError("the planner outlives the service")
