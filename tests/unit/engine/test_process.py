"""The planner runs in a separate process, which never outlives the service."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from anyio.to_process import _process_pool_idle_workers
from structlog.testing import capture_logs

from bot.engine.process import Planner, PlannerError
from planners.model import Cluster
from tests.fakes.builders import snapshot

SERVICE = """
import asyncio
from bot.engine.process import Planner
from tests.fakes.builders import snapshot

async def main():
    drafted = await Planner(60, 4096)(snapshot())
    print(len(drafted.plan.waves), flush=True)
    await asyncio.Event().wait()

if __name__ == "__main__":
    asyncio.run(main())
"""
HUGE = replace(snapshot(), clusters=tuple(Cluster(f"c{n}", "flux", {}) for n in range(8_000)))


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_it_ends_when_the_service_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "service.py"
    script.write_text(SERVICE)
    root = str(Path(__file__).parents[3])
    service = subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=root,
        env={"PYTHONPATH": root},
    )
    assert service.stdout is not None
    assert service.stdout.readline() == "3\n"
    (child,) = Path(f"/proc/{service.pid}/task/{service.pid}/children").read_text().split()

    service.send_signal(signal.SIGKILL)
    service.wait()
    service.stdout.close()

    while is_running(int(child)):
        time.sleep(0.01)


async def test_a_plan_that_takes_too_long_is_stopped_and_the_next_one_succeeds() -> None:
    with pytest.raises(PlannerError, match=r"0.01 seconds \(SWITCHYARD_PLANNER_SECONDS\)"):
        await Planner(0.01, 4096)(HUGE)

    assert len((await Planner(60, 4096)(snapshot())).plan.waves) == 3


async def test_a_plan_that_takes_too_much_memory_is_stopped_and_the_next_one_succeeds() -> None:
    with pytest.raises(PlannerError, match=r"100 MiB \(SWITCHYARD_PLANNER_MEBIBYTES\)"):
        await Planner(60, 100)(HUGE)

    assert len((await Planner(60, 4096)(snapshot())).plan.waves) == 3


def children() -> set[int]:
    listed = Path(f"/proc/self/task/{threading.get_native_id()}/children").read_text()
    return {int(each) for each in listed.split()}


async def test_a_killed_planner_is_said_in_a_line_and_replaced() -> None:
    others, planner = children(), Planner(60, 4096)
    await planner(snapshot())
    (pid,) = children() - others

    os.kill(pid, signal.SIGSTOP)
    with capture_logs() as logs:
        planning = asyncio.create_task(planner(snapshot()))
        while _process_pool_idle_workers.get():  # noqa: ASYNC110 - taken by the planner
            await asyncio.sleep(0)
        os.kill(pid, signal.SIGKILL)

        assert (await planning).plan.waves
    assert [each["event"] for each in logs] == ["planner process ended: planning again"]


async def test_plans_are_made_side_by_side_up_to_the_number_of_processes() -> None:
    planner = Planner(60, 4096, processes=2)
    plans = [asyncio.create_task(planner(snapshot())) for _ in range(3)]
    await asyncio.sleep(0)
    statistics = planner.limiter.statistics()
    assert (statistics.borrowed_tokens, statistics.tasks_waiting) == (2, 1)
    assert [len(each.plan.waves) for each in await asyncio.gather(*plans)] == [3, 3, 3]
