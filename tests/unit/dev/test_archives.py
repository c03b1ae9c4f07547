"""Archives of images: whole ones, and those without what the cluster holds already."""

import hashlib
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest

import archive
import layers
from archive import Image


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """Two images that share their lower layer."""
    file = tmp_path / "program"
    file.write_text("program")
    content: Mapping[str, archive.Layer] = {
        "system": {"bin/sh": file, "bin/bash": "sh"},
        "one": {"one": file},
        "two": {"two": file},
    }
    images = [Image([f"cronwright/{name}:1"], ["system", name], {"Cmd": [name]}) for name in ("one", "two")]
    out = tmp_path / "saved.tar"
    archive.write(out, content, images)
    return out


def members(path: Path) -> dict[str, bytes]:
    with tarfile.open(path) as content:
        found = {}
        for member in content.getmembers():
            extracted = content.extractfile(member)
            found[member.name] = extracted.read() if extracted else b""
        return found


def thinned(saved: Path, held: list[str]) -> dict[str, bytes]:
    layers.thin(saved, saved.with_suffix(".thin"), held)
    return members(saved.with_suffix(".thin"))


def layer_digests(content: Mapping[str, bytes]) -> list[list[str]]:
    """For each image of a layout, by way of its manifest, the digests of its layers."""
    found = []
    for entry in json.loads(content["index.json"])["manifests"]:
        manifest = json.loads(content["blobs/" + entry["digest"].replace(":", "/")])
        found.append([layer["digest"] for layer in manifest["layers"]])
    return found


def test_a_shared_layer_is_in_an_archive_once(saved: Path) -> None:
    content = members(saved)
    manifest = json.loads(content["manifest.json"])
    assert manifest[0]["Layers"][0] == manifest[1]["Layers"][0]
    assert len([name for name in content if name.endswith(".tar")]) == 3
    assert next(iter(content)) == "repositories"  # where kind looks for the names


def test_every_blob_of_a_thin_archive_has_the_digest_that_names_it(saved: Path) -> None:
    blobs = {name: data for name, data in thinned(saved, []).items() if name.startswith("blobs/")}
    assert len(blobs) == 3 + 2 + 2  # layers, configurations, manifests
    assert all(name == f"blobs/sha256/{hashlib.sha256(data).hexdigest()}" for name, data in blobs.items())


def test_a_layer_that_is_held_is_named_but_not_there(saved: Path) -> None:
    whole = thinned(saved, [])
    system = layer_digests(whole)[0][0]
    thin = thinned(saved, [system])
    assert whole.keys() - thin.keys() == {"blobs/" + system.replace(":", "/")}
    assert layer_digests(thin) == layer_digests(whole)


def test_images_keep_their_names_and_configuration(saved: Path) -> None:
    content = thinned(saved, [])
    index = json.loads(content["index.json"])["manifests"]
    assert [entry["annotations"]["io.containerd.image.name"] for entry in index] == [
        "docker.io/cronwright/one:1",
        "docker.io/cronwright/two:1",
    ]
    manifest = json.loads(content["blobs/" + index[1]["digest"].replace(":", "/")])
    configuration = json.loads(content["blobs/" + manifest["config"]["digest"].replace(":", "/")])
    assert configuration["config"]["Cmd"] == ["two"]
    assert configuration["rootfs"]["diff_ids"] == layer_digests(content)[1]


def test_what_is_no_archive_of_images_is_refused(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "other.tar", "w"):
        pass
    with pytest.raises(KeyError, match=r"manifest\.json"):
        layers.thin(tmp_path / "other.tar", tmp_path / "out.tar", [])
