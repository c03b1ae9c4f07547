"""Makes an archive of images small: what the cluster holds already is left out.

An engine can only save images whole, hundreds of megabytes where a change touches a few hundred kilobytes. containerd
imports an archive whose layers are partly in its own store, if the archive has the layout of the OCI image
specification (image-layout.md), whose blobs are named by their digest.
"""

import hashlib
import io
import json
import tarfile
from collections.abc import Collection
from pathlib import Path
from typing import IO

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIGURATION = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
IMAGE_NAME = "io.containerd.image.name"
REFERENCE = "org.opencontainers.image.ref.name"


def thin(saved: Path, out: Path, held: Collection[str]) -> None:
    """Writes the images of `docker save`'s archive `saved` to `out`, without the layers whose digests are in `held`.

    Raises KeyError or tarfile.ReadError when `saved` is no such archive.
    """
    with tarfile.open(saved) as source, tarfile.open(out, "w") as target:
        written = set(held)
        index = []
        for image in json.loads(_content(source, "manifest.json").read()):
            configuration = _content(source, image["Config"]).read()
            layers = []
            for path, digest in zip(image["Layers"], json.loads(configuration)["rootfs"]["diff_ids"], strict=True):
                content = _content(source, path)
                size = content.seek(0, io.SEEK_END)
                content.seek(0)
                layers.append({"mediaType": LAYER, "digest": digest, "size": size})
                if digest not in written:
                    _add(target, _place(digest), content, size)
                    written.add(digest)
            manifest = json.dumps(
                {
                    "schemaVersion": 2,
                    "mediaType": MANIFEST,
                    "config": {"mediaType": CONFIGURATION, **_described(configuration)},
                    "layers": layers,
                }
            ).encode()
            for data in (configuration, manifest):
                _add(target, _place(str(_described(data)["digest"])), io.BytesIO(data), len(data))
            for reference in image["RepoTags"]:
                names = {IMAGE_NAME: f"docker.io/{reference}", REFERENCE: reference.rpartition(":")[2]}
                index.append({"mediaType": MANIFEST, **_described(manifest), "annotations": names})
        for name, value in (
            ("oci-layout", {"imageLayoutVersion": "1.0.0"}),
            ("index.json", {"schemaVersion": 2, "manifests": index}),
        ):
            data = json.dumps(value).encode()
            _add(target, name, io.BytesIO(data), len(data))


def _content(archive: tarfile.TarFile, name: str) -> IO[bytes]:
    """The member's bytes; a layer that another one of the archive repeats is a link to it, and is followed."""
    content = archive.extractfile(name)
    if content is None:
        raise tarfile.ReadError(f"{name} is no file")
    return content


def _described(data: bytes) -> dict[str, object]:
    return {"digest": f"sha256:{hashlib.sha256(data).hexdigest()}", "size": len(data)}


def _place(digest: str) -> str:
    return f"blobs/{digest.replace(':', '/')}"


def _add(archive: tarfile.TarFile, name: str, content: IO[bytes], size: int) -> None:
    info = tarfile.TarInfo(name)
    info.size = size
    archive.addfile(info, content)
