"""Checks the Pod Security Standards `baseline` and `restricted` on a pod or a pod template.

Source: Kubernetes documentation, "Pod Security Standards", and the checks of
k8s.io/pod-security-admission as of v1.37, which a namespace enforces with version `latest`. Older
clusters know fewer exceptions; their own admission then rejects what passes here.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from planners.model import Json

Path = tuple[str, ...]

_EACH_CONTAINER: tuple[Path, ...] = (
    ("spec", "initContainers", "[*]"),
    ("spec", "containers", "[*]"),
    ("spec", "ephemeralContainers", "[*]"),
)
_CONTEXT = "securityContext"
_POD: Path = ("spec", _CONTEXT)
_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Control:
    """One control: the values at `paths` must satisfy `allowed`, which `words` describes.

    In a path, `[*]` matches each item of a list, `{*}` each key of a mapping except `name` (the key
    is the value), and a key that ends in `/*` each key with that prefix. Absent values are skipped
    unless `required`; `from_pod` is where a container inherits its value from. `linux` controls
    skip Windows pods, `host_users` controls skip pods with user namespaces (`hostUsers: false`).
    """

    paths: tuple[Path, ...]
    allowed: Callable[[Json], bool]
    words: str
    required: bool = False
    from_pod: Path | None = None
    linux: bool = False
    host_users: bool = False


def _one_of(*values: Json) -> Callable[[Json], bool]:
    return lambda value: any(type(value) is type(each) and value == each for each in values)


def _containers(*path: str) -> tuple[Path, ...]:
    return tuple((*container, *path) for container in _EACH_CONTAINER)


def _contexts(*path: str) -> tuple[Path, ...]:
    """The same field of the pod's security context and of each container's."""
    return ((*_POD, *path), *_containers(_CONTEXT, *path))


def _app_armor(value: Json) -> bool:
    return isinstance(value, str) and (
        value in {"", "runtime/default"} or value.startswith("localhost/")
    )


_OFF = _one_of(False)  # noqa: FBT003 - the value that is allowed
_ON = _one_of(True)  # noqa: FBT003 - as above
_FALSE = "false or unset"
_EMPTY = "unset"
_PROFILES = ("RuntimeDefault", "Localhost")
_PROFILES_WORDS = "RuntimeDefault or Localhost"
_CAPABILITIES = (
    *("AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD"),
    *("NET_BIND_SERVICE", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"),
)
_SE_LINUX_TYPES = ("container_t", "container_init_t", "container_kvm_t", "container_engine_t")
_SYSCTLS = (
    "kernel.shm_rmid_forced",
    *("net.ipv4.ip_local_port_range", "net.ipv4.ip_local_reserved_ports"),
    *("net.ipv4.ip_unprivileged_port_start", "net.ipv4.ping_group_range"),
    *("net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl"),
    *("net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_keepalive_time"),
    *("net.ipv4.tcp_notsent_lowat", "net.ipv4.tcp_rmem", "net.ipv4.tcp_slow_start_after_idle"),
    *("net.ipv4.tcp_syncookies", "net.ipv4.tcp_wmem"),
)
_VOLUMES = (
    *("configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image"),
    *("persistentVolumeClaim", "projected", "secret"),
)
_ADD = _containers(_CONTEXT, "capabilities", "add", "[*]")
_PROC_MOUNT = _containers(_CONTEXT, "procMount")
_SECCOMP = ("seccompProfile", "type")

_BASELINE: Mapping[str, Control] = {
    "hostProcess": Control(_contexts("windowsOptions", "hostProcess"), _OFF, _FALSE),
    "hostNamespaces": Control(
        (("spec", "hostNetwork"), ("spec", "hostPID"), ("spec", "hostIPC")), _OFF, _FALSE
    ),
    "privileged": Control(_containers(_CONTEXT, "privileged"), _OFF, _FALSE),
    "capabilities": Control(_ADD, _one_of(*_CAPABILITIES), ", ".join(_CAPABILITIES)),
    "hostPath": Control(
        (("spec", "volumes", "[*]", "hostPath"),), lambda value: value is None, _EMPTY
    ),
    "hostPorts": Control(_containers("ports", "[*]", "hostPort"), _one_of(0), "0 or unset"),
    "hostProbes": Control(
        tuple(
            path
            for handler in (
                *(("livenessProbe",), ("readinessProbe",), ("startupProbe",)),
                *(("lifecycle", "postStart"), ("lifecycle", "preStop")),
            )
            for call in ("httpGet", "tcpSocket")
            for path in _containers(*handler, call, "host")
        ),
        _one_of(""),
        _EMPTY,
    ),
    "appArmor": Control(_contexts("appArmorProfile", "type"), _one_of(*_PROFILES), _PROFILES_WORDS),
    "appArmorAnnotations": Control(
        (("metadata", "annotations", "container.apparmor.security.beta.kubernetes.io/*"),),
        _app_armor,
        "runtime/default or localhost/*",
    ),
    "seLinuxTypes": Control(
        _contexts("seLinuxOptions", "type"),
        _one_of("", *_SE_LINUX_TYPES),
        ", ".join(_SE_LINUX_TYPES),
    ),
    "seLinux": Control(
        (*_contexts("seLinuxOptions", "user"), *_contexts("seLinuxOptions", "role")),
        _one_of(""),
        _EMPTY,
    ),
    "procMount": Control(_PROC_MOUNT, _one_of("Default"), "Default", host_users=True),
    "seccomp": Control(_contexts(*_SECCOMP), _one_of(*_PROFILES), _PROFILES_WORDS),
    "sysctls": Control(
        ((*_POD, "sysctls", "[*]", "name"),), _one_of(*_SYSCTLS), ", ".join(_SYSCTLS)
    ),
}
_RESTRICTED: Mapping[str, Control] = {
    **{
        name: control
        for name, control in _BASELINE.items()
        if name not in {"capabilities", "hostPath", "procMount", "seccomp"}
    },
    "volumes": Control(
        (("spec", "volumes", "[*]", "{*}"),), _one_of(*_VOLUMES), ", ".join(_VOLUMES)
    ),
    "privilegeEscalation": Control(
        _containers(_CONTEXT, "allowPrivilegeEscalation"), _OFF, "false", required=True, linux=True
    ),
    "runAsNonRoot": Control(
        _containers(_CONTEXT, "runAsNonRoot"),
        _ON,
        "true, on the container or on the pod",
        from_pod=(*_POD, "runAsNonRoot"),
        host_users=True,
    ),
    "runAsUser": Control(
        _contexts("runAsUser"),
        lambda value: type(value) is int and value != 0,
        "a non-zero number or unset",
        host_users=True,
    ),
    "seccomp": Control(
        _containers(_CONTEXT, *_SECCOMP),
        _one_of(*_PROFILES),
        f"{_PROFILES_WORDS}, on the container or on the pod",
        from_pod=(*_POD, *_SECCOMP),
        linux=True,
    ),
    "addedCapabilities": Control(_ADD, _one_of("NET_BIND_SERVICE"), "NET_BIND_SERVICE", linux=True),
    "droppedCapabilities": Control(
        _containers(_CONTEXT, "capabilities", "drop"),
        lambda value: isinstance(value, list) and "ALL" in value,
        "a list that contains ALL",
        required=True,
        linux=True,
    ),
    "procMount": Control(_PROC_MOUNT, _one_of("Default"), "Default"),
}
LEVELS: Mapping[str, Mapping[str, Control]] = {
    "privileged": {},
    "baseline": _BASELINE,
    "restricted": _RESTRICTED,
}


def pod_security_violations(template: Mapping[str, Json], place: str, level: str) -> Iterator[str]:
    """The violations of a level: each path, its value and what the level allows.

    `template` has the pod's `metadata` and `spec`; `place` is its path in the object, empty for a
    Pod. Raises KeyError for a level that Kubernetes does not define.
    """
    root = dict(template)
    windows = _at(root, ("spec", "os", "name")) == "windows"
    user_namespace = _at(root, ("spec", "hostUsers")) is False
    for control in LEVELS[level].values():
        if (control.linux and windows) or (control.host_users and user_namespace):
            continue
        for path, value in _failures(root, control):
            where = f"{place}.{path}" if place else path
            yield (
                f"{where} is {_shown(value)}; Pod Security level {level} allows only "
                f"{control.words}"
            )


def _failures(root: Json, control: Control) -> Iterator[tuple[str, Json]]:
    inherited = None
    if control.from_pod is not None:
        inherited = _at(root, control.from_pod)
        if inherited is not None and not control.allowed(inherited):
            yield ".".join(control.from_pod), inherited
    required = control.required or (control.from_pod is not None and inherited is None)
    for path in control.paths:
        for where, value in _walk(root, path, ""):
            if (required or value is not None) and not control.allowed(value):
                yield where, value


def _walk(value: Json, path: Path, where: str) -> Iterator[tuple[str, Json]]:
    """Every value at a path; None where it is absent, the value itself where its type differs."""
    form = list if path[:1] == ("[*]",) else dict
    if not path or not (value is None or isinstance(value, form)):
        yield where, value
        return
    for there, child in _children(value, path[0], where):
        yield from _walk(child, path[1:], there)


def _children(value: Json, key: str, where: str) -> Iterator[tuple[str, Json]]:
    match value:
        case list():
            yield from ((f"{where}[{index}]", item) for index, item in enumerate(value))
        case dict() if key == "{*}":
            types = sorted(name for name in value if name != "name" and value[name] is not None)
            yield from ((where, name) for name in types)
        case dict() if key.endswith("/*"):
            names = sorted(name for name in value if name.startswith(key[:-1]))
            yield from ((f"{where}['{name}']", value[name]) for name in names)
        case dict():
            yield (f"{where}.{key}" if where else key), value.get(key)
        case _:
            if not key.endswith(("*]", "*}", "/*")):
                yield (f"{where}.{key}" if where else key), None


def _at(value: Json, path: Path) -> Json:
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _shown(value: Json) -> str:
    match value:
        case None:
            return "not set"
        case bool():
            return "true" if value else "false"
        case dict():
            return "a mapping"
        case list():
            names = [each for each in value if isinstance(each, str)]
            return ", ".join(names)[:_SHOWN] or "a list"
        case _:
            return str(value)[:_SHOWN] or "empty"
