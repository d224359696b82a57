"""What the YAML door lets in, what it refuses and where, and what it writes."""

import pytest

from planners.model import Json
from renderers import yaml
from renderers.yaml import YamlError, dump, load_documents


def load(text: str) -> Json:
    (document,) = load_documents(text.encode())
    return document.value


def refusal(content: str | bytes) -> tuple[str, int, int]:
    with pytest.raises(YamlError) as caught:
        load_documents(content.encode() if isinstance(content, str) else content)
    return str(caught.value), caught.value.line, caught.value.column


# The values that kubectl 1.32 reads.
PLAIN: list[tuple[str, Json]] = [
    *((word, True) for word in ("y", "Y", "yes", "on", "On", "true", "TRUE")),
    *((word, False) for word in ("n", "N", "no", "off", "OFF", "false", "False")),
    *((word, word) for word in ("tRue", "yES", "nULL", "=", "12:30", "12:30:45", "2026-11-20")),
    *((word, None) for word in ("~", "null", "NULL")),
    ("08", 8),
    ("0644", 420),
    ("0o644", 420),
    ("0x1F", 31),
    ("0b11", 3),
    ("-0x10", -16),
    ("1e3", 1000),
    ("1_000", 1000),
    ("1.0", 1),
    (".5", 0.5),
    (".8_4", 0.84),
    ("._3", "._3"),
    (".5_", ".5_"),
    ("1.5e-7", 1.5e-7),
    ("9223372036854775807", 9223372036854775807),
    ("99999999999999999999", 1e20),
    ("123e4567", "123e4567"),
    ("1e400", "1e400"),
    ("9" * 500, "9" * 500),
    ("1.2.3", "1.2.3"),
    ("+", "+"),
    ("0x", "0x"),
    ("4Gi", "4Gi"),
]


@pytest.mark.parametrize(("text", "value"), PLAIN)
def test_a_plain_scalar_has_the_type_that_kubernetes_reads(text: str, value: Json) -> None:
    read = load(f"a: {text}\n")

    assert read == {"a": value}
    assert isinstance(read, dict)
    assert type(read["a"]) is type(value)


@pytest.mark.parametrize("text", [text for text, value in PLAIN if value != text])
def test_an_ambiguous_string_is_quoted(text: str) -> None:
    assert dump({"a": text}) == f"a: '{text}'\n".encode()
    assert load_documents(dump({"a": text, text: [text]}))[0].value == {"a": text, text: [text]}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("!!str 1", "1"),
        ("! 1", "1"),
        ("!!int '5'", 5),
        ("!!float 1.5", 1.5),
        ("!!bool 'yes'", True),
        ("!!null ''", None),
        ("!!map {b: 1}", {"b": 1}),
        ("!!seq [1]", [1]),
        ("'1'", "1"),
        ('"\\u00e9"', "é"),
    ],
)
def test_tags_and_quotes_decide_the_type(text: str, value: Json) -> None:
    assert load(f"a: {text}\n") == {"a": value}


@pytest.mark.parametrize("end", ["", "\n"])
def test_the_last_line_has_a_line_break_whether_or_not_it_is_written(end: str) -> None:
    text = f"a: |\n  b\n---\na: |-\n  b\n---\na: |\n  b{end}"

    found = [each.value for each in load_documents(text.encode())]

    assert found == [{"a": "b\n"}, {"a": "b"}, {"a": "b\n"}]


def test_empty_documents_are_skipped() -> None:
    documents = load_documents(b"---\n# nothing\n---\na: 1\n---\nnull\n---\n- b\n...\n")

    assert [each.value for each in documents] == [{"a": 1}, ["b"]]
    assert load_documents(b"") == ()


def test_json_is_yaml() -> None:
    assert load('{"a": [1, true, null, "y"],\n\t"b": {}}') == {"a": [1, True, None, "y"], "b": {}}


def test_a_key_is_the_text_that_is_written() -> None:
    assert load("{on: 1, y: 2, 80: 3, true: 4}") == {"on": 1, "y": 2, "80": 3, "true": 4}
    assert dump({"on": 1, "80": 2}) == b"'on': 1\n'80': 2\n"


def test_aliases_are_copies() -> None:
    value = load("a: &x {b: [1]}\nc: *x\nd: {<<: *x}\n")

    assert value == {"a": {"b": [1]}, "c": {"b": [1]}, "d": {"b": [1]}}
    assert isinstance(value, dict)
    parts = [value[key]["b"] for key in "acd"]  # type: ignore[index,call-overload] # a mapping above
    assert len({id(part) for part in parts}) == 3
    assert b"&" not in dump(value)


def test_own_keys_override_merged_ones_and_earlier_mappings_later_ones() -> None:
    value = load("a: &x {p: 1, q: 1}\nb: &y {q: 2, r: 2}\nc: {r: 3, <<: [*x, *y]}\n")

    assert isinstance(value, dict)
    assert value["c"] == {"r": 3, "p": 1, "q": 1}


def test_a_quoted_merge_key_is_a_key() -> None:
    assert load("{'<<': {a: 1}}") == {"<<": {"a": 1}}
    assert load_documents(dump({"<<": {"a": 1}}))[0].value == {"<<": {"a": 1}}


def test_places_name_keys_and_items() -> None:
    (document,) = load_documents(b"# shop\nspec:\n  - name: web\n    ports: [80, 81]\nx: 1\n")

    assert dict(document.places) == {
        (): (2, 1),
        ("spec",): (2, 1),
        ("spec", 0): (3, 5),
        ("spec", 0, "name"): (3, 5),
        ("spec", 0, "ports"): (4, 5),
        ("spec", 0, "ports", 0): (4, 13),
        ("spec", 0, "ports", 1): (4, 17),
        ("x",): (5, 1),
    }
    assert len(document.places) == 8
    assert ("spec", 1) not in document.places
    assert ("x", "y") not in document.places


def test_aliased_and_merged_values_have_the_position_of_their_definition() -> None:
    (document,) = load_documents(b"a: &x\n  p: [1]\nb: *x\nc:\n  <<: *x\n")

    assert document.places[("b",)] == (3, 1)
    assert document.places[("b", "p", 0)] == (2, 7)
    assert document.places[("c", "p")] == (2, 3)


def test_every_document_has_its_own_places_and_anchors() -> None:
    first, second = load_documents(b"a: 1\n---\n\nb: 2\n")

    assert first.places[("a",)] == (1, 1)
    assert second.places[()] == second.places[("b",)] == (4, 1)
    assert refusal("a: &x 1\n---\nb: *x\n") == ("alias *x has no preceding anchor", 3, 4)


@pytest.mark.parametrize(
    ("text", "message", "line", "column"),
    [
        ("a: 1\nb:\n  c: 1\n  c: 2\n", "duplicate key 'c'", 4, 3),
        ("a: 1\n'a': 2\n", "duplicate key 'a'", 2, 1),
        (
            "a: !!python/object:os.system x",
            "tag tag:yaml.org,2002:python/object:os.system is",
            1,
            4,
        ),
        ("a: !foo {}", "tag !foo is not allowed", 1, 4),
        ("a: !!set {b}", "tag tag:yaml.org,2002:set is not allowed", 1, 4),
        ("a: !!map []", "tag tag:yaml.org,2002:map is not allowed", 1, 4),
        ("a: !!binary aGk=", "tag tag:yaml.org,2002:binary is not allowed", 1, 4),
        ("a: !!int b", "'b' does not match its tag tag:yaml.org,2002:int", 1, 4),
        ("a: .inf", ".inf is not a JSON number", 1, 4),
        ("a: -.Inf", "-.Inf is not a JSON number", 1, 4),
        ("a: .nan", ".nan is not a JSON number", 1, 4),
        ("a: 1\n? [b]\n: 1", "a key must be a string", 2, 3),
        ("? {}\n: 1", "a key must be a string", 1, 3),
        ("a: &x b\n*x : 1", "an alias cannot be a key", 2, 1),
        ("~: 1", "the key '~' is not a string; quote it", 1, 1),
        ("0x10: 1", "the key '0x10' is not a string; quote it", 1, 1),
        ("1e3: 1", "the key '1e3' is not a string; quote it", 1, 1),
        ("a: *x", "alias *x has no preceding anchor", 1, 4),
        ("a: &x [*x]", "alias *x has no preceding anchor", 1, 8),
        ("a:\n  <<: 1", "`<<` can only merge mappings", 2, 3),
        ("a: {<<: [{b: 1}, c]}", "`<<` can only merge mappings", 1, 4),
        ("a: b: c", "mapping values are not allowed in this context", 1, 5),
        ("a: [1", "did not find expected ',' or ']'", 2, 1),
        ('é: 1\nb: "x\0"', "character not allowed in YAML: U+0000", 2, 6),
        ("a: \x1b", "character not allowed in YAML: U+001B", 1, 4),
        ('a: "\\0"', "a NUL character", 1, 4),
    ],
)
def test_an_error_has_its_position(text: str, message: str, line: int, column: int) -> None:
    found, *place = refusal(text)

    assert found.startswith(message)
    assert place == [line, column]


def test_invalid_utf_8_is_named_with_its_place() -> None:
    assert refusal("é: 1\nö: ".encode() + b"\xff") == ("not valid UTF-8", 2, 4)


def doubling(levels: int) -> str:
    first, *rest = range(levels)
    lines = [f"a{n}: &a{n} {{k{n}: 1, <<: [*a{n - 1}, *a{n - 1}]}}" for n in rest]
    return "\n".join([f"a{first}: &a{first} {{k: 1}}", *lines])


def laughs(levels: int) -> str:
    first, *rest = range(levels)
    lines = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in rest]
    return "\n".join([f"a{first}: &a{first} [x]", *lines])


def deep_by_alias() -> str:
    return f"a: &a {'[' * 40}{']' * 40}\nb: {'[' * 40}*a{']' * 40}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 200_000, "nested deeper than 64 levels"),
        ("- " * 200_000, "nested deeper than 64 levels"),
        ("{a: " * 200_000, "nested deeper than 64 levels"),
        (deep_by_alias(), "nested deeper than 64 levels"),
        (doubling(26), "more than 500000 values (aliases count as their content)"),
        (laughs(9), "more than 500000 values (aliases count as their content)"),
        (f"[{'1,' * 500_001}]", "more than 500000 values (aliases count as their content)"),
        (f"a: &a 1\nb: [{'*a, ' * 101}]", "more than 100 aliases"),
        ("---\na\n" * 1_001, "more than 1000 documents"),
        ("#" * (16 * 1024 * 1024 + 1), "the file is larger than 16777216 bytes"),
    ],
    ids=range(10),
)
def test_limits_stop_exploding_documents(text: str, message: str) -> None:
    assert refusal(text)[0] == message


def test_documents_within_the_limits_are_read() -> None:
    assert load(f"{'[' * 64}{']' * 64}")
    assert load(f"[{'1,' * 499_999}]")
    assert load(f"a: &a 1\nb: [{'*a, ' * 100}]")
    assert len(load_documents(b"---\na\n" * 1_000)) == 1_000
    assert load_documents(b"#" * yaml.MAX_BYTES) == ()


def test_dump_writes_blocks_in_the_given_order() -> None:
    value: Json = {
        "b": [{"name": "x", "args": []}, "y: z"],
        "a": {"on": True, "no": None, "f": 1.5, "big": 1e21},
        "script": "#!/bin/sh\necho 'é'\n",
        "long": "word " * 100,
    }

    assert dump(value).decode().splitlines() == [
        "b:",
        "- name: x",
        "  args: []",
        "- 'y: z'",
        "a:",
        "  'on': true",
        "  'no': null",
        "  f: 1.5",
        "  big: 1.0e+21",
        "script: |",
        "  #!/bin/sh",
        "  echo 'é'",
        f"long: '{'word ' * 100}'",
    ]


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a \nb\n", "t: |\n  a \n  b\n"),
        ("a\n\tb", "t: |-\n  a\n  \tb\n"),
        ("a\nb ", "t: |-\n  a\n  b \n"),
        ("  a \nb\n", "t: |2\n    a \n  b\n"),
        ("\n\ta\n", "t: |2\n\n  \ta\n"),
        ("a \n\n\n", "t: |+\n  a \n\n\n"),
    ],
)
def test_texts_with_tabs_and_trailing_blanks_stay_readable(text: str, written: str) -> None:
    assert yaml.dump({"t": text}).decode() == written
    for value in ({"t": text}, {"a": [text, {"b": text, "c": [[text]]}], "z": 1}, [text], text):
        assert yaml.load_documents(yaml.dump(value))[0].value == value


def test_a_text_with_the_mark_of_blocks_stays_as_it_is() -> None:
    value = {"a": "\ue0000\ue000", "b": "x \ny", "c": "\ue000 \n\t"}

    assert yaml.load_documents(yaml.dump(value))[0].value == value
