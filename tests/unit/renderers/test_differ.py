"""Diffs never show a secret, in whatever disguise; everything else to the letter."""

import pytest

from renderers.differ import diff

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
        shown = diff("x.yaml", old.encode() if old else None, new.encode() if new else None)
        assert VALUE not in shown
        assert "c2VjcmV0Mg==" not in shown


def test_a_changed_value_says_so_and_an_equal_one_does_not() -> None:
    changed = SECRET.replace("{key: ", "{other: dXNlcg==, key: ").replace(VALUE, "bmV3")

    shown = diff("x.yaml", SECRET.encode(), changed.encode())

    assert "-  key: '*** (before)'" in shown
    assert "+  key: '*** (after)'" in shown


def test_what_is_no_secret_is_shown_to_the_letter() -> None:
    old = b"kind:   ConfigMap   # as people write\ndata: {a: 'x'}\n"

    assert diff("x.yaml", old, old.replace(b"'x'", b"'y'")).splitlines()[-2:] == [
        "-data: {a: 'x'}",
        "+data: {a: 'y'}",
    ]
