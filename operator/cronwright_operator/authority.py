"""The certificates that the timeline's is checked against: a mounted file, read anew where it has changed.

The operator checks its own connections against them, and hands them on to the pods of runs.
"""

import asyncio
import ssl
from collections.abc import Callable
from pathlib import Path

import structlog

from cronwright.certificates import certificates_in

LOOK_SECONDS = 10.0
"""How often the file is looked at; the kubelet takes a minute or two to change it."""

log = structlog.get_logger(__name__)


class Authority:
    """The certificates in the file at `path`; without one, those that the image trusts.

    A file that goes away or can't be used leaves those that were read before: runs under way trust them, too.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._complaint = ""
        self.certificates: str | None = None
        """In PEM; None where the image's are meant."""
        self.context: ssl.SSLContext | bool = True
        """What aiohttp takes as `ssl`."""
        self.renew()

    def renew(self) -> bool:
        """Read the file, and return whether other certificates are trusted than before."""
        if self._path is None:
            return False
        try:
            found = certificates_in(self._path.read_text(encoding="ascii"))
            if found == self.certificates:
                self._complaint = ""
                return False
            context = ssl.create_default_context(cadata=found)
        except (OSError, ValueError) as error:
            self._complain(f"{self._path} can't be used: {error}")
            return False
        self.certificates, self.context, self._complaint = found, context, ""
        return True

    async def follow(self, changed: Callable[[], None]) -> None:
        """Look again and again, for ever, and call `changed` each time that other certificates are trusted."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if self.renew():
                log.info("the timeline's certificate is checked against others than before", file=str(self._path))
                changed()

    def _complain(self, complaint: str) -> None:
        if complaint == self._complaint:
            return
        self._complaint = complaint
        instead = "those read before" if self.certificates else "those of this image"
        log.warning("the timeline's certificate is not checked against the file's", why=complaint, instead=instead)
