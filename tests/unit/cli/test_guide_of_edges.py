"""What the guide about clusters that are seldom online shows is accepted as it stands there."""

import hashlib
import hmac
import json
import re
import shlex
import subprocess
from pathlib import Path

from bot.cli.parser import parser
from bot.documents.cluster_status import read_cluster_status

GUIDE = Path(__file__).parents[3] / "docs/guides/clusters-that-are-seldom-online.md"
KEY = "key-of-the-guide"


def blocks(language: str) -> list[str]:
    return re.findall(rf"(?ms)^```{language}\n(.*?)^```$", GUIDE.read_text())


def commands() -> list[str]:
    """Each command of the guide in one line, without the prompt."""
    text = "\n".join(blocks("console")).replace("\\\n", " ")
    return [line.removeprefix("$ ") for line in text.splitlines() if line.startswith("$ ")]


def test_its_document_is_one() -> None:
    (text,) = [each for each in blocks("json") if "ClusterStatus" in each]

    assert read_cluster_status(text.encode()).cluster == "edge-17"


def test_its_policy_lets_a_cluster_write_its_own_object() -> None:
    (text,) = [each for each in blocks("json") if "Statement" in each]

    (statement,) = json.loads(text)["Statement"]
    assert statement["Action"] == "s3:PutObject"
    assert statement["Resource"].endswith(":::fleet-status/status/${aws:username}.json")


def test_its_commands_have_the_options_that_it_names() -> None:
    ours = [
        shlex.split(line.partition("|")[0])[1:]
        for line in commands()
        if line.startswith("switchyard ")
    ]

    assert {each[0] for each in ours} == {"report-key", "connect", "report"}
    for each in ours:
        parser().parse_args(each)


def test_its_signature_is_the_one_that_counts(tmp_path: Path) -> None:
    (line,) = [each for each in commands() if each.startswith("signature=")]
    body = blocks("json")[0].encode()
    (tmp_path / "status.json").write_bytes(body)

    done = subprocess.run(
        ["sh", "-euc", f'{line}\nprintf %s "$signature"'],
        cwd=tmp_path,
        env={"KEY": KEY, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "sha256=" + hmac.new(KEY.encode(), body, hashlib.sha256).hexdigest()
