"""Kustomize folders, checked before the tool reads them."""

from collections.abc import Iterator

from bot.engine import discovery
from renderers.manifest_files import KUSTOMIZATIONS
from renderers.sources import SourceError
from tests.fuzz import Target

FILES = {"base/a.yaml": b"a: b", "base/kustomization.yaml": b"resources: [a.yaml]", "x.env": b"A=b"}
SOURCE = discovery.sources()["kustomize"]


def check(data: bytes) -> None:
    """SourceError with a place, or a kustomization without a plugin."""
    for name in sorted(KUSTOMIZATIONS):
        try:
            SOURCE.check({**FILES, f"overlay/{name}": data})
        except SourceError as error:
            assert error.line >= 1
            assert len(str(error)) < len(data) * 6 + 500


def seeds() -> Iterator[bytes]:
    """Every accepted field with a path, and those that are refused."""
    yield b"resources: [../base]\npatches: [{path: ../base/a.yaml, target: {kind: Deployment}}]\n"
    yield b"configMapGenerator:\n- {name: a, files: [b=../x.env], envs: [../x.env], env: ../x}\n"
    yield b"openapi: {path: ../base/a.yaml}\nnamePrefix: a-\nimages: [{name: a, newTag: b}]\n"
    yield b"resources: [https://github.com/a/b?ref=c, git@github.com:a/b]\nhelmCharts: []\n"


WORDS = (
    *(b"resources", b"bases", b"components", b"patches", b"path", b"configMapGenerator", b"files"),
    *(
        b"replacements",
        b"openapi",
        b"transformers",
        b"../base",
        b"../../..",
        b"//",
        b"?ref=",
        b"env",
    ),
)
TARGET = Target(check, seeds, WORDS, share=0.5)
