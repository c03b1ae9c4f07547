"""The API's certificate: what connections are served with, and how a renewed one is taken up without a restart.

Where the certificate comes from is for the chart; who is trusted is for the callers.
"""

import asyncio
import ssl
from pathlib import Path

import structlog

_Pair = tuple[Path, bytes, Path, bytes]

_log = structlog.get_logger()


class Certificate:
    """A certificate chain and its key, in two PEM files that may be replaced at any moment."""

    def __init__(self, chain: Path, key: Path) -> None:
        """Read them. Raises OSError where they can't be used; the sentence names both."""
        self._chain, self._key = chain, key
        self.context = _context()
        """What the server takes; new connections have the certificate that was read last."""
        try:
            self._served = self._read()
            self.context.load_cert_chain(self._served[0], self._served[2])
        except OSError as error:
            raise OSError(f"the certificate in {chain} can't be served with the key in {key}: {error}") from error
        self._refused: _Pair | None = None

    def renew(self) -> bool:
        """Take up what is in the files by now, and return whether it is another certificate.

        One that can't be used is told of once, and the one before is served on.
        """
        try:
            found = self._read()
            if found in (self._served, self._refused):
                return False
            self._refused = found
            # Not into what serves before it is known to be right: a key that doesn't fit would end all of it
            _context().load_cert_chain(found[0], found[2])
            self.context.load_cert_chain(found[0], found[2])
        except OSError as error:
            _log.warning("the renewed certificate can't be used, so the one before is served on", detail=str(error))
            return False
        self._served, self._refused = found, None
        return True

    async def follow(self, seconds: float) -> None:
        """Look every so many `seconds`, for ever, whether there is a renewed one."""
        while True:
            await asyncio.sleep(seconds)
            if self.renew():
                _log.info("serves the renewed certificate", file=str(self._chain))

    def _read(self) -> _Pair:
        # The kubelet swaps a whole folder behind a link: looked up once, so that chain and key are of one time
        chain, key = self._chain.resolve(), self._key.resolve()
        return chain, chain.read_bytes(), key, key.read_bytes()


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context
