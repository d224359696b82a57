"""Records what a real Prometheus answers: `python -m tests.tools.record_prometheus [--check]`.

It starts the `prometheus` on PATH without anything to scrape, asks it the queries below, and writes
status and body of each answer to `tests/data/prometheus/answers.json`. With `--check` it compares
instead. Times in answers are those of the queries, which are fixed.
"""

import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx

RECORDED = Path(__file__).parents[1] / "data/prometheus/answers.json"
AT = "1700000000.000"
QUERIES = {
    "a vector": "vector(0.5)",
    "a scalar": "scalar(vector(2))",
    "nothing": "no_such_metric",
    "no number": "vector(0) / 0",
    "infinity": "vector(1) / 0",
    "minus infinity": "vector(-1) / 0",
    "a large number": "vector(1e300)",
    "several values": 'vector(1) or label_replace(vector(2), "a", "b", "", "")',
    "a string": '"text"',
    "a matrix": "vector(1)[1m:30s]",
    "a mistake": "sum(",
    "a mistake of types": "rate(vector(1))",
}


def answers(server: str) -> dict[str, list[object]]:
    """What a server answers to each query."""
    found: dict[str, list[object]] = {}
    for name, query in QUERIES.items():
        reply = httpx.get(f"{server}/api/v1/query", params={"query": query, "time": AT})
        found[name] = [reply.status_code, reply.json()]
    return found


def main() -> int:
    """Record, or compare."""
    program = shutil.which("prometheus")
    if program is None:
        sys.stderr.write("prometheus is not on PATH: install it, and run this again.\n")
        return 2
    with socket.socket() as free, tempfile.TemporaryDirectory() as folder:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        (Path(folder) / "empty.yaml").write_text("global: {}\n")
        command = (
            program,
            f"--config.file={folder}/empty.yaml",
            f"--storage.tsdb.path={folder}/data",
            f"--web.listen-address=127.0.0.1:{port}",
            "--log.level=error",
        )
        server = f"http://127.0.0.1:{port}"
        with subprocess.Popen(command) as process:
            try:
                _wait(server)
                found = answers(server)
            finally:
                process.terminate()
    text = json.dumps(found, indent=1, sort_keys=True) + "\n"
    if "--check" in sys.argv[1:]:
        same = RECORDED.read_text() == text
        sys.stdout.write("as recorded\n" if same else f"differs from {RECORDED}:\n{text}")
        return 0 if same else 1
    RECORDED.write_text(text)
    return 0


def _wait(server: str) -> None:
    """Until it is ready."""
    for _ in range(600):
        try:
            if httpx.get(f"{server}/-/ready").status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise TimeoutError(f"{server} is not ready")


if __name__ == "__main__":
    sys.exit(main())
