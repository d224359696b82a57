"""Diffs never show a secret, in whatever disguise; everything else to the letter."""

import pytest

from renderers.agents import KEPT
from renderers.diff.unified import compare

VALUE = "aHVudGVyMg=="
SECRET = f"apiVersion: v1\nkind: Secret\nmetadata: {{name: s}}\ndata: {{key: {VALUE}}}\n"
LISTED = f"""\
apiVersion: v1
kind: List
items:
  - apiVersion: v1
    kind: Secret
    metadata: {{name: s}}
    stringData: {{key: {VALUE}}}
"""
DISGUISES = {
    "plain": SECRET,
    "in a list": LISTED,
    "escaped": SECRET.replace("kind: Secret", 'kind: "S\\x65cret"'),
    "in another case": SECRET.replace("kind: Secret", "kind: secret"),
    "second document": f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c}}\n---\n{SECRET}",
    "as JSON": f'{{{{"kind":"Secret","data":{{{{"key":"{VALUE}"}}}}}}}}',
    "last applied": (
        "kind: ConfigMap\nmetadata: {annotations: "
        f"{{kubectl.kubernetes.io/last-applied-configuration: '{VALUE}'}}}}\n"
    ),
    "data that is no mapping": SECRET.replace(f"{{key: {VALUE}}}", VALUE),
    "not YAML": SECRET + "\tbroken: [",
    "an alias": f"x: &a {{key: {VALUE}}}\nkind: Secret\ndata: *a\n".replace(
        "x: &a", "data: &a"
    ).replace("data: *a\n", "stringData: *a\n"),
}


@pytest.mark.parametrize("text", DISGUISES.values(), ids=DISGUISES)
def test_no_secret_is_shown(text: str) -> None:
    changed = text.replace(VALUE, "c2VjcmV0Mg==")

    for old, new in ((None, text), (text, None), (text, changed), (changed, text)):
        shown = compare(
            "x.yaml", old.encode() if old else None, new.encode() if new else None
        ).unified
        assert VALUE not in shown
        assert "c2VjcmV0Mg==" not in shown


def test_private_keys_are_redacted_everywhere() -> None:
    key = "-----BEGIN RSA PRIVATE KEY-----\\nMIIEow\\n-----END RSA PRIVATE KEY-----"
    text = f'kind: ConfigMap\ndata: {{pem: "{key}", colour: blue}}\n'

    changed = text.replace("MIIEow", "MIIEpQ")
    shown = compare("x.yaml", text.encode(), changed.encode()).unified

    assert "MIIE" not in shown
    assert "+  pem: '*** (after)'" in shown


def test_a_changed_secret_is_marked_and_an_equal_one_is_not() -> None:
    changed = SECRET.replace("{key: ", "{other: dXNlcg==, key: ").replace(VALUE, "bmV3")

    shown = compare("x.yaml", SECRET.encode(), changed.encode()).unified

    assert "-  key: '*** (before)'" in shown
    assert "+  key: '*** (after)'" in shown


def test_content_without_secrets_is_shown_unchanged() -> None:
    old = b"kind:   ConfigMap   # as people write\ndata: {a: 'x'}\n"

    assert compare("x.yaml", old, old.replace(b"'x'", b"'y'")).unified.splitlines()[-2:] == [
        "-data: {a: 'x'}",
        "+data: {a: 'y'}",
    ]


NAMED = """\
apiVersion: v1
kind: ConfigMap
metadata: {{name: c}}
data:
  DB_PASSWORD: {0}
  url: postgres://shop:{0}@db:5432/shop
  app.properties: |
    db.password={0}
    ttl: 5m
  json: '{{"apiKey": "{0}", "a": 1}}'
  key.pem: |
    -----BEGIN EC PRIVATE KEY-----
    {0}
spec:
  env: [{{name: API_TOKEN, value: {0}}}, {{name: LOG, value: debug}}]
  args: [--password, {0}, "--token={0}"]
  token: {0}
"""
VISIBLE = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: c}
data:
  DB_PASSWORD_FILE: /run/secrets/db
  image: registry.example.com/auth-token:1.4.2
  secretName: tls
  url: https://example.com:443/a@b
spec:
  automountServiceAccountToken: false
  tokenSeconds: 3600
  secretKeyRef: {name: db, key: password}
  args: [--password-file, /run/secrets/db, --verbose]
"""


def test_values_named_or_shaped_like_secrets_are_redacted() -> None:
    for old, new in ((None, "s3cr3t-1"), ("s3cr3t-1", "s3cr3t-2"), ("s3cr3t-2", None)):
        sides = [NAMED.format(each).encode() if each else None for each in (old, new)]
        found = compare("x.yaml", *sides)

        assert "s3cr3t" not in found.unified
        assert "s3cr3t" not in repr((found.before, found.after))
        assert "5m" in found.unified


def test_a_changed_redacted_value_is_marked() -> None:
    found = compare("x.yaml", *(NAMED.format(each).encode() for each in ("one", "two")))

    for line in (
        "+  DB_PASSWORD: '*** (after)'",
        "+  url: postgres://*** (after)@db:5432/shop",
        "+    db.password=*** (after)",
        '+  json: \'{"apiKey": "*** (after)", "a": 1}\'',
        "+  key.pem: '*** (after)'",
        "+    value: '*** (after)'",
        "+  - --token=*** (after)",
    ):
        assert line in found.unified.splitlines()


def test_names_of_secrets_are_not_redacted() -> None:
    assert (
        compare("x.yaml", None, VISIBLE.encode()).after
        == compare("x", VISIBLE.encode(), None).before
    )
    assert "***" not in compare("x.yaml", None, VISIBLE.encode()).unified


def test_a_secret_of_a_moved_item_counts_as_unchanged() -> None:
    old = b"env: [{name: A_TOKEN, value: x}]\n"
    new = b"env: [{name: LOG, value: y}, {name: A_TOKEN, value: x}]\n"

    assert "(after)" not in compare("x.yaml", old, new).unified


def test_the_file_that_keeps_a_folder_is_shown_as_it_is() -> None:
    shown = compare("clusters/c1/sync/readme.md", None, KEPT)

    assert shown.unified.endswith("".join(f"+{line}\n" for line in KEPT.decode().splitlines()))
    assert shown.after == ()
    assert "not valid YAML" in compare("readme.md", None, KEPT + b"\t: {").unified
