"""`python -m tests.acceptance`: build, run every scenario, write the page; exits 1 if any fails."""

import argparse
import signal
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from tests.acceptance.chart import run_chart
from tests.acceptance.cluster import Cluster
from tests.acceptance.page import summary, write_page
from tests.acceptance.processes import Processes, free_ports
from tests.acceptance.programs import Programs, build
from tests.acceptance.recordings import RECORDED, write_recordings, write_states
from tests.acceptance.rig import running_rig
from tests.acceptance.scenarios import SCENARIOS, run_scenario


def main() -> int:
    """Dispatch the verbs."""
    parser = argparse.ArgumentParser(prog="python -m tests.acceptance", description=__doc__)
    parser.add_argument(
        "verb", nargs="?", default="run", choices=["run", "build", "api-server", "chart"]
    )
    parser.add_argument("--only", nargs="*", help="names of scenarios; the page is not written")
    parser.add_argument("--record", action="store_true", help="write tests/data anew")
    parser.add_argument("--keep", action="store_true", help="keep running until Ctrl-C")
    parser.add_argument("--port", type=int, help="of `api-server`; default: a free one")
    options, flags = parser.parse_known_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    if options.verb == "api-server":
        return _serve_api(options.port, flags)
    if options.verb == "chart":
        return run_chart()
    if flags:
        parser.error(f"unknown arguments: {' '.join(flags)}")
    programs = build()
    return 0 if options.verb == "build" else _run(options, programs)


def _run(options: argparse.Namespace, programs: Programs) -> int:
    folder = Path(tempfile.mkdtemp(prefix="switchyard-acceptance-"))
    print(f"logs and data: {folder}", flush=True)
    chosen = [each for each in SCENARIOS if not options.only or each.name in options.only]
    results = []
    with running_rig(folder, programs) as rig:
        for scenario in chosen:
            print(f"{scenario.name}: {scenario.title} ...", flush=True)
            before = len(rig.recorder.exchanges)
            results.append(run_scenario(rig, scenario))
            print(summary(results[-1:]), flush=True)
            if options.record and scenario.name in RECORDED:
                write_recordings(scenario.name, programs, rig.recorder.exchanges[before:])
            if not options.only:
                today = datetime.now(UTC).date()
                write_page(today, programs, results, rig.recorder.exchanges)
        if options.record and rig.states:
            write_states(programs, rig.states)
        if options.keep:
            print(f"forge {rig.service.site.url}, service {rig.service.url}; Ctrl-C stops")
            signal.pause()
    return 0 if all(result.passed or result.skipped for result in results) else 1


def _serve_api(port: int | None, flags: list[str]) -> int:
    """Serve etcd and kube-apiserver alone, for `tests/tools/compare_dry_run.py`, until interrupted.

    Admission plugins that look for other objects are off, so that a verdict is about the object
    alone. Additional flags go to kube-apiserver, such as `--emulated-version=1.34`.
    """
    folder = Path(tempfile.mkdtemp(prefix="switchyard-api-server-"))
    processes = Processes(folder / "logs")
    programs = build(("etcd", "kubernetes"))
    cluster = Cluster("api", programs, processes, folder, port or free_ports(1)[0])
    plugins = "ServiceAccount,TaintNodesByCondition,RuntimeClass,Priority"
    try:
        cluster.start_api_server(f"--disable-admission-plugins={plugins}", *flags)
        (folder / "token").write_text(cluster.token)
        print(f"--server {cluster.server} --token-file {folder / 'token'}", flush=True)
        signal.pause()
    except KeyboardInterrupt:
        return 0
    finally:
        processes.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
