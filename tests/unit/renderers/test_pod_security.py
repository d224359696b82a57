"""The Pod Security Standards, control by control, as Kubernetes documents them."""

from typing import Any

import pytest

from renderers.policy.pod_security import pod_security_violations

HARDENED: dict[str, Any] = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}


def pod(spec: dict[str, Any] | None = None, **container: Any) -> dict[str, Any]:
    """A pod with one container; `container` adds to it, `spec` to the pod."""
    return {
        "spec": {"containers": [{"name": "main", "image": "app:1", **container}], **(spec or {})}
    }


def context(**fields: Any) -> dict[str, Any]:
    return pod(securityContext=fields)


def hardened(spec: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    return pod(spec, securityContext={**HARDENED, **fields})


def refused(found: dict[str, Any], level: str) -> list[str]:
    return list(pod_security_violations(found, "", level))


EVERYTHING = pod(
    {
        "hostNetwork": True,
        "hostPID": True,
        "volumes": [{"name": "root", "hostPath": {"path": "/"}}],
    },
    securityContext={"privileged": True, "capabilities": {"add": ["SYS_ADMIN"]}},
)


def test_privileged_allows_everything() -> None:
    assert refused(EVERYTHING, "privileged") == []


def test_a_violation_names_path_value_and_allowed_values() -> None:
    place = "spec.jobTemplate.spec.template"

    assert list(pod_security_violations(EVERYTHING, place, "baseline")) == [
        "spec.jobTemplate.spec.template.spec.hostNetwork is true; Pod Security level baseline allows only false or unset",
        "spec.jobTemplate.spec.template.spec.hostPID is true; Pod Security level baseline allows only false or unset",
        "spec.jobTemplate.spec.template.spec.containers[0].securityContext.privileged is true; Pod Security level baseline allows only false or unset",
        "spec.jobTemplate.spec.template.spec.containers[0].securityContext.capabilities.add[0] is SYS_ADMIN; Pod Security level baseline allows only AUDIT_WRITE, CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, MKNOD, NET_BIND_SERVICE, SETFCAP, SETGID, SETPCAP, SETUID, SYS_CHROOT",
        "spec.jobTemplate.spec.template.spec.volumes[0].hostPath is a mapping; Pod Security level baseline allows only unset",
    ]


BASELINE_REFUSES = [
    (pod({"hostNetwork": True}), "spec.hostNetwork is true"),
    (pod({"hostPID": True}), "spec.hostPID is true"),
    (pod({"hostIPC": True}), "spec.hostIPC is true"),
    (pod({"hostIPC": "true"}), "spec.hostIPC is true"),
    (
        pod({"securityContext": {"windowsOptions": {"hostProcess": True}}}),
        "spec.securityContext.windowsOptions.hostProcess is true",
    ),
    (
        context(windowsOptions={"hostProcess": True}),
        "spec.containers[0].securityContext.windowsOptions.hostProcess is true",
    ),
    (
        pod({"initContainers": [{"securityContext": {"privileged": True}}]}),
        "spec.initContainers[0].securityContext.privileged is true",
    ),
    (
        pod({"ephemeralContainers": [{"securityContext": {"privileged": True}}]}),
        "spec.ephemeralContainers[0].securityContext.privileged is true",
    ),
    (
        context(capabilities={"add": ["CHOWN", "NET_RAW"]}),
        "spec.containers[0].securityContext.capabilities.add[1] is NET_RAW",
    ),
    (pod(ports=[{"hostPort": 80}]), "spec.containers[0].ports[0].hostPort is 80"),
    (
        pod(livenessProbe={"httpGet": {"host": "10.0.0.1"}}),
        "spec.containers[0].livenessProbe.httpGet.host is 10.0.0.1",
    ),
    (
        pod(lifecycle={"preStop": {"tcpSocket": {"host": "node"}}}),
        "spec.containers[0].lifecycle.preStop.tcpSocket.host is node",
    ),
    (
        context(appArmorProfile={"type": "Unconfined"}),
        "spec.containers[0].securityContext.appArmorProfile.type is Unconfined",
    ),
    (
        context(seLinuxOptions={"type": "spc_t"}),
        "spec.containers[0].securityContext.seLinuxOptions.type is spc_t",
    ),
    (
        pod({"securityContext": {"seLinuxOptions": {"user": "root"}}}),
        "spec.securityContext.seLinuxOptions.user is root",
    ),
    (
        context(seLinuxOptions={"role": "admin"}),
        "spec.containers[0].securityContext.seLinuxOptions.role is admin",
    ),
    (context(procMount="Unmasked"), "spec.containers[0].securityContext.procMount is Unmasked"),
    (
        context(seccompProfile={"type": "Unconfined"}),
        "spec.containers[0].securityContext.seccompProfile.type is Unconfined",
    ),
    (
        pod({"securityContext": {"sysctls": [{"name": "kernel.msgmax", "value": "1"}]}}),
        "spec.securityContext.sysctls[0].name is kernel.msgmax",
    ),
    (pod({"containers": {"main": {}}}), "spec.containers is a mapping"),
]


@pytest.mark.parametrize("level", ["baseline", "restricted"])
@pytest.mark.parametrize(("found", "start"), BASELINE_REFUSES)
def test_both_levels_refuse_what_baseline_refuses(
    found: dict[str, Any], start: str, level: str
) -> None:
    assert any(
        message.startswith(f"{start}; Pod Security level ") for message in refused(found, level)
    )


def test_annotations_of_app_armor_are_checked() -> None:
    key = "container.apparmor.security.beta.kubernetes.io/main"
    found = {**pod(), "metadata": {"annotations": {key: "unconfined", "other": "unconfined"}}}

    assert refused(found, "baseline") == [
        f"metadata.annotations['{key}'] is unconfined; Pod Security level baseline allows only runtime/default or localhost/*"
    ]


@pytest.mark.parametrize(
    "found",
    [
        pod(),
        pod({"hostNetwork": False, "hostPID": None}),
        context(privileged=False, capabilities={"add": ["CHOWN"]}, procMount="Default"),
        context(procMount="Unmasked") | {"spec": {"hostUsers": False, "containers": []}},
        pod(ports=[{"containerPort": 80, "hostPort": 0}, {"containerPort": 81}]),
        pod(livenessProbe={"httpGet": {"host": "", "port": 80}}),
        context(seLinuxOptions={"type": "container_engine_t", "level": "s0:c1"}),
        pod({"securityContext": {"sysctls": [{"name": "net.ipv4.tcp_rmem", "value": "1"}]}}),
        pod({"volumes": [{"name": "a", "nfs": {"server": "a", "path": "/"}}]}),
        context(runAsUser=0),
    ],
)
def test_baseline_allows_the_rest(found: dict[str, Any]) -> None:
    assert refused(found, "baseline") == []


def test_baseline_allows_unmasked_proc_in_user_namespaces_and_restricted_does_not() -> None:
    found = hardened({"hostUsers": False}, procMount="Unmasked")

    assert refused(found, "baseline") == []
    assert refused(found, "restricted") == [
        "spec.containers[0].securityContext.procMount is Unmasked; Pod Security level restricted allows only Default"
    ]


def test_restricted_reports_all_missing_settings() -> None:
    assert refused(pod(), "restricted") == [
        "spec.containers[0].securityContext.allowPrivilegeEscalation is not set; Pod Security level restricted allows only false",
        "spec.containers[0].securityContext.runAsNonRoot is not set; Pod Security level restricted allows only true, on the container or on the pod",
        "spec.containers[0].securityContext.seccompProfile.type is not set; Pod Security level restricted allows only RuntimeDefault or Localhost, on the container or on the pod",
        "spec.containers[0].securityContext.capabilities.drop is not set; Pod Security level restricted allows only a list that contains ALL",
    ]


@pytest.mark.parametrize(
    ("found", "start"),
    [
        (
            hardened({"volumes": [{"name": "a", "nfs": {"server": "a", "path": "/"}}]}),
            "spec.volumes[0] is nfs",
        ),
        (
            hardened({"volumes": [{"name": "a", "hostPath": {"path": "/"}}]}),
            "spec.volumes[0] is hostPath",
        ),
        (hardened(runAsUser=0), "spec.containers[0].securityContext.runAsUser is 0"),
        (
            hardened({"securityContext": {"runAsUser": 0}}),
            "spec.securityContext.runAsUser is 0",
        ),
        (
            hardened({"securityContext": {"runAsNonRoot": False}}),
            "spec.securityContext.runAsNonRoot is false",
        ),
        (hardened(runAsNonRoot=False), "spec.containers[0].securityContext.runAsNonRoot is false"),
        (
            hardened(capabilities={"drop": ["NET_RAW"]}),
            "spec.containers[0].securityContext.capabilities.drop is NET_RAW",
        ),
        (
            hardened(capabilities={"drop": ["ALL"], "add": ["CHOWN"]}),
            "spec.containers[0].securityContext.capabilities.add[0] is CHOWN",
        ),
        (
            hardened(allowPrivilegeEscalation=True),
            "spec.containers[0].securityContext.allowPrivilegeEscalation is true",
        ),
        (
            hardened(seccompProfile={"type": "Unconfined"}),
            "spec.containers[0].securityContext.seccompProfile.type is Unconfined",
        ),
    ],
)
def test_restricted_rejects_more_than_baseline(found: dict[str, Any], start: str) -> None:
    messages = refused(found, "restricted")

    assert [message.partition(";")[0] for message in messages] == [start]


def test_restricted_accepts_settings_of_the_pod_for_its_containers() -> None:
    found = pod(
        {"securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "Localhost"}}},
        securityContext={"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    )

    assert refused(found, "restricted") == []


def test_restricted_applies_linux_controls_only_to_linux_pods() -> None:
    assert refused(pod({"os": {"name": "windows"}}), "restricted") == [
        "spec.containers[0].securityContext.runAsNonRoot is not set; Pod Security level restricted allows only true, on the container or on the pod"
    ]


def test_restricted_allows_root_in_a_user_namespace() -> None:
    found = hardened({"hostUsers": False}, runAsNonRoot=False, runAsUser=0)

    assert refused(found, "restricted") == []


@pytest.mark.parametrize(
    "kind",
    ["configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image", "projected", "secret"],
)
def test_restricted_allows_volumes_of_core_types(kind: str) -> None:
    assert refused(hardened({"volumes": [{"name": "a", kind: {}}]}), "restricted") == []


def test_long_values_are_truncated() -> None:
    (message,) = refused(pod(livenessProbe={"httpGet": {"host": "x" * 999}}), "baseline")

    assert len(message) < 200
