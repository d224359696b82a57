from bot.gather.tool_outputs import ToolOutputs
from planners.model import ComponentSource
from renderers.builds import Build


def test_the_outputs_that_were_used_last_are_kept_within_a_size() -> None:
    kept, runs = ToolOutputs(most=10), []

    def output(name: str, size: int = 4, digest: str = "a") -> bytes:
        def run() -> bytes:
            runs.append((name, digest))
            return b"x" * size

        return kept.get(Build("helm", ComponentSource("helm", "web"), name), digest, run)

    output("one"), output("two"), output("one")
    assert runs == [("one", "a"), ("two", "a")]

    output("three"), output("one"), output("two")
    assert runs[2:] == [("three", "a"), ("two", "a")], "two was not used for longest"

    output("two", digest="b")
    assert runs[4:] == [("two", "b")], "other files are another input"

    assert len(output("large", size=11)) == 11
    output("large", size=11)
    assert runs[5:] == [("large", "a"), ("large", "a")], "it does not fit"
