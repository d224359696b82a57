"""Files that differ in a cluster's name are kept as a template, and come out byte for byte."""

from bot.engine.contents import ContentWriter
from renderers.cluster_files import NAME
from renderers.tree import blob_id

TEXT = "path: ./clusters/{0}/apps\nname: {0}\n"


def test_files_of_clusters_share_a_template() -> None:
    writer = ContentWriter()
    files = {name: TEXT.format(name).encode() for name in ("c1", "c2", "c11")}
    blobs = {name: writer.add(content, name).hex() for name, content in files.items()}
    same = writer.add(b"the same\n", "c1")
    _, found = writer.written()
    assert found.templates == (TEXT.format("\0").encode(),)
    assert {name: found[blob] for name, blob in blobs.items()} == files
    assert found[same.hex()] == b"the same\n"
    assert set(found) == {*blobs.values(), same.hex()}
    assert len(found) == 4


def test_every_file_comes_out_as_it_was() -> None:
    odd = (b"", NAME, b"a\0c1", b"c1c1c1", b"c", b"cc11", b"\xff c1 \xfe", "é c1".encode())
    writer = ContentWriter()
    for content in odd:
        assert writer.add(content, "c1").hex() == blob_id(content)
    _, found = writer.written()
    assert {blob_id(content): content for content in odd} == dict(found)


def test_templates_take_little() -> None:
    writer, text = ContentWriter(), "x" * 2_000 + " {}\n"
    for number in range(1_000):
        writer.add(text.format(f"cluster-{number}").encode(), f"cluster-{number}")
    assert writer.written()[1].size < 300_000
