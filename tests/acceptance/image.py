"""Builds the image with buildah, and runs the service in it on a read-only root file system.

`python -m tests.acceptance.image BASE`; needs root and buildah (a package of Debian), and a base
image with Python 3.11 and apt that buildah can find. No container runtime is needed: what runs is
the image's file system, as its user, with nothing but its data directory and /tmp to write to.
"""

import argparse
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.acceptance.processes import free_ports

ROOT = Path(__file__).parents[2]
TAG = "localhost/switchyard-acceptance"
SECONDS = 60
STOPPED = {0, -signal.SIGTERM}
"""uvicorn stops at the signal, and then passes it on to whoever would have handled it."""
START = r"""
set -e
mount --bind "$1" "$1"
mount -o remount,bind,ro "$1"
mount --bind "$2" "$1/var/lib/switchyard"
mount -t tmpfs tmpfs "$1/tmp"
mount --bind /dev "$1/dev"
mount --bind /proc "$1/proc"
root=$1
shift 2
exec chroot --userspec=10001:10001 --groups=10001 "$root" /usr/bin/env -i "$@"
"""


def main() -> int:
    """Build, run, ask; 0 if the service gets ready and stops when it is told to."""
    parser = argparse.ArgumentParser(prog="python -m tests.acceptance.image", description=__doc__)
    parser.add_argument("base", help="base image, instead of python:3.11-slim-bookworm")
    options = parser.parse_args()
    if shutil.which("buildah") is None:
        sys.exit("install buildah")
    isolated = ("--isolation=chroot", f"--build-arg=BASE={options.base}")
    buildah("bud", "--quiet", *isolated, f"--tag={TAG}", str(ROOT))
    with mounted() as image, tempfile.TemporaryDirectory() as data:
        shutil.chown(data, 10001)
        ready, code = run(image, data)
        written = sorted(each.name for each in Path(data).iterdir())
    print(f"ready: {ready}; exit code: {code}; written: {written}")
    return 0 if ready and code in STOPPED and "switchyard.db" in written else 1


def buildah(*arguments: str) -> str:
    """Run buildah, with storage that works everywhere, and return its output."""
    command = ["buildah", "--storage-driver=vfs", *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


@contextmanager
def mounted() -> Iterator[str]:
    """The file system of the image."""
    container = buildah("from", TAG)
    try:
        yield buildah("mount", container)
    finally:
        buildah("rm", container)


def run(image: str, data: str) -> tuple[bool, int]:
    """Serve until it is ready; whether it got ready, and its exit code."""
    port, metrics, nobody = free_ports(3)
    settings = {
        "PATH": "/opt/switchyard/bin:/usr/bin:/bin",
        "PYTHONDONTWRITEBYTECODE": "1",
        "SWITCHYARD_DATA_DIR": "/var/lib/switchyard",
        "SWITCHYARD_FLEET": "local:fleet/fleet",
        "SWITCHYARD_MARKER_KEY": "m" * 16,
        "SWITCHYARD_REPORT_KEY": "r" * 16,
        "SWITCHYARD_LOCAL_URL": f"http://127.0.0.1:{nobody}",
        "SWITCHYARD_LOCAL_TOKEN": "t" * 16,
        "SWITCHYARD_LOCAL_WEBHOOK_SECRET": "w" * 16,
        "SWITCHYARD_PORT": str(port),
        "SWITCHYARD_METRICS_PORT": str(metrics),
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{nobody}",
    }
    command = ["unshare", "--mount", "bash", "-c", START, "start", image, data]
    command += [*(f"{name}={value}" for name, value in settings.items()), "switchyard", "serve"]
    with subprocess.Popen(command) as serving:
        ready = all(
            answers(f"http://127.0.0.1:{each}/{path}")
            for each, path in ((port, "readyz"), (metrics, "metrics"))
        )
        serving.terminate()
        return ready, serving.wait(SECONDS)


def answers(url: str) -> bool:
    """Whether a URL answers with status 200 before time is over."""
    ends = time.monotonic() + SECONDS
    while time.monotonic() < ends:
        try:
            with urllib.request.urlopen(url, timeout=5) as response:
                return bool(response.status == 200)
        except OSError:
            time.sleep(0.5)
    return False


if __name__ == "__main__":
    sys.exit(main())
