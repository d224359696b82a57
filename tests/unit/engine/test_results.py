import pytest

from bot.engine.results import ByContent, DifferentResultError, Results


def test_the_results_that_were_used_last_are_kept_within_a_size() -> None:
    kept, runs = Results(most=10), []

    def result(name: str, size: int = 4) -> bytes:
        def make() -> bytes:
            runs.append(name)
            return b"x" * size

        return kept.get(("file", name), make, len)

    result("one"), result("two"), result("one")
    assert runs == ["one", "two"]

    result("three"), result("one"), result("two")
    assert runs[2:] == ["three", "two"], "two was not used for longest"

    assert len(result("large", size=11)) == 11
    result("large", size=11)
    assert runs[4:] == ["large", "large"], "it does not fit"


def test_values_in_keys_are_compared_by_content() -> None:
    kept, runs = Results(most=100), []

    def make() -> bytes:
        runs.append(1)
        return b""

    for value in ({"a": 1}, {"a": 1}, {"a": 2}, {"a": 1}):
        kept.get(("fleet", ByContent("fleet", value)), make, len)
    assert len(runs) == 2


def test_verification_finds_a_result_that_depends_on_more_than_its_key() -> None:
    kept, results = Results(most=100, verify=True), iter([b"1", b"1", b"2"])

    def result() -> bytes:
        return kept.get(("plan", "shop"), lambda: next(results), len)

    assert result() == result()
    with pytest.raises(DifferentResultError, match=r"\(plan\) differs"):
        result()
