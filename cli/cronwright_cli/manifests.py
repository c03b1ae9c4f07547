"""Manifests as text that kubectl takes: YAML in which every string stays a string for any reader, or a JSON List."""

import json
import re
from collections.abc import Sequence

import yaml

from cronwright.jsontypes import JSON

Manifest = dict[str, JSON]


def to_yaml(manifests: Sequence[Manifest]) -> str:
    """Return `manifests` as YAML documents."""
    documents = (
        yaml.dump(
            manifest, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=float("inf"), default_flow_style=False
        )
        for manifest in manifests
    )
    return "---\n".join(documents)


def to_json(manifests: Sequence[Manifest]) -> str:
    """Return `manifests` as one `List` of Kubernetes."""
    listed = {"apiVersion": "v1", "kind": "List", "items": list(manifests)}
    return json.dumps(listed, indent=2, ensure_ascii=False) + "\n"


class _Dumper(yaml.SafeDumper):
    """Leaves a string without quotes only where no version of YAML could take it for something else."""

    def ignore_aliases(self, data: object) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


# PyYAML itself would write 1e3 plain, which Go's library, and so kubectl, reads as a number; likewise y and n.
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./@-]*(?: [A-Za-z0-9_./@-]+)*")
_WORDS = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"))


def _string(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    plain = _PLAIN.fullmatch(text) is not None and text.lower() not in _WORDS
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if plain else '"')


_Dumper.add_representer(str, _string)
