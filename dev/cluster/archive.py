"""Writes container images as archives that `docker load`, `ctr images import` and kind read, without any engine.

For what is needed before there is an engine, or what an engine can't pull: the pause image, and the images of a node
that was built here. Cronwright's own come from the Dockerfile (`images`).
"""

import hashlib
import io
import json
import platform
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

# Path in the image -> the file here that it is a copy of, or the text of a symbolic link.
Layer = Mapping[str, Path | str]
SEARCH_PATH = "PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Image:
    """One image: its references, its layers by name from the bottom up, and its configuration beside PATH."""

    references: Sequence[str]
    layers: Sequence[str]
    configuration: Mapping[str, object] = field(default_factory=dict)


def write(out: Path, layers: Mapping[str, Layer], images: Iterable[Image]) -> None:
    """Writes the images into one archive; a layer that several share is in it once."""
    chosen = list(images)
    with tarfile.open(out, "w") as archive:
        # kind reads `repositories`, if it comes first, to learn every reference; of manifest.json it reads one image.
        repositories: dict[str, dict[str, str]] = {}
        for image in chosen:
            for reference in image.references:
                repository, tag = reference.rsplit(":", 1)
                repositories.setdefault(repository, {})[tag] = ""
        _add(archive, "repositories", json.dumps(repositories).encode())
        digests: dict[str, str] = {}
        for name in dict.fromkeys(name for image in chosen for name in image.layers):
            content = _layer(layers[name])
            digests[name] = hashlib.sha256(content).hexdigest()
            _add(archive, f"{digests[name]}.tar", content)
        manifest = []
        for image in chosen:
            configuration = json.dumps(
                {
                    "architecture": architecture(),
                    "os": "linux",
                    "config": {"Env": [SEARCH_PATH], **image.configuration},
                    "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digests[name]}" for name in image.layers]},
                }
            ).encode()
            file = hashlib.sha256(configuration).hexdigest() + ".json"
            _add(archive, file, configuration)
            manifest.append(
                {
                    "Config": file,
                    "RepoTags": list(image.references),
                    "Layers": [f"{digests[name]}.tar" for name in image.layers],
                }
            )
        _add(archive, "manifest.json", json.dumps(manifest).encode())


def architecture() -> str:
    """This machine's, by the name that images use."""
    machine = platform.machine()
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)


def _layer(files: Layer) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as content:
        for path, source in sorted(files.items()):
            info = tarfile.TarInfo(path)
            if isinstance(source, str):
                info.type, info.linkname = tarfile.SYMTYPE, source
                content.addfile(info)
            else:
                data = source.read_bytes()
                info.size, info.mode = len(data), source.stat().st_mode & 0o777
                content.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def _add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    archive.addfile(info, io.BytesIO(data))
