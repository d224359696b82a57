"""Changes of objects in words, and what deserves a second look."""

import pytest

from bot.wording import changes as words
from renderers.diff.fields import FileDocument, ObjectChange, compare_objects
from renderers.diff.risks import Risk, risks_of, severity, split_image
from renderers.diff.unified import compare

DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  annotations: {{{annotations}}}
spec:
  replicas: {replicas}
  template:
    spec:
      initContainers: [{init}]
      containers:
        - name: web
          image: {image}
          ports: [{ports}]
          env: [{env}]
          args: [{args}]
      volumes: [{volumes}]
"""
DEFAULTS = {
    "annotations": "",
    "replicas": "2",
    "init": "",
    "image": "example.com/web:1.4.2",
    "ports": "",
    "env": "",
    "args": "",
    "volumes": "",
}


def web(**fields: str) -> str:
    return DEPLOYMENT.format(**{**DEFAULTS, **fields})


def lines(changes: tuple[ObjectChange, ...]) -> list[str]:
    return [str(each) for each in words.lines(changes)]


def title(changes: tuple[ObjectChange, ...]) -> str:
    return str(words.title(changes))


def found(old: str | None, new: str | None, path: str = "x.yaml") -> tuple[ObjectChange, ...]:
    sides = (each.encode() if each is not None else None for each in (old, new))
    compared = compare(path, *sides)
    return compare_objects(
        [FileDocument(path, each) for each in compared.before],
        [FileDocument(path, each) for each in compared.after],
    )


FIELDS = {
    "image": ({"image": "example.com/web:1.5.0"}, "containers[web].image 1.4.2 -> 1.5.0"),
    "image elsewhere": (
        {"image": "other.com/web:1.4.2"},
        "containers[web].image example.com/web:1.4.2 -> other.com/web:1.4.2",
    ),
    "image without a tag": (
        {"image": "example.com/web"},
        "containers[web].image example.com/web:1.4.2 -> example.com/web",
    ),
    "image by digest": (
        {"image": "example.com/web:1.4.2@sha256:abc"},
        "containers[web].image example.com/web:1.4.2 -> example.com/web:1.4.2@sha256:abc",
    ),
    "replicas": ({"replicas": "0"}, "replicas 2 -> 0"),
    "port added": ({"ports": "{containerPort: 80}"}, "containers[web].ports[80] added"),
    "variable added": (
        {"env": "{name: LOG, value: debug}"},
        "containers[web].env[LOG] added",
    ),
    "volume": (
        {"volumes": "{name: tmp, emptyDir: {}}"},
        "volumes[tmp] added",
    ),
    "argument": ({"args": "--fast, -v"}, "containers[web].args +--fast +-v"),
    "annotation": ({"annotations": "a.b/c: x"}, "metadata.annotations[a.b/c] added: x"),
}


@pytest.mark.parametrize(("fields", "said"), FIELDS.values(), ids=FIELDS)
def test_a_field_in_words(fields: dict[str, str], said: str) -> None:
    assert lines(found(web(), web(**fields))) == [f"Deployment web: {said}"]


def test_long_values_are_cut_where_they_differ() -> None:
    old, new = (web(image=f"example.com/web:1@sha256:{'0' * 60}{end}") for end in ("aaaa", "bbbb"))

    assert lines(found(old, new)) == [
        (
            "Deployment web: containers[web].image "
            "\u2026000000000000000000000000000000aaaa -> \u2026000000000000000000000000000000bbbb"
        )
    ]


@pytest.mark.parametrize("fields", [each for each, _ in FIELDS.values()], ids=FIELDS)
def test_the_way_back_is_one_line_too(fields: dict[str, str]) -> None:
    assert len(lines(found(web(**fields), web()))) == 1


def test_items_are_matched_by_merge_key_wherever_they_stand() -> None:
    old = web(ports="{containerPort: 80, name: a}, {containerPort: 81, name: b}")
    new = web(ports="{containerPort: 82, name: c}, {containerPort: 80, name: a2}")

    assert lines(found(old, new)) == [
        "Deployment web: containers[web].ports[82] added",
        "Deployment web: containers[web].ports[80].name a -> a2",
        "Deployment web: containers[web].ports[81] removed",
    ]


def test_an_order_that_changed_is_told() -> None:
    one, two = "{name: a, image: x}", "{name: b, image: x}"

    assert lines(found(web(init=f"{one}, {two}"), web(init=f"{two}, {one}"))) == [
        "Deployment web: initContainers (order) a, b -> b, a"
    ]


def test_items_that_nothing_tells_apart_count() -> None:
    both = "{containerPort: 53, protocol: TCP}, {containerPort: 53, protocol: UDP}"

    assert lines(found(web(), web(ports=both))) == [
        "Deployment web: containers[web].ports changed (0 -> 2 items)"
    ]


@pytest.mark.parametrize(
    "annotations",
    ["checksum/config: abc", "example.com/config-hash: abc", "checksum: abc"],
)
def test_checksums_are_left_out(annotations: str) -> None:
    changes = found(web(), web(annotations=annotations))

    assert lines(changes) == ["Deployment web: only generated fields differ"]
    assert title(changes) == "only generated fields"


def test_server_side_fields_are_left_out() -> None:
    new = web().replace("  name: web\n", "  name: web\n  uid: x\n  generation: 3\n", 1)

    assert lines(found(web(), f"{new}status: {{replicas: 1}}\n")) == [
        "Deployment web: only generated fields differ"
    ]


def config(name: str, value: str, kind: str = "ConfigMap") -> str:
    return f"apiVersion: v1\nkind: {kind}\nmetadata: {{name: {name}}}\ndata: {{level: {value}}}\n"


def test_a_generated_name_that_changed_is_no_deletion() -> None:
    refers = "---\n" + web(env="{name: A, valueFrom: {configMapKeyRef: {name: NAME, key: a}}}")
    old, new = "app-6kg2m5f4hb", "app-2tbhmdckf9"

    changes = found(
        config(old, "info") + refers.replace("NAME", old),
        config(new, "debug") + refers.replace("NAME", new),
    )

    assert lines(changes) == [
        "ConfigMap app: data.level info -> debug",
        "Deployment web: only generated fields differ",
    ]
    assert {risk for each in changes for risk in risks_of(each)} == set()


def test_values_of_secrets_are_told_without_the_value() -> None:
    changes = found(config("a", "b25l", "Secret"), config("a", "dHdv", "Secret"))

    assert lines(changes) == ["Secret a: data.level changed (not shown)"]
    assert title(changes) == "level changed (not shown)"


def test_a_text_of_many_lines_is_counted() -> None:
    old, new = (config("a", f'"{each}"') for each in ("a\\nb", "a\\nb\\nc"))

    assert lines(found(old, new)) == ["ConfigMap a: data.level changed (2 -> 3 lines)"]


def test_objects_in_lists_and_several_documents() -> None:
    item = "{apiVersion: v1, kind: ConfigMap, metadata: {name: b}}"
    text = f"apiVersion: v1\nkind: List\nitems: [{item}]\n---\n{config('a', 'x')}"

    assert lines(found(None, text)) == ["ConfigMap a: created", "ConfigMap b: created"]


def test_what_is_no_object_goes_by_its_file() -> None:
    assert lines(found("a: 1\n", "a: 2\n", "values.yaml")) == ["values.yaml: a 1 -> 2"]
    assert lines(found("- 1\n", "- 2\n", "values.yaml")) == ["values.yaml: [] -1 +2"]


def test_what_cannot_be_read_is_told_without_its_content() -> None:
    assert lines(found("\ta: [", "\tb: [", "odd.yaml")) == ["odd.yaml: content changed (not shown)"]


def test_created_and_deleted_objects() -> None:
    assert lines(found(None, web())) == ["Deployment web: created, image example.com/web:1.4.2"]
    assert lines(found(web(), None)) == ["Deployment web: deleted"]
    assert title(found(web(), None)) == "1 object deleted"


def test_a_title_is_short_and_counts_equal_changes() -> None:
    old = "---\n".join(web().replace("name: web", f"name: w{n}", 1) for n in range(3))
    new = old.replace("1.4.2", "1.5.0").replace("replicas: 2", "replicas: 3", 1)

    assert title(found(old, new)) == "image 1.4.2 -> 1.5.0 (3 times), replicas 2 -> 3"


def thing(kind: str, version: str = "v1") -> str:
    return f"apiVersion: {version}\nkind: {kind}\nmetadata: {{name: x}}\nspec: {{a: VALUE}}\n"


MOUNT = "{name: s, secret: {secretName: NAME}}"
RISKS = {
    "a new version": (web(), web(image="example.com/web:1.5.0"), set()),
    "a new major version": (web(), web(image="example.com/web:2.0.0"), {Risk.IMAGE_MAJOR}),
    "another image": (web(), web(image="example.com/other:2.0.0"), set()),
    "no version": (web(image="a:latest"), web(image="a:stable"), set()),
    "v2": (web(image="a:v1.9"), web(image="a:v2.0"), {Risk.IMAGE_MAJOR}),
    "to zero": (web(), web(replicas="0"), {Risk.SCALE_TO_ZERO}),
    "from zero": (web(replicas="0"), web(), set()),
    "still zero": (web(replicas="0"), web(replicas="0", args="x"), set()),
    "deletion": (web(), None, {Risk.DELETION}),
    "creation": (None, web(), set()),
    "role": (None, thing("Role", "rbac.authorization.k8s.io/v1"), {Risk.RBAC}),
    "namespace": (None, thing("Namespace"), {Risk.NAMESPACE}),
    "crd": (
        thing("CustomResourceDefinition", "apiextensions.k8s.io/v1"),
        None,
        {Risk.CRD, Risk.DELETION},
    ),
    "a new secret": (web(), web(volumes=MOUNT), {Risk.SECRET}),
    "another secret": (
        web(volumes=MOUNT),
        web(volumes=MOUNT.replace("NAME", "b")),
        {Risk.SECRET},
    ),
    "the same secret": (web(volumes=MOUNT), web(volumes=MOUNT, args="x"), set()),
    "secret in a variable": (
        web(),
        web(env="{name: A, valueFrom: {secretKeyRef: {name: s, key: k}}}"),
        {Risk.SECRET},
    ),
}


@pytest.mark.parametrize(("old", "new", "expected"), RISKS.values(), ids=RISKS)
def test_risks(old: str | None, new: str | None, expected: set[Risk]) -> None:
    assert {risk for each in found(old, new) for risk in risks_of(each)} == expected


def test_the_worst_risks_come_first() -> None:
    sets = [frozenset[Risk](), frozenset({Risk.SECRET}), frozenset({Risk.DELETION, Risk.SECRET})]

    assert sorted(sets, key=severity) == sets[::-1]


@pytest.mark.parametrize(
    ("reference", "parts"),
    [
        ("web", ("web", "")),
        ("web:1", ("web", "1")),
        ("localhost:5000/web", ("localhost:5000/web", "")),
        ("localhost:5000/web:1", ("localhost:5000/web", "1")),
        ("web@sha256:a", ("web", "sha256:a")),
        ("web:1@sha256:a", ("web", "1")),
    ],
)
def test_images_have_a_name_and_a_tag(reference: str, parts: tuple[str, str]) -> None:
    assert split_image(reference) == parts
