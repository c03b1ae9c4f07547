"""TLS of a real process: what it takes and refuses, plain HTTP on the loopback port, and a renewed certificate."""

import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from support.certificates import Authority
from support.cluster import Cluster, wait_for

from .program import run
from .served import Served, _free_port

LOOK_SECONDS = 0.2


@dataclass(frozen=True)
class Mounted:
    """A folder as the kubelet mounts a Secret: files that are links into a folder behind a link, which is swapped."""

    folder: Path
    authority: Authority

    def mount(self, authority: Authority) -> None:
        """Put a new certificate there, signed by `authority`."""
        made = self.folder / f"..{len(list(self.folder.glob('..*')))}"
        authority.sign(made, "localhost")
        self.swap(made)

    def swap(self, made: Path) -> None:
        """Let the files be those of the folder `made`."""
        link = self.folder / "..data_tmp"
        link.symlink_to(made.name)
        link.rename(self.folder / "..data")
        for name in ("tls.crt", "tls.key"):
            if not (self.folder / name).is_symlink():
                (self.folder / name).symlink_to(f"..data/{name}")


class SecureAPI(Served):
    """The API with TLS, and plain HTTP on a loopback port."""

    def __init__(self, folder: Path, kubeconfig: Path, mounted: Mounted) -> None:
        self.loopback_port = _free_port()
        super().__init__(
            folder,
            kubeconfig,
            listen_host="0.0.0.0",
            tls_certificate_file=mounted.folder / "tls.crt",
            tls_key_file=mounted.folder / "tls.key",
            tls_interval_seconds=LOOK_SECONDS,
            loopback_port=self.loopback_port,
        )
        self.url = f"https://localhost:{self.port}"
        self.http = self.client(mounted.authority)

    def client(self, authority: Authority) -> httpx.Client:
        """Return a client that trusts `authority` alone."""
        return httpx.Client(base_url=self.url, verify=authority.context(), timeout=30)

    def answers(self, authority: Authority) -> bool:
        """Return whether a new connection is served with a certificate of `authority`."""
        with self.client(authority) as client:
            try:
                return client.get("/healthz").is_success
            except httpx.ConnectError as error:
                assert "CERTIFICATE_VERIFY_FAILED" in str(error)
                return False


@pytest.fixture
def mounted(tmp_path: Path) -> Mounted:
    """A certificate, mounted."""
    made = Mounted(tmp_path / "mounted", Authority(tmp_path / "authority"))
    made.folder.mkdir()
    made.mount(made.authority)
    return made


@pytest.fixture
def api(tmp_path: Path, cluster: Cluster, mounted: Mounted) -> Iterator[SecureAPI]:
    """The API with that certificate."""
    with SecureAPI(tmp_path, cluster.kubeconfig, mounted) as served:
        yield served


def test_who_gets_in_by_which_door(api: SecureAPI, mounted: Mounted, tmp_path: Path) -> None:
    assert api.http.get("/healthz").text == "ok\n"
    assert not api.answers(Authority(tmp_path / "stranger"))
    with pytest.raises(httpx.TransportError):
        httpx.get(f"http://localhost:{api.port}/healthz")
    assert httpx.get(f"http://localhost:{api.loopback_port}/healthz").text == "ok\n"
    # Another address of this machine, on which a server of all addresses would be found
    socket.create_connection(("127.0.0.2", api.port)).close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", api.loopback_port))
    code, _ = api.stop()
    assert code == 0
    # The connection that the client keeps is not waited for
    assert "timeout graceful shutdown exceeded" not in api.log


@pytest.mark.parametrize(
    ("version", "taken"),
    [(ssl.TLSVersion.TLSv1_1, False), (ssl.TLSVersion.TLSv1_2, True), (ssl.TLSVersion.TLSv1_3, True)],
    ids=["1.1", "1.2", "1.3"],
)
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated:DeprecationWarning")
def test_versions_of_tls(api: SecureAPI, mounted: Mounted, version: ssl.TLSVersion, taken: bool) -> None:
    context = mounted.authority.context()
    # What the library itself would not offer any more is offered here, so that it is the API that refuses
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    with socket.create_connection(("127.0.0.1", api.port)) as connection:
        if taken:
            with context.wrap_socket(connection, server_hostname="localhost") as secured:
                # Forward secrecy and an authenticated cipher, whatever the client would put up with
                name = secured.cipher()[0]  # type: ignore[index]
                assert name.startswith(("ECDHE-ECDSA-AES", "ECDHE-ECDSA-CHACHA20", "TLS_"))
                assert "SHA" not in name.split("-")
        else:
            with pytest.raises(ssl.SSLError, match=r"ALERT_PROTOCOL_VERSION|UNEXPECTED_EOF"):
                context.wrap_socket(connection, server_hostname="localhost")


def test_a_renewed_certificate_is_taken_up_without_a_restart(api: SecureAPI, mounted: Mounted, tmp_path: Path) -> None:
    before = api.http.get("/healthz")
    successor = Authority(tmp_path / "successor")
    assert not api.answers(successor)
    mounted.mount(successor)
    wait_for("the renewed certificate", lambda: api.answers(successor), 20, pause=LOOK_SECONDS)
    assert not api.answers(mounted.authority)
    # The connection that was there goes on
    assert api.http.get("/healthz").text == before.text == "ok\n"
    assert api.log.count("serves the renewed certificate") == 1


def test_a_renewed_certificate_that_is_none_is_told_of_once(api: SecureAPI, mounted: Mounted, tmp_path: Path) -> None:
    first, other = mounted.folder / "..9", tmp_path / "other"
    mounted.authority.sign(first, "localhost")
    mounted.authority.sign(other, "localhost")
    (other / "tls.key").rename(first / "tls.key")
    mounted.swap(first)
    complaint = "the renewed certificate can't be used, so the one before is served on"
    wait_for("the complaint", lambda: complaint in api.log, 20, pause=LOOK_SECONDS)
    assert api.answers(mounted.authority)

    successor = Authority(tmp_path / "successor")
    replace(mounted, authority=successor).mount(successor)
    wait_for("the certificate after it", lambda: api.answers(successor), 20, pause=LOOK_SECONDS)
    assert api.log.count(complaint) == 1


def _nowhere(mounted: Mounted, strangers: Path) -> dict[str, Any]:
    return {"tls_certificate_file": "/nowhere/tls.crt", "tls_key_file": mounted.folder / "tls.key"}


def _key_of_another(mounted: Mounted, strangers: Path) -> dict[str, Any]:
    return {"tls_certificate_file": mounted.folder / "tls.crt", "tls_key_file": strangers / "tls.key"}


def _key_alone(mounted: Mounted, strangers: Path) -> dict[str, Any]:
    return {"tls_key_file": mounted.folder / "tls.key"}


def _certificate_alone(mounted: Mounted, strangers: Path) -> dict[str, Any]:
    return {"tls_certificate_file": mounted.folder / "tls.crt"}


REFUSED = {
    "a file that is not there": (_nowhere, 1, "the certificate in /nowhere/tls.crt can't be served with the key in"),
    "another's key": (_key_of_another, 1, "key values mismatch"),
    "a key alone": (_key_alone, 2, "CRONWRIGHT_TLS_KEY_FILE: Value error, a certificate and its key go together"),
    "a certificate alone": (_certificate_alone, 2, "CRONWRIGHT_TLS_KEY_FILE: Value error, a certificate and its key"),
}


@pytest.mark.parametrize(("settings", "code", "sentence"), REFUSED.values(), ids=REFUSED)
def test_what_can_not_be_served_ends_the_start_with_a_sentence(
    mounted: Mounted, tmp_path: Path, settings: Any, code: int, sentence: str
) -> None:
    mounted.authority.sign(tmp_path / "strangers", "localhost")
    values = {name: str(value) for name, value in settings(mounted, tmp_path / "strangers").items()}
    ended = run("serve", database_url=f"sqlite:///{tmp_path}/timeline.db", **values)
    assert ended.returncode == code
    assert sentence in ended.stderr + ended.stdout
