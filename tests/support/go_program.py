"""Go programs of the checkout, built once and kept outside of it. The toolchain has to be there; modules come from its
cache or its proxy.
"""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path


def built(source: Path, folder: str, flags: Sequence[str] = (), **environment: str) -> Path:
    """Return the program of the module in `source`, kept in the cache's `folder`; `flags` are those of `go build`.

    Raises where Go is missing or the build fails.
    """
    inputs = [part for path in sorted(source.iterdir()) for part in (path.name.encode(), path.read_bytes())]
    inputs += [part.encode() for part in (*flags, *(f"{name}={value}" for name, value in sorted(environment.items())))]
    key = hashlib.sha256(b"\0".join(inputs)).hexdigest()[:16]
    program = _cache() / folder / f"{source.name}-{key}"
    if not program.exists():
        go = shutil.which("go")
        if go is None:
            raise RuntimeError(f"{source.name} is a Go program; install Go 1.22 or later and put it on the PATH")
        program.parent.mkdir(parents=True, exist_ok=True)
        # Moved into place when it is whole: two test runs at once, or one that is interrupted, leave no half program.
        unfinished = program.with_suffix(f".{os.getpid()}")
        subprocess.run(
            [go, "build", *flags, "-o", unfinished, "."], cwd=source, env={**os.environ, **environment}, check=True
        )
        unfinished.replace(program)
    return program


def _cache() -> Path:
    own = os.environ.get("CRONWRIGHT_CACHE")
    if own:
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cronwright"
