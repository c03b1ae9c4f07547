"""Authorities and certificates for tests, made with openssl."""

import ssl
import subprocess
from pathlib import Path


class Authority:
    """An authority of the test's own, which signs what it is asked to; its files are in `folder`."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self.file, self._key = folder / f"{name}.crt", folder / f"{name}.key"
        _openssl(
            "req", "-x509", *_NEW_KEY, "-nodes", "-subj", f"/CN={name}", "-days", "2",
            "-addext", "keyUsage=critical,keyCertSign", "-keyout", self._key, "-out", self.file,
        )  # fmt: skip

    def sign(self, into: Path, *names: str) -> None:
        """Make a certificate for DNS `names` and 127.0.0.1, as tls.crt and tls.key in the folder `into`."""
        into.mkdir(parents=True, exist_ok=True)
        request, extensions = self._folder / "request", self._folder / "extensions"
        wanted = ",".join([*(f"DNS:{name}" for name in names), "IP:127.0.0.1"])
        extensions.write_text(f"subjectAltName={wanted}\nextendedKeyUsage=serverAuth\nauthorityKeyIdentifier=keyid\n")
        _openssl("req", *_NEW_KEY, "-nodes", "-subj", "/CN=api", "-keyout", into / "tls.key", "-out", request)
        _openssl(
            "x509", "-req", "-in", request, "-CA", self.file, "-CAkey", self._key, "-CAcreateserial", "-days", "2",
            "-extfile", extensions, "-out", into / "tls.crt",
        )  # fmt: skip

    def context(self) -> ssl.SSLContext:
        """Return a client's context that trusts this authority alone."""
        return ssl.create_default_context(cafile=str(self.file))


_NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")


def _openssl(*arguments: str | Path) -> None:
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
