"""EMCO's examples of its generic action controller (B1 to B10), as they should have been."""

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bot.engine.propose import Proposal
from renderers import yaml
from tests.fakes.folders import (
    application,
    cluster,
    deployment,
    planned,
    policy,
    registration,
    tenant,
)

FLEET = {
    **cluster("edge-1", "tier: edge, size: small", values="{db: db-1.example.com, port: 5432}"),
    **cluster("edge-2", "tier: edge, size: big", values="{db: db-2.example.com, port: 6432}"),
    **tenant(),
    **registration(),
}
NETWORK_POLICY = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: netpol}
spec:
  podSelector: {matchLabels: {role: db}}
  policyTypes: [Ingress]
"""
ETCD = """\
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: etcd}
spec:
  replicas: 3
  serviceName: etcd
  selector: {matchLabels: {app: etcd}}
  template:
    metadata: {labels: {app: etcd}}
    spec:
      containers:
        - {name: etcd, image: "registry.example.com/etcd:3.6"}
"""


def run(
    folder: Path,
    customizations: str,
    extra: Mapping[str, str | bytes] | None = None,
    fleet: Mapping[str, str | bytes] = FLEET,
) -> Proposal:
    spec = f"""
components:
  - {{name: web, source: {{manifests: web}}}}
placement:
  - {{components: [web], allOf: [{{matchLabels: {{tier: edge}}}}]}}
customizations:
{customizations}"""
    files = {
        **application(spec),
        "web/web.yaml": deployment("web"),
        "web/etcd.yaml": ETCD,
        **(extra or {}),
    }
    return planned(folder, files, fleet)


def said(proposal: Proposal) -> list[str]:
    return [str(problem) for problem in proposal.problems]


def files_of(proposal: Proposal, cluster: str) -> dict[str, Any]:
    """File name -> parsed object, of what a cluster gets."""
    assert not proposal.problems, said(proposal)
    return {
        path.rpartition("/")[2]: yaml.load_documents(content)[0].value
        for path, content in proposal.trees[cluster].items()
        if "/apps/" in path
    }


def test_b1_a_new_object_from_a_template_on_all_clusters(tmp_path: Path) -> None:
    made = run(
        tmp_path,
        "  - {name: netpol, components: [web], template: extra/netpol.yaml}",
        {"extra/netpol.yaml": NETWORK_POLICY},
    )

    for name in ("edge-1", "edge-2"):
        found = files_of(made, name)["networkpolicy-netpol.yaml"]
        assert found["spec"]["podSelector"] == {"matchLabels": {"role": "db"}}
        assert found["metadata"]["namespace"] == "shop"


def test_b2_a_new_object_and_a_json_patch_of_it(tmp_path: Path) -> None:
    made = run(
        tmp_path,
        """\
  - {name: netpol, components: [web], template: extra/netpol.yaml}
  - name: netpol-database
    components: [web]
    clusters: {names: [edge-2]}
    target: {kind: NetworkPolicy, name: netpol}
    jsonPatch: [{op: replace, path: /spec/podSelector/matchLabels/role, value: database}]""",
        {"extra/netpol.yaml": NETWORK_POLICY},
    )

    roles = [
        files_of(made, name)["networkpolicy-netpol.yaml"]["spec"]["podSelector"]["matchLabels"]
        for name in ("edge-1", "edge-2")
    ]
    assert roles == [{"role": "db"}, {"role": "database"}]


def test_b3_a_config_map_template_with_a_data_file_keyed_by_its_name(tmp_path: Path) -> None:
    made = run(
        tmp_path,
        """\
  - {name: game, components: [web], template: extra/game.yaml}
  - name: game-data
    components: [web]
    configMap: {name: cm-game, files: [{file: data/game.properties}]}""",
        {
            "extra/game.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: cm-game}\n",
            "data/game.properties": "lives=3\n",
        },
    )

    assert files_of(made, "edge-1")["configmap-cm-game.yaml"]["data"] == {
        "game.properties": "lives=3\n"
    }


def test_b4_template_patch_and_two_files_with_keys_of_their_own_compose(tmp_path: Path) -> None:
    made = run(
        tmp_path,
        """\
  - {name: team, components: [web], template: extra/team.yaml}
  - name: team-data
    components: [web]
    configMap:
      name: cm-team
      files: [{file: data/a.txt, key: first}, {file: data/b.bin, key: second}]
  - name: team-size
    components: [web]
    target: {kind: ConfigMap, name: cm-team}
    jsonPatch: [{op: replace, path: /data/team_size, value: "10"}]""",
        {
            "extra/team.yaml": (
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: cm-team}\n"
                'data: {team_size: "5", lead: ada}\n'
            ),
            "data/a.txt": "one\n",
            "data/b.bin": b"\xff\x00",
        },
    )

    found = files_of(made, "edge-1")["configmap-cm-team.yaml"]
    assert found["data"] == {"team_size": "10", "lead": "ada", "first": "one\n"}
    assert found["binaryData"] == {"second": base64.b64encode(b"\xff\x00").decode()}


SECRET = "  - {name: user, components: [web], secret: {name: user, files: [{file: data/password}]}}"


def test_b5_a_secret_from_a_file_never_reaches_a_deploy_repo_unencrypted(tmp_path: Path) -> None:
    made = run(tmp_path, SECRET, {"data/password": "correct horse"})

    assert "Secret/user contains plaintext values" in said(made)[0]
    assert "correct horse" not in str(made)
    assert made.trees == {}


def test_b5_a_policy_may_allow_plain_secrets_of_a_named_tenant(tmp_path: Path) -> None:
    fleet = {**FLEET, **policy("plaintextSecrets: [shop]")}
    made = run(tmp_path, SECRET, {"data/password": "correct horse"}, fleet)

    found = files_of(made, "edge-1")["secret-user.yaml"]
    assert base64.b64decode(found["data"]["password"]) == b"correct horse"


def test_b6_a_patch_by_labels_reaches_matching_clusters_only(tmp_path: Path) -> None:
    made = run(
        tmp_path,
        """\
  - name: small
    components: [web]
    clusters: {matchLabels: {size: small}}
    target: {kind: StatefulSet, name: etcd}
    jsonPatch: [{op: replace, path: /spec/replicas, value: 1}]""",
    )

    replicas = [
        files_of(made, name)["statefulset-etcd.yaml"]["spec"]["replicas"]
        for name in ("edge-1", "edge-2")
    ]
    assert replicas == [1, 3]


def test_b8_values_of_the_cluster_are_filled_in_and_pinned(tmp_path: Path) -> None:
    made = run(
        tmp_path,
        """\
  - name: database
    components: [web]
    target: {kind: Deployment, name: web}
    strategicMerge:
      metadata: {annotations: {site: "${cluster.name} in ${cluster.labels.size} $${cluster.name}"}}
      spec:
        template:
          spec:
            containers:
              - name: web
                env:
                  - {name: DB, value: "${cluster.values.db}"}
                  - {name: ZONE, value: "${cluster.values.zone:-none}"}
                ports: [{containerPort: "${cluster.values.port}"}]
  - {name: script, components: [web], configMap: {name: script, files: [{file: data/run.sh}]}}""",
        {"data/run.sh": "echo ${HOME} ${cluster.name}\n"},
    )

    found = files_of(made, "edge-2")
    web = found["deployment-web.yaml"]
    container = web["spec"]["template"]["spec"]["containers"][0]
    assert web["metadata"]["annotations"]["site"] == "edge-2 in big ${cluster.name}"
    assert container["env"] == [
        {"name": "DB", "value": "db-2.example.com"},
        {"name": "ZONE", "value": "none"},
    ]
    assert container["ports"] == [{"containerPort": 6432}]
    assert found["configmap-script.yaml"]["data"]["run.sh"] == "echo ${HOME} edge-2\n"


def test_b8_an_unknown_value_is_reported_with_file_line_and_cluster(tmp_path: Path) -> None:
    made = run(
        tmp_path,
        """\
  - name: database
    components: [web]
    target: {kind: Deployment, name: web}
    mergePatch: {metadata: {annotations: {zone: "${cluster.values.zone}"}}}""",
    )

    assert said(made) == [
        (
            "switchyard.yaml:11:7: customisation database: cluster edge-1 has no value 'zone'; "
            "add it, or write a default: ${cluster.values.zone:-...} [on edge-1]"
        )
    ]


def test_b9_containers_are_merged_not_replaced(tmp_path: Path) -> None:
    made = run(
        tmp_path,
        """\
  - name: sidecar
    components: [web]
    target: {kind: Deployment, name: web}
    strategicMerge:
      spec: {template: {spec: {containers: [{name: redis, image: "registry.example.com/redis:8"}]}}}
  - name: aliases
    components: [web]
    target: {kind: StatefulSet, name: etcd}
    strategicMerge:
      spec: {template: {spec: {hostAliases: [{ip: 127.0.0.1, hostnames: [foo.local]}]}}}""",
    )

    found = files_of(made, "edge-1")
    containers = found["deployment-web.yaml"]["spec"]["template"]["spec"]["containers"]
    assert {each["name"] for each in containers} == {"web", "redis"}
    pod = found["statefulset-etcd.yaml"]["spec"]["template"]["spec"]
    assert pod["hostAliases"] == [{"ip": "127.0.0.1", "hostnames": ["foo.local"]}]
    assert [each["name"] for each in pod["containers"]] == ["etcd"]


def test_b10_a_patch_applies_to_all_but_excluded_clusters(tmp_path: Path) -> None:
    made = run(
        tmp_path,
        """\
  - name: most
    components: [web]
    except: {names: [edge-1]}
    target: {kind: Deployment, name: web}
    mergePatch: {spec: {replicas: 7}}""",
    )

    replicas = [
        files_of(made, name)["deployment-web.yaml"]["spec"]["replicas"]
        for name in ("edge-1", "edge-2")
    ]
    assert replicas == [1, 7]


def test_conflicting_customisations_are_reported_with_both_positions(
    tmp_path: Path,
) -> None:
    made = run(
        tmp_path,
        """\
  - name: seven
    components: [web]
    target: {kind: Deployment, name: web}
    mergePatch: {spec: {replicas: 7}}
  - name: eight
    components: [web]
    clusters: {matchLabels: {size: big}}
    target: {kind: Deployment, name: web}
    jsonPatch: [{op: replace, path: /spec/replicas, value: 8}]""",
    )

    assert said(made) == [
        (
            "switchyard.yaml:15:7: customisation eight: sets spec.replicas of Deployment/web, "
            "which customisation seven (switchyard.yaml:11:7) sets to another value [on edge-2]"
        )
    ]


def test_customisations_that_add_to_the_same_lists_compose(tmp_path: Path) -> None:
    made = run(
        tmp_path,
        """\
  - name: one
    components: [web]
    target: {kind: Deployment, name: web}
    jsonPatch: [{op: add, path: /spec/template/spec/containers/0/args, value: [--one]}]
  - name: two
    components: [web]
    target: {kind: Deployment, name: web}
    jsonPatch: [{op: add, path: /spec/template/spec/containers/0/args/0, value: --two}]
  - name: three
    components: [web]
    target: {kind: Deployment, name: web}
    strategicMerge: {spec: {template: {spec: {containers: [{name: web, tty: true}]}}}}""",
    )

    container = files_of(made, "edge-1")["deployment-web.yaml"]["spec"]["template"]["spec"]
    assert container["containers"][0]["args"] == ["--two", "--one"]
    assert container["containers"][0]["tty"] is True


def test_a_missing_path_is_reported_with_file_line_and_cluster(tmp_path: Path) -> None:
    made = run(
        tmp_path,
        """\
  - name: lost
    components: [web]
    target: {kind: Deployment, name: web}
    jsonPatch: [{op: replace, path: /spec/paused/x, value: 8}]""",
    )

    assert len(made.problems) == 1
    assert said(made)[0].startswith(
        "switchyard.yaml:11:7: customisation lost: operation 1 (replace /spec/paused/x)"
    )
    assert said(made)[0].endswith("[on edge-1]")


def test_a_patch_that_doubles_is_reported_with_its_place(tmp_path: Path) -> None:
    where = "/spec/template/spec/containers"
    operations = f"\n      - {{op: copy, from: {where}, path: {where}/-}}" * 40
    proposal = run(
        tmp_path,
        "  - name: bomb\n    components: [web]\n    target: {kind: Deployment, name: web}\n"
        f"    jsonPatch:{operations}",
    )
    (problem,) = said(proposal)
    assert problem.startswith("switchyard.yaml:11:7: customisation bomb: operation ")
    assert "the patch copies or compares more than 200000 values" in problem
