"""CEL rules of definitions: what they refuse, what they accept, and what is not evaluated."""

from typing import Any

import pytest

from bot.engine.cel_rules import matches, rule_violations
from renderers.kubernetes.fields import path_text

PROPERTIES = {
    "min": {"type": "integer"},
    "max": {"type": "integer", "default": 10},
    "share": {"type": "number"},
    "names": {"type": "array", "items": {"type": "string"}},
    "parts": {
        "type": "array",
        "items": {"type": "object", "properties": {"name": {"type": "string"}}},
    },
    "labels": {"type": "object", "additionalProperties": {"type": "string"}},
    "namespace": {"type": "string"},
    "a-b.c/d": {"type": "string"},
    "until": {"type": "string", "format": "date-time"},
}


def said(spec: dict[str, Any], rule: str, **more: Any) -> list[str]:
    part = {
        "type": "object",
        "properties": PROPERTIES,
        "x-kubernetes-validations": [{"rule": rule, **more}],
    }
    schema: Any = {"type": "object", "properties": {"spec": part}}
    found = rule_violations({"spec": spec}, schema)
    return [
        f"{'warning: ' if each.is_warning else ''}{path_text(each.path)} {each.message}"
        for each in found
    ]


@pytest.mark.parametrize(
    ("rule", "good", "bad"),
    [
        ("self.min <= self.max", {"min": 10}, {"min": 11}),
        ("self.min <= self.max", {"min": 11, "max": 12}, {"min": 11, "max": 1}),
        ("self.share * 2.0 <= 2.0", {"share": 1}, {"share": 1.5}),
        ("!has(self.min) || self.min > 0", {}, {"min": 0}),
        ("self.names.all(n, n.matches('^[a-z]+$'))", {"names": ["a"]}, {"names": ["a", "B"]}),
        (
            "self.parts.all(p, self.parts.exists_one(q, q.name == p.name))",
            {"parts": [{"name": "a"}, {"name": "b"}]},
            {"parts": [{"name": "a"}, {"name": "a"}]},
        ),
        ("'a' in self.labels", {"labels": {"a": "x"}}, {"labels": {"b": "x"}}),
        ("self.labels['a-b'] == 'x'", {"labels": {"a-b": "x"}}, {"labels": {"a-b": "y"}}),
        ("self.__namespace__ == 'x'", {"namespace": "x"}, {"namespace": "y"}),
        ("self.a__dash__b__dot__c__slash__d == 'x'", {"a-b.c/d": "x"}, {"a-b.c/d": "y"}),
        ("self.?min.orValue(1) == 1", {}, {"min": 2}),
        ("self.names[0].lowerAscii() == 'a'", {"names": ["A"]}, {"names": ["B"]}),
        ("self.min > 0", {"min": 1}, {}),
        *(
            (rule, {"names": good}, {"names": bad})
            for rule, good, bad in (
                ("self.names.isSorted()", ["a", "b", "b"], ["b", "a"]),
                ("self.names.max() == 'b'", ["b", "a"], ["a"]),
                ("self.names.min() == 'a'", ["b", "a"], []),
                ("self.names.map(n, size(n)).sum() == 3", ["a", "bb"], ["a"]),
                ("self.names.all(n, isQuantity(n))", ["100m", "1Gi"], ["128MB"]),
                ("quantity(self.names[0]).isGreaterThan(quantity('1Gi'))", ["2Gi"], ["1G"]),
                ("quantity(self.names[0]).isLessThan(quantity('1'))", ["999m"], ["odd"]),
                ("quantity(self.names[0]) == quantity('1000m')", ["1"], ["2"]),
                ("quantity(self.names[0]).compareTo(quantity('1')) == 0", ["1000m"], ["1Ki"]),
                (
                    "quantity(self.names[0]).add(quantity('1')).sub(1).asInteger() == 5",
                    ["5"],
                    ["5m"],
                ),
                ("quantity(self.names[0]).isInteger()", ["8Ei"], ["100m"]),
                ("quantity(self.names[0]).sign() == -1", ["-1"], ["1"]),
                ("quantity(self.names[0]).asApproximateFloat() < 0.6", ["500m"], ["700m"]),
                ("self.names.all(n, isIP(n))", ["10.0.0.1", "::1"], ["::ffff:10.0.0.1"]),
                ("self.names.all(n, isIP(n))", ["fe80::1"], ["fe80::1%eth0"]),
                ("ip(self.names[0]).family() == 6", ["::1"], ["10.0.0.1"]),
                ("self.names.all(n, isCIDR(n))", ["10.0.0.0/8"], ["10.0.0.0/08"]),
                ("cidr(self.names[0]).containsIP('10.1.2.3')", ["10.0.0.0/8"], ["::/0"]),
                ("cidr(self.names[0]).containsIP(ip('::1'))", ["::/0"], ["10.0.0.0/8"]),
                ("cidr('10.0.0.0/8').containsCIDR(self.names[0])", ["10.1.0.0/16"], ["::/0"]),
                ("cidr('::/8').containsCIDR(cidr(self.names[0]))", ["::/16"], ["11.0.0.0/8"]),
                ("cidr(self.names[0]).prefixLength() <= 16", ["10.0.0.0/8"], ["10.0.0.0/24"]),
                ("isURL(self.names[0])", ["https://a.example.com/x"], ["a.example.com"]),
                ("url(self.names[0]).getScheme() == 'https'", ["https://a"], ["http://a"]),
                ("url(self.names[0]).getHost() == 'a:1'", ["https://a:1/x"], ["https://a"]),
                ("url(self.names[0]).getHostname() == 'a'", ["https://a:1/x"], ["https://b:1"]),
                ("url(self.names[0]).getPort() == ''", ["https://a"], ["https://a:1"]),
                ("url(self.names[0]).getEscapedPath() == '/x'", ["/x"], ["https://a/"]),
            )
        ),
    ],
)
def test_rules_hold_or_not(rule: str, good: dict[str, Any], bad: dict[str, Any]) -> None:
    assert said(good, rule) == []
    assert said(bad, rule, message="no") == ["spec breaks a rule of its definition: no"]
    assert said(bad, rule) == [f"spec breaks the rule `{rule}`"]


@pytest.mark.parametrize(
    ("rule", "spec", "reason"),
    [
        (
            "self.names.indexOf('a') == 0",
            {"names": ["a"]},
            "it does not give true or false here",
        ),
        ("'a'.find('b') == ''", {}, "it uses a function that is not available here"),
        ("isURL('https://a/?b=c')", {}, "it does not give true or false here"),
        ("quantity('1').family() == 4", {}, "it does not give true or false here"),
        ("self.min +", {}, "it uses a function that is not available here"),
        ("self.min", {"min": 1}, "it does not give true or false here"),
        ("self.min > 'a'", {"min": 1}, "it does not give true or false here"),
        ("true", {"until": "2026-01-01T00:00:00Z"}, "format date-time is not converted here"),
        (
            "self.names.all(a, self.names.all(b, self.names.all(c, true)))",
            {"names": ["x"] * 101},
            "the value is too large for its loops",
        ),
        ("true" + " " * 5_000, {}, "it is too long"),
    ],
)
def test_what_is_not_evaluated_is_said(rule: str, spec: dict[str, Any], reason: str) -> None:
    (warning,) = said(spec, rule)

    assert (
        warning == f"warning: spec is not checked by the rule `{rule}` of its definition: {reason}"
    )


def test_transition_rules_are_about_updates() -> None:
    assert said({"min": 1}, "self.min == oldSelf.min") == []


def test_rules_of_lists_and_maps_apply_to_each_value() -> None:
    rule = {"x-kubernetes-validations": [{"rule": "self.size() < 3"}]}
    schema: Any = {
        "properties": {
            "list": {"items": {"type": "string", **rule}},
            "map": {"additionalProperties": {"type": "string", **rule}},
        }
    }
    found = rule_violations({"list": ["ok", "long"], "map": {"a": "long", "b": None}}, schema)

    assert [path_text(each.path) for each in found] == ["list[1]", "map.a"]


def test_the_number_of_rules_is_bounded() -> None:
    schema: Any = {
        "properties": {"list": {"items": {"x-kubernetes-validations": [{"rule": "true"}]}}}
    }

    (warning,) = rule_violations({"list": ["x"] * 501}, schema)

    assert warning.message == "has more than 500 rules to evaluate; the rest is not checked"


def test_patterns_are_those_of_re2() -> None:
    assert matches("^[a-z]+$", "abc")
    assert not matches("^[a-z]+$", "ABC")
    assert matches("^(a+)+$", "a" * 50_000 + "b") is False
    assert matches("(?<!x)y", "anything")
