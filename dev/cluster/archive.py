"""Writes a container image of one layer as an archive that `docker load` and `ctr images import` read.

For the pause image only, which can't be built by an engine that isn't there yet. Cronwright's own images come from the
Dockerfile (`images`).
"""

import hashlib
import io
import json
import platform
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path


def write_image(out: Path, reference: str, files: Mapping[str, Path | str], command: Sequence[str]) -> None:
    """An image that holds `files` (path in it -> file here, or the target of a link) and starts with `command`."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w", format=tarfile.GNU_FORMAT) as content:
        for path, source in sorted(files.items()):
            info = tarfile.TarInfo(path)
            if isinstance(source, str):
                info.type, info.linkname = tarfile.SYMTYPE, source
                content.addfile(info)
            else:
                data = source.read_bytes()
                info.size, info.mode = len(data), 0o755
                content.addfile(info, io.BytesIO(data))
    digest = hashlib.sha256(layer.getvalue()).hexdigest()
    config = json.dumps(
        {
            "architecture": _architecture(),
            "os": "linux",
            "config": {"Entrypoint": list(command)},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
        }
    ).encode()
    name = hashlib.sha256(config).hexdigest() + ".json"
    manifest = json.dumps([{"Config": name, "RepoTags": [reference], "Layers": ["layer.tar"]}]).encode()
    with tarfile.open(out, "w") as archive:
        for member, data in ((name, config), ("layer.tar", layer.getvalue()), ("manifest.json", manifest)):
            info = tarfile.TarInfo(member)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))


def _architecture() -> str:
    machine = platform.machine()
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)
