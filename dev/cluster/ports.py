"""Which port of this machine leads to the API: a decision, and the one question to the kernel that it needs.

Chosen once for a cluster and kept in its settings, so that a URL that was handed out stays true.
"""

import errno
import socket
from collections.abc import Callable
from pathlib import Path

import cache
from progress import Failure, say

API_PORT = 6336
CANDIDATES = 200


def choose(is_free: Callable[[int], bool]) -> int:
    """6336, else the next one up that is free. Raises LookupError when none is."""
    for port in range(API_PORT, API_PORT + CANDIDATES):
        if is_free(port):
            return port
    raise LookupError(f"no port from {API_PORT} to {API_PORT + CANDIDATES - 1} is free on this machine")


def choose_for_cluster(clusters: Path) -> int:
    """A port that is free and that no other cluster, running or not, has in its settings below the folder `clusters`.

    Raises Failure when there is none.
    """
    others = {cache.read_json(settings).get("port") for settings in clusters.glob("*/settings.json")}
    try:
        port = choose(lambda candidate: candidate not in others and is_free(candidate))
    except LookupError as error:
        raise Failure(f"The API needs a port: {error}.") from error
    if port != API_PORT:
        say(f"port {API_PORT} of this machine is taken; the API will be at http://localhost:{port}")
    return port


def is_free(port: int) -> bool:
    """Whether nobody listens on that TCP port of localhost."""
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        try:
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((address, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            # No IPv6 here: nothing can listen there, either.
    return True
