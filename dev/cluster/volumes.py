"""Volumes of a local cluster, where nothing provisions them: a default StorageClass and a few folders of this machine.

A volume whose claim is gone is emptied and offered again.
"""

import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

COUNT = 20
CAPACITY = "20Gi"
STORAGE_CLASS = "standard"


def storage_class() -> dict[str, object]:
    """The class that a claim without one gets."""
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {
            "name": STORAGE_CLASS,
            "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
        },
        "provisioner": "kubernetes.io/no-provisioner",
        "volumeBindingMode": "WaitForFirstConsumer",
    }


def volume(name: str, node: str, folder: Path) -> dict[str, object]:
    """One PersistentVolume in a folder of the node; of type `local`, so that a pod's fsGroup is honoured."""
    here = {"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name},
        "spec": {
            "storageClassName": STORAGE_CLASS,
            "capacity": {"storage": CAPACITY},
            "accessModes": ["ReadWriteOnce"],
            "persistentVolumeReclaimPolicy": "Retain",
            "local": {"path": str(folder / name)},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [here]}]}},
        },
    }


def names() -> list[str]:
    return [f"volume-{number:02d}" for number in range(1, COUNT + 1)]


def to_renew(phases: Mapping[str, str]) -> list[str]:
    """Those of our volumes, by the phases of what is there, that no claim will ever use as they are."""
    return [name for name in names() if phases.get(name, "Failed") in ("Released", "Failed")]


def phases(listed: object) -> dict[str, str]:
    """Name to phase, from the API server's list of PersistentVolumes."""
    items = listed.get("items", []) if isinstance(listed, dict) else []
    return {item["metadata"]["name"]: item.get("status", {}).get("phase", "Pending") for item in items}


def manifest(renewed: Iterable[str], node: str, folder: Path) -> str:
    """The class and these volumes as one JSON document for kubectl."""
    items: Sequence[dict[str, object]] = [storage_class(), *(volume(name, node, folder) for name in renewed)]
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": items})


def empty(renewed: Iterable[str], folder: Path) -> None:
    """Makes the volumes' folders anew."""
    for name in renewed:
        shutil.rmtree(folder / name, ignore_errors=True)
        (folder / name).mkdir(parents=True)
