"""Charts from a registry and a repository: what is accepted, and what `helm pull` does with it."""

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from bot.charts import ChartError, ChartUnavailableError
from bot.charts.archive import MOST_PACKED
from bot.charts.store import ChartStore
from planners.model import ChartOrigin, ComponentSource
from renderers.tree import FileTree
from tests.fakes.certificates import Authority, make_authority
from tests.fakes.chart_host import (
    ARCHIVE,
    CHART,
    CONFIG,
    CONTENT,
    INDEX,
    TOKEN,
    ChartHost,
    Reply,
    descriptor,
    packed,
    sha256,
)

FILES = {name.removeprefix("web/"): content for name, content in CHART.items()}
PASSWORD = "robot:of-the-tests"
MISSING = f"sha256:{'0' * 64}"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("charts") / "ca")


@dataclass(frozen=True, slots=True)
class Place:
    """A store, and the host that it fetches from."""

    store: ChartStore
    host: ChartHost
    other: ChartHost

    def origin(self, **changes: object) -> ChartOrigin:
        """The origin of both kinds of charts on the host."""
        made = ChartOrigin(f"oci://{self.host.place}", private_network=True)
        return replace(made, **changes)  # type: ignore[arg-type]

    def pulled(self, digest: str, **changes: object) -> FileTree:
        """The chart of the registry."""
        return self.store.files(self.source(digest), self.origin(**changes))

    def taken(self, digest: str, **changes: object) -> FileTree:
        """The chart of the repository."""
        path = f"https://{self.host.place}/stable/web"
        source = ComponentSource("helm", path, version="1.2.3", digest=digest)
        return self.store.files(source, self.origin(**changes))

    def source(self, digest: str) -> ComponentSource:
        path = f"oci://{self.host.place}/charts/web"
        return ComponentSource("helm", path, version="1.2.3", digest=digest)

    def helm_pulls(self, *arguments: str) -> bool:
        """Whether the real helm pulls a chart."""
        ca_file = self.store.ca_file
        assert ca_file is not None
        home = ca_file.parent / "home"
        home.mkdir(exist_ok=True)
        done = subprocess.run(
            ["helm", "pull", *arguments, "--ca-file", ca_file, "--destination", home],
            env={"HOME": str(home), "PATH": f"{sys.prefix}/bin{os.pathsep}{os.environ['PATH']}"},
            capture_output=True,
            check=False,
        )
        return done.returncode == 0


@pytest.fixture
def place(tmp_path: Path, authority: Authority) -> Iterator[Place]:
    host, other = ChartHost(authority), ChartHost(authority)
    yield Place(ChartStore(tmp_path / "charts", {}, authority.ca_file), host, other)
    host.stop()
    other.stop()


def with_credentials(place: Place) -> Place:
    place.host.password = PASSWORD
    return replace(place, store=replace(place.store, credentials={place.host.place: PASSWORD}))


def test_a_chart_is_fetched_once_and_then_kept(place: Place) -> None:
    digest = place.host.push()
    archive = place.host.publish()

    assert place.pulled(digest) == FILES
    assert place.taken(archive) == FILES
    asked = len(place.host.requests)
    place.host.stop()
    assert place.pulled(digest) == FILES
    assert place.taken(archive) == FILES
    assert len(place.host.requests) == asked


def test_a_damaged_file_is_fetched_again(place: Place) -> None:
    digest = place.host.push()
    place.pulled(digest)
    for file in place.store.folder.iterdir():
        file.write_bytes(file.read_bytes()[:-1])

    assert place.pulled(digest) == FILES
    assert sorted(each.name for each in place.store.folder.iterdir()) == sorted(
        each.replace(":", "-") for each in (digest, sha256(ARCHIVE))
    )


def test_what_was_not_used_for_longest_makes_room(place: Place) -> None:
    small = replace(place, store=replace(place.store, most=len(ARCHIVE) + 1000))
    digest = place.host.push()
    small.pulled(digest)
    old = small.store.folder / "sha256-old"
    old.write_bytes(b"x" * 900)
    os.utime(old, (0, 0))
    other = packed({**CHART, "web/values.yaml": b"size: big\n"})

    assert small.pulled(place.host.push(other))["values.yaml"] == b"size: big\n"
    assert not old.exists()


def test_a_token_is_fetched_with_credentials_and_sent_to_the_registry_alone(place: Place) -> None:
    known = with_credentials(place)
    digest = place.host.push()
    blob = f"/v2/charts/web/blobs/{sha256(ARCHIVE)}"
    place.other.pages["/elsewhere"] = Reply(body=ARCHIVE)
    place.host.faults[blob] = lambda: moved(f"https://{place.other.place}/elsewhere")

    assert known.pulled(digest, download_hosts=("127.0.0.1",)) == FILES
    sent = [each.authorization.partition(" ")[0] for each in place.host.requests]
    assert sent == ["", "Basic", "Bearer", "Bearer"]
    assert [each.authorization for each in place.other.requests] == [""]
    kept = b"".join(each.read_bytes() for each in place.store.folder.iterdir())
    assert TOKEN.encode() not in kept
    assert PASSWORD.encode() not in kept


def test_a_registry_may_want_credentials_instead_of_a_token(place: Place) -> None:
    """Amazon ECR and others answer with a Basic challenge (RFC 7617)."""
    known, digest = with_credentials(place), place.host.push()
    place.host.password = ""
    path = f"/v2/charts/web/manifests/{digest}"
    challenge = Reply(401, headers={"www-authenticate": 'Basic realm="charts"'})
    replies = iter((challenge, place.host.pages[path]))
    place.host.faults[path] = lambda: next(replies)

    assert known.pulled(digest) == FILES
    sent = [each.authorization.partition(" ")[0] for each in place.host.requests]
    assert sent == ["", "Basic", "Basic"]


def test_a_repository_gets_credentials_below_its_address_alone(place: Place) -> None:
    known = with_credentials(place)
    digest = place.host.publish(url=f"https://{place.host.place}/other/web-1.2.3.tgz")
    place.host.pages["/other/web-1.2.3.tgz"] = Reply(body=ARCHIVE)

    assert known.taken(digest) == FILES
    assert [bool(each.authorization) for each in place.host.requests] == [True, False]


def moved(location: str, status: int = 307) -> Reply:
    return Reply(status, headers={"location": location})


Case = Callable[[Place], str]


def wrong_digest(place: Place) -> str:
    digest = place.host.push()
    place.host.pages[f"/v2/charts/web/manifests/{digest}"].body += b" "
    return digest


def wrong_layer(place: Place) -> str:
    digest = place.host.push()
    changed = ARCHIVE[:-1] + b"\1"
    place.host.pages[f"/v2/charts/web/blobs/{sha256(ARCHIVE)}"] = Reply(body=changed)
    return digest


def blob_moves(place: Place) -> str:
    digest = place.host.push()
    blob = f"/v2/charts/web/blobs/{sha256(ARCHIVE)}"
    place.other.pages["/elsewhere"] = Reply(body=ARCHIVE)
    place.host.faults[blob] = lambda: moved(f"https://{place.other.place}/elsewhere")
    return digest


def blob_moves_to_plain_http(place: Place) -> str:
    digest = blob_moves(place)
    blob = f"/v2/charts/web/blobs/{sha256(ARCHIVE)}"
    place.host.faults[blob] = lambda: moved("http://169.254.169.254/latest/meta-data")
    return digest


def manifest_moves(place: Place) -> str:
    digest = place.host.push()
    path = f"/v2/charts/web/manifests/{digest}"
    place.other.pages["/elsewhere"] = place.host.pages[path]
    place.host.faults[path] = lambda: moved(f"https://{place.other.place}/elsewhere")
    return digest


def endless_redirects(place: Place) -> str:
    digest = place.host.push()
    path = f"/v2/charts/web/manifests/{digest}"
    place.host.faults[path] = lambda: moved(path)
    return digest


def realm_elsewhere(place: Place) -> str:
    place.host.password = PASSWORD
    place.host.realm = f"https://{place.other.place}/token"
    token = Reply(body=json.dumps({"token": TOKEN}).encode())
    place.other.faults["/token"] = lambda: token
    return place.host.push()


def realm_of_plain_http(place: Place) -> str:
    place.host.password = PASSWORD
    place.host.realm = f"http://{place.host.place}/token"
    return place.host.push()


def huge_layer(place: Place) -> str:
    digest = descriptor(CONTENT, ARCHIVE)
    return place.host.push(layers=[{**digest, "size": MOST_PACKED + 1}])


def longer_than_stated(place: Place) -> str:
    digest = descriptor(CONTENT, ARCHIVE)
    return place.host.push(layers=[{**digest, "size": 10}])


def huge_manifest(place: Place) -> str:
    content = json.dumps({"mediaType": CONFIG, "padding": "x" * 2_000_000}).encode()
    return place.host.put_manifest(content, "1.2.3")


def image_index(place: Place) -> str:
    place.host.push()
    entry = {"mediaType": CONFIG, "digest": MISSING, "size": 2}
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]}
    return place.host.put_manifest(json.dumps(index).encode(), "1.2.3")


def image(place: Place) -> str:
    return place.host.push(config=descriptor("application/vnd.oci.image.config.v1+json", b"{}"))


def two_charts(place: Place) -> str:
    return place.host.push(layers=[descriptor(CONTENT, ARCHIVE), descriptor(CONTENT, b"x")])


def layer_of_another_algorithm(place: Place) -> str:
    digest = {**descriptor(CONTENT, ARCHIVE), "digest": f"md5:{'0' * 32}"}
    return place.host.push(layers=[digest])


def deep_manifest(place: Place) -> str:
    content = b"[" * 100_000
    digest = sha256(content)
    place.host.pages[f"/v2/charts/web/manifests/{digest}"] = Reply(body=content)
    return digest


def another_chart(place: Place) -> str:
    return place.host.push(packed({"db/Chart.yaml": b"apiVersion: v2\nname: db\nversion: 1.2.3\n"}))


def another_version(place: Place) -> str:
    chart = b"apiVersion: v2\nname: web\nversion: 1.2.4\n"
    return place.host.push(packed({"web/Chart.yaml": chart}))


def no_token(place: Place) -> str:
    digest = realm_elsewhere(place)
    place.host.realm = ""
    place.host.faults["/token"] = lambda: Reply(body=b'{"token": "a\\r\\nx: y"}')
    return digest


def another_status(place: Place) -> str:
    digest = place.host.push()
    place.host.faults[f"/v2/charts/web/manifests/{digest}"] = lambda: Reply(418)
    return digest


def a_realm_that_is_none(place: Place) -> str:
    digest = realm_elsewhere(place)
    place.host.realm = "https://[::1"
    return digest


def not_there(place: Place) -> str:
    place.host.push()
    return MISSING


REGISTRY: dict[str, tuple[Case, str]] = {
    "a manifest with another digest": (wrong_digest, "has the digest sha256:"),
    "an archive with another digest": (wrong_layer, "has the digest sha256:"),
    "an archive on another host": (blob_moves, "add it to `downloadHosts`"),
    "an archive over plain HTTP": (blob_moves_to_plain_http, "only https is permitted"),
    "a manifest on another host": (manifest_moves, "from which nothing may be fetched"),
    "redirects without end": (endless_redirects, "redirects more than 3 times"),
    "tokens of another host": (realm_elsewhere, "add it to `tokenHosts`"),
    "tokens over plain HTTP": (realm_of_plain_http, "only https is permitted"),
    "an archive that is too large": (huge_layer, f"at most {MOST_PACKED} are permitted"),
    "an archive longer than stated": (longer_than_stated, "has more than 10 bytes"),
    "a manifest that is too large": (huge_manifest, "has more than 1048576 bytes"),
    "an image index": (image_index, "that of an image index"),
    "an image": (image, "that of an image, not of a Helm chart"),
    "two charts": (two_charts, "has 2 archives of charts"),
    "a weak digest": (layer_of_another_algorithm, "no SHA-256 digest"),
    "a manifest that is nested too deeply": (deep_manifest, "is no JSON object"),
    "a token that is none": (no_token, "issued no token"),
    "another status": (another_status, "answers with status 418"),
    "a realm that is none": (a_realm_that_is_none, "is no address"),
    "another chart": (another_chart, "is that of db 1.2.3, expected web 1.2.3"),
    "another version": (another_version, "is that of web 1.2.4, expected web 1.2.3"),
    "no such digest": (not_there, "does not exist"),
}


@pytest.mark.parametrize("name", REGISTRY)
def test_a_hostile_registry_is_refused(place: Place, name: str) -> None:
    case, expected = REGISTRY[name]
    digest = case(place)

    with pytest.raises(ChartError) as caught:
        place.pulled(digest)

    assert expected in str(caught.value)
    assert not isinstance(caught.value, ChartUnavailableError)
    assert place.other.requests == []


@pytest.mark.parametrize("case", [blob_moves, realm_elsewhere])
def test_a_policy_names_other_hosts(place: Place, case: Case) -> None:
    digest = case(place)
    named = {"token_hosts": (place.other.place,), "download_hosts": ("127.0.0.1",)}

    assert place.pulled(digest, **named) == FILES
    assert len(place.other.requests) == 1


REPOSITORY: dict[str, tuple[dict[str, str], str]] = {
    "an archive on another host": ({"url": "https://OTHER/web.tgz"}, "add it to `downloadHosts`"),
    "an address that is none": ({"url": "https://[::1"}, "refers to an address that is none"),
    "an address that is none either": (
        {"url": "https://a:b/"},
        "refers to an address that is none",
    ),
    "an archive of this machine": ({"url": "file:///etc/passwd"}, "only https is permitted"),
    "an archive with another digest": ({"digest": "1" * 64}, "has the digest sha256:1111"),
    "an archive of a registry": ({"url": "oci://OTHER/web:1.2.3"}, "`chart: oci://OTHER/web`"),
    "an archive that is not there": ({"url": "../none.tgz"}, "/none.tgz does not exist"),
}


@pytest.mark.parametrize("name", REPOSITORY)
def test_a_hostile_repository_is_refused(place: Place, name: str) -> None:
    changes, expected = REPOSITORY[name]
    digest = place.host.publish(**changes)  # type: ignore[arg-type]

    with pytest.raises(ChartError) as caught:
        place.taken(digest)

    assert expected in str(caught.value)


@pytest.mark.parametrize(
    ("index", "expected"),
    [
        (b"entries: {}", "has no chart 'web'"),
        (b"entries: {web: [{version: 1.0.0}]}", "no version 1.2.3 of web (it has 1.0.0)"),
        (b"entries: {web: [{version: 1.2.3}]}", "gives no address"),
        (b"entries: [\n", "index.yaml:2:1"),
        (b"a: &a [x]\nb: [" + b"*a, " * 200 + b"]", "more than 100 aliases"),
    ],
)
def test_an_index_that_is_wrong_is_refused(place: Place, index: bytes, expected: str) -> None:
    place.host.pages["/stable/index.yaml"] = Reply(body=index)

    with pytest.raises(ChartError) as caught:
        place.taken(MISSING)

    assert expected in str(caught.value)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_host_that_cannot_now_is_tried_again(place: Place, status: int) -> None:
    digest = place.host.push()
    place.host.faults[f"/v2/charts/web/manifests/{digest}"] = lambda: Reply(status)
    with pytest.raises(ChartUnavailableError, match=f"answers with status {status}"):
        place.pulled(digest)

    place.host.faults.clear()
    assert place.pulled(digest) == FILES


def test_a_host_that_does_not_answer_is_tried_again(place: Place) -> None:
    place.host.stop()
    with pytest.raises(ChartUnavailableError, match=r"127\.0\.0\.1 cannot be reached"):
        place.pulled(MISSING)


def test_a_host_that_breaks_off_is_tried_again(place: Place) -> None:
    digest = place.host.push()

    def broken() -> Reply:
        raise ConnectionError

    place.host.faults[f"/v2/charts/web/manifests/{digest}"] = broken
    with pytest.raises(ChartUnavailableError, match=r"^127\.0\.0\.1: "):
        place.pulled(digest)


def test_a_host_that_takes_for_ever_is_given_up(place: Place) -> None:
    digest, ended = place.host.push(), threading.Event()

    def slow() -> Reply:
        ended.wait()
        return Reply()

    place.host.faults[f"/v2/charts/web/manifests/{digest}"] = slow
    hasty = replace(place, store=replace(place.store, seconds=0.2))
    try:
        with pytest.raises(ChartUnavailableError, match=r"longer than 0\.2 s"):
            hasty.pulled(digest)
    finally:
        ended.set()


def test_a_certificate_that_nobody_trusts_is_told(place: Place) -> None:
    digest = place.host.push()
    with pytest.raises(ChartError, match="set SWITCHYARD_CHART_CA_FILE"):
        replace(place, store=replace(place.store, ca_file=None)).pulled(digest)


def test_a_private_network_is_only_for_those_who_name_it(place: Place) -> None:
    digest = place.host.push()
    with pytest.raises(ChartError, match=r"has the address 127\.0\.0\.1, which is not public"):
        place.pulled(digest, private_network=False)
    assert place.host.requests == []


def test_wrong_credentials_are_told_without_them(place: Place) -> None:
    place.host.password = PASSWORD
    digest = place.host.push()
    wrong = replace(place.store, credentials={place.host.place: "robot:wrong-password"})
    with pytest.raises(ChartError, match="in SWITCHYARD_CHART_CREDENTIALS") as caught:
        replace(place, store=wrong).pulled(digest)
    assert "wrong-password" not in str(caught.value)


HELM: dict[str, tuple[Case, bool]] = {
    "a good chart": (lambda place: place.host.push(), True),
    "an archive with another digest": (wrong_layer, False),
    "an archive on another host": (blob_moves, True),
    "an image index": (image_index, False),
    "no such digest": (not_there, False),
    "another chart": (another_chart, True),
}


@pytest.mark.skipif(
    shutil.which("helm", path=f"{sys.prefix}/bin{os.pathsep}{os.environ['PATH']}") is None,
    reason="helm is not on PATH: the wheel with it has no program for this platform",
)
@pytest.mark.parametrize("name", HELM)
def test_the_real_helm_pulls_from_this_registry(place: Place, name: str) -> None:
    """The fake speaks the real dialect; where helm accepts more, a policy or a document says so."""
    case, pulled = HELM[name]
    digest = case(place)

    assert place.helm_pulls(f"oci://{place.host.place}/charts/web@{digest}") is pulled
