"""Builds the real programs from their Go modules, once, into a cache outside of the repository.

Each folder of `programs/` is a Go module whose `tool` lines name the programs and whose `go.sum`
pins every dependency. A folder in the cache is named by the digest of both, and of what is copied.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).with_name("programs")
OPTIONAL = frozenset({"certificates"})
"""Modules without which the other scenarios run; a failed build is printed."""
MODULES = ("etcd", "kubernetes", "kwok", "flux", "argocd", "versitygw", *sorted(OPTIONAL))
DATA: dict[str, dict[str, tuple[str, ...]]] = {
    "kwok": {"sigs.k8s.io/kwok": ("kustomize/stage/pod/general", "kustomize/stage/node")},
    "flux": {
        f"github.com/fluxcd/{name}-controller": ("config/crd/bases",)
        for name in ("source", "kustomize", "notification")
    },
    "certificates": {
        f"github.com/cert-manager/{name}": ("deploy/crds",)
        for name in ("cert-manager", "trust-manager")
    },
    "argocd": {
        "github.com/argoproj/argo-cd/v3": (
            "manifests/crds",
            "manifests/base/config",
            "manifests/base/application-controller-roles",
            "manifests/base/notification",
            "manifests/cluster-rbac/application-controller",
        )
    },
}
"""Folders of module sources that are needed beside the programs: CRDs and stages of kwok."""
STAMP = "built.json"
OWN = "switchyard.dev/"


class BuildError(Exception):
    """A module does not build here."""


@dataclass(frozen=True, slots=True)
class Programs:
    """The built programs by name, their versions, data folders by module, and build seconds."""

    paths: Mapping[str, Path]
    versions: Mapping[str, str]
    data: Mapping[str, tuple[Path, ...]]
    build_seconds: Mapping[str, float]

    def __getitem__(self, name: str) -> str:
        """The path of a program."""
        return str(self.paths[name])


def build(modules: tuple[str, ...] = MODULES) -> Programs:
    """Build what the cache does not hold yet; exits with one line if Go is missing."""
    if shutil.which("go") is None:
        sys.exit("make acceptance needs Go 1.26 or newer on PATH (package golang-go, or go.dev).")
    paths: dict[str, Path] = {}
    versions: dict[str, str] = {}
    seconds: dict[str, float] = {}
    data: dict[str, tuple[Path, ...]] = {}
    for module in modules:
        folder = _cache() / f"{module}-{_digest(module)}"
        if not (folder / STAMP).exists():
            try:
                _build(module, folder)
            except BuildError as error:
                if module not in OPTIONAL:
                    sys.exit(str(error))
                print(f"NOT BUILT: {error} Scenarios that need it are SKIPPED.", flush=True)
                continue
        built = json.loads((folder / STAMP).read_text())
        seconds[module] = built["seconds"]
        versions |= built["versions"]
        paths |= {path.name: path for path in (folder / "bin").iterdir()}
        data |= {name: tuple(map(Path, found)) for name, found in built["data"].items()}
    return Programs(paths, versions, data, seconds)


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "switchyard" / "acceptance"


def _digest(module: str) -> str:
    files = sorted(each for each in (FOLDER / module).rglob("*") if each.is_file())
    parts = [each.read_bytes() for each in files]
    parts.append(repr(DATA.get(module)).encode())
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]


def _build(module: str, folder: Path) -> None:
    """Build one module at low priority, one compiler at a time: the machine stays usable."""
    print(f"building {module} (once; the first time takes minutes) ...", flush=True)
    began = time.monotonic()
    (folder / "bin").mkdir(parents=True, exist_ok=True)
    for tool in _go(module, "list", "-f", "{{.ImportPath}}", "tool").split():
        program = folder / "bin" / _name(tool)
        _go(module, "build", "-o", str(program), tool, nice=True)
    data = {
        name: [_copy(module, name, source, folder) for source in sources]
        for name, sources in DATA.get(module, {}).items()
    }
    built = {
        "seconds": round(time.monotonic() - began),
        "versions": _versions(module, folder),
        "data": data,
    }
    (folder / STAMP).write_text(json.dumps(built, indent=2))
    print(f"built {module} in {built['seconds']} s", flush=True)


def _name(tool: str) -> str:
    """The program's name: the last part of its import path that is no version."""
    return next(
        {"server": "etcd", "cmd": "argocd"}.get(part, part)
        for part in reversed(tool.split("/"))
        if not part.removeprefix("v").isdigit()
    )


def _copy(module: str, dependency: str, source: str, folder: Path) -> str:
    origin = Path(_go(module, "list", "-m", "-f", "{{.Dir}}", dependency).strip()) / source
    target = folder / "data" / dependency.replace("/", "-") / source
    shutil.copytree(origin, target, dirs_exist_ok=True, copy_function=shutil.copyfile)
    return str(target)


def _versions(module: str, folder: Path) -> dict[str, str]:
    """The version of the module that holds each program's main package, as the program states.

    A main package of our own has the name of the module whose program it stands for.
    """
    found = {}
    for program in (folder / "bin").iterdir():
        stated = _go(module, "version", "-m", str(program)).splitlines()
        main = next(line.split()[1] for line in stated if line.startswith("\tpath"))
        candidates = [line.split()[1:3] for line in stated if line.startswith(("\tdep", "\tmod"))]
        owners = [(name, text) for name, text in candidates if main.startswith(name)]
        if main.startswith(OWN):
            owners = [each for each in candidates if each[0].endswith(f"/{program.name}")]
        found[program.name] = max(owners, key=lambda owner: len(owner[0]))[1]
    return found


def _go(module: str, *arguments: str, nice: bool = False) -> str:
    environment = {**os.environ, "GOFLAGS": "-p=1 -buildvcs=false"}
    done = subprocess.run(
        ["nice", "-n", "15", "go", *arguments] if nice else ["go", *arguments],
        cwd=FOLDER / module,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        raise BuildError(f"go {arguments[0]} failed in {FOLDER / module}; its output is above.")
    return done.stdout
