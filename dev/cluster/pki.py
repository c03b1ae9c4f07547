"""The keys and certificates of a local cluster, made with openssl.

One authority for everything, ten years; the API server's own two, one year, made again a month before they end or when
an address changes. Nothing outside the cluster's state folder ever trusts them.
"""

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import cache
import commands

AUTHORITY_DAYS = 3650
CERTIFICATE_DAYS = 365
CERTIFICATES = ("ca", "api", "kubelet-client")
RENEW_SECONDS = 30 * 24 * 3600


def ensure(folder: Path, addresses: Sequence[str], names: Sequence[str]) -> None:
    """Makes what is missing or near its end.

    In `folder` afterwards: ca.crt and ca.key; sa.key (signs service account tokens); api.crt and api.key (the API
    server, for these addresses and names); kubelet-client.crt and .key (how it shows itself to the kubelet).
    """
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    if not _holds(folder / "ca.crt") or not (folder / "sa.key").exists():
        _authority(folder)
    wanted = ",".join([*(f"DNS:{name}" for name in names), *(f"IP:{address}" for address in addresses)])
    served = folder / "api.names"
    if not _holds(folder / "api.crt") or not served.exists() or served.read_text() != wanted:
        _certificate(folder, "api", "/CN=kube-apiserver", f"subjectAltName={wanted}\nextendedKeyUsage=serverAuth\n")
        cache.write(served, wanted)
    if not _holds(folder / "kubelet-client.crt"):
        subject = "/O=system:masters/CN=kube-apiserver-kubelet-client"
        _certificate(folder, "kubelet-client", subject, "extendedKeyUsage=clientAuth\n")


def _holds(certificate: Path) -> bool:
    """Whether a certificate is there, with its key, for a month at least."""
    return (
        certificate.exists()
        and certificate.with_suffix(".key").exists()
        and commands.succeeds(["openssl", "x509", "-checkend", str(RENEW_SECONDS), "-noout", "-in", certificate])
    )


def _authority(folder: Path) -> None:
    with tempfile.TemporaryDirectory(dir=folder) as made:
        new = Path(made)
        commands.run(["openssl", "genrsa", "-out", new / "sa.key", "2048"])
        commands.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=cronwright-local-ca",
             "-days", str(AUTHORITY_DAYS), "-keyout", new / "ca.key", "-out", new / "ca.crt"]
        )  # fmt: skip
        for stale in folder.glob("*.crt"):
            stale.unlink()  # signed by the authority that is replaced
        for name in ("sa.key", "ca.key", "ca.crt"):  # the certificate last: with it the set is complete
            shutil.move(new / name, folder / name)


def _certificate(folder: Path, name: str, subject: str, extensions: str) -> None:
    with tempfile.TemporaryDirectory(dir=folder) as made:
        new = Path(made)
        (new / "extensions").write_text(extensions)
        commands.run(
            ["openssl", "req", "-new", "-newkey", "rsa:2048", "-nodes", "-subj", subject,
             "-keyout", new / "key", "-out", new / "request"]
        )  # fmt: skip
        commands.run(
            ["openssl", "x509", "-req", "-in", new / "request", "-CA", folder / "ca.crt", "-CAkey", folder / "ca.key",
             "-CAcreateserial", "-days", str(CERTIFICATE_DAYS), "-extfile", new / "extensions", "-out", new / "crt"]
        )  # fmt: skip
        (folder / f"{name}.crt").unlink(missing_ok=True)
        shutil.move(new / "key", folder / f"{name}.key")
        shutil.move(new / "crt", folder / f"{name}.crt")
