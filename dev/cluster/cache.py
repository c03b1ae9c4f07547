"""Where everything lives outside the checkout, and how a file or a folder gets there in one piece.

Decides paths and names only. Each thing is written beside its place and renamed into it, so that an interrupted step
leaves either nothing or the whole; locks keep two invocations from doing the same step at once. What is stored, and
when it is out of date, is decided by the modules that store it.
"""

import fcntl
import hashlib
import json
import os
import pwd
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from progress import Failure, say

CHECKOUT = Path(__file__).resolve().parents[2]
CLUSTER_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,18}[a-z0-9])?")


def root() -> Path:
    """The cache folder: `CRONWRIGHT_CACHE`, else `cronwright` in `XDG_CACHE_HOME` or `~/.cache`."""
    own = os.environ.get("CRONWRIGHT_CACHE")
    if own:
        return Path(own).expanduser().resolve()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache").expanduser().resolve() / "cronwright"


def cluster_name() -> str:
    """The name that tells clusters on one machine apart: `CRONWRIGHT_CLUSTER`, by default `local`.

    Raises Failure for a name that can't be part of a network namespace, a cgroup and a Kubernetes context.
    """
    name = os.environ.get("CRONWRIGHT_CLUSTER", "local")
    if not CLUSTER_NAME.fullmatch(name):
        raise Failure(
            f"CRONWRIGHT_CLUSTER is {name!r}: use up to 20 lower-case letters, digits and '-', such as 'trial'."
        )
    return name


def name_on_this_machine(name: str) -> str:
    """`name` for what is not in the cache but the whole machine's: network namespaces, control groups, containers.

    Two caches may hold clusters of the same name. Those of the ordinary cache have the plain names, those of any other
    end in a digest of its path, so that none takes another's for its own.
    """
    ordinary = Path(pwd.getpwuid(os.geteuid()).pw_dir).resolve() / ".cache" / "cronwright"
    return name if root() == ordinary else f"{name}-{digest([str(root())])[:6]}"


def digest(parts: Iterable[str | bytes]) -> str:
    """Twelve hexadecimal digits that change when any of the parts, or where one ends and the next begins, changes."""
    total = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        total.update(len(data).to_bytes(8, "big"))
        total.update(data)
    return total.hexdigest()[:12]


def digest_of_files(base: Path, files: Iterable[Path]) -> str:
    """The digest of the files' paths below `base`, their contents and whether they can be executed."""
    parts: list[str | bytes] = []
    for path in sorted(files):
        parts += [
            path.relative_to(base).as_posix(),
            "x" if os.access(path, os.X_OK) else "-",
            path.read_bytes(),
        ]
    return digest(parts)


def write(path: Path, text: str, mode: int = 0o644) -> None:
    """Puts `text` at `path` in one piece; a reader sees the old content or the new, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    with os.fdopen(handle, "w") as out:
        out.write(text)
    Path(temporary).chmod(mode)
    Path(temporary).replace(path)


def read_json(path: Path) -> dict[str, object]:
    """The object stored at `path`, or an empty one where there is none. Raises Failure when it isn't an object."""
    if not path.exists():
        return {}
    try:
        stored = json.loads(path.read_text())
    except ValueError as error:
        raise Failure(f"{path} is not JSON ({error}): delete it; it is made again.") from error
    if not isinstance(stored, dict):
        raise Failure(f"{path} holds no JSON object: delete it; it is made again.")
    return stored


def write_json(path: Path, value: Mapping[str, object], mode: int = 0o644) -> None:
    write(path, json.dumps(value, indent=2, sort_keys=True) + "\n", mode)


@contextmanager
def folder_in_the_making(target: Path) -> Iterator[Path]:
    """A temporary folder that takes the place of `target` when the block ends well, and is gone when it doesn't.

    The caller holds a lock: what lies there from a block that was killed is removed first.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    for abandoned in target.parent.glob(f".{target.name}.*"):
        shutil.rmtree(abandoned)
    temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    temporary.chmod(0o755)
    try:
        yield temporary
        if target.exists():
            shutil.rmtree(target)
        temporary.replace(target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Holds the lock file at `path`; says so and waits while somebody else does. The kernel frees it when we die."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for another dev/cluster that works on {path.name.removesuffix('.lock')}")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
