"""The API's settings: one typed class, read once in `main` from the environment. docs/api.md lists them all."""

import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Literal

from pydantic import Field, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """What an installation decides. Each is the environment variable CRONWRIGHT_<NAME>."""

    model_config = SettingsConfigDict(env_prefix="CRONWRIGHT_", frozen=True)

    database_url: str = Field(
        "sqlite:////var/lib/cronwright/timeline.db",
        description="Where the timeline is kept: sqlite:////absolute/path, or postgresql://user:password@host/database.",
    )
    listen_host: str = Field("0.0.0.0", description="The address that the API listens on.")
    listen_port: int = Field(6336, ge=0, le=65535, description="The port that the API listens on.")
    metrics_host: str = Field("0.0.0.0", description="The address that /metrics listens on.")
    metrics_port: int = Field(9090, ge=0, le=65535, description="The port of /metrics.")
    tls_certificate_file: str = Field("", description="PEM file with the certificate chain; empty for plain HTTP.")
    tls_key_file: str = Field("", description="PEM file with the certificate's key.", validate_default=True)
    tls_interval_seconds: float = Field(
        10, gt=0, description="How often the API looks whether the certificate was renewed."
    )
    loopback_port: int = Field(
        0,
        ge=0,
        le=65535,
        description="A port of 127.0.0.1 that takes plain HTTP besides, for kubectl port-forward; 0 for none.",
    )
    trusted_proxies: str = Field(
        "",
        description="Networks, with commas between, whose Forwarded and X-Forwarded-Host/-Proto headers are believed.",
    )
    watch_namespaces: str = Field(
        "", description="Namespaces whose Tasks are served, with commas between; empty for all of them."
    )
    default_namespace: str = Field(
        "default", description="Where a Task goes that names no namespace; the first of those served, if it isn't one."
    )
    operator_account: str = Field(
        "system:serviceaccount:cronwright-system:cronwright-operator",
        description="The user name of the operator, who may post events of every Task.",
    )
    retention_days: int = Field(90, ge=1, le=36500, description="Events older than this many days are deleted.")
    retention_rows: int = Field(1_000_000, ge=1, description="Of more events than this the oldest are deleted.")
    retention_interval_seconds: float = Field(
        600, gt=0, description="How often retention looks for what is to be deleted."
    )
    log_format: Literal["json", "console"] = Field(
        "json", description="json: one object a line; console: for a person's eyes."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="The least level that is logged."
    )

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, url: str) -> str:
        if not url.startswith(("sqlite:///", "postgresql://")):
            # The URL itself may hold a password, so it is not shown
            raise ValueError("write sqlite:////absolute/path/timeline.db or postgresql://user:password@host/database")
        return url

    @field_validator("tls_key_file")
    @classmethod
    def _has_both(cls, key: str, others: ValidationInfo) -> str:
        chain = others.data.get("tls_certificate_file")
        if bool(key) != bool(chain):
            raise ValueError("a certificate and its key go together; set CRONWRIGHT_TLS_CERTIFICATE_FILE and this one")
        return key

    @field_validator("trusted_proxies")
    @classmethod
    def _known_networks(cls, networks: str) -> str:
        _networks(networks)
        return networks

    @field_validator("watch_namespaces", "default_namespace")
    @classmethod
    def _known_names(cls, names: str) -> str:
        for name in filter(None, _words(names)):
            if not _NAMESPACE.fullmatch(name):
                raise ValueError(f"{name!r} is no name of a namespace; write small letters, digits and - only")
        return names

    @property
    def scopes(self) -> tuple[str, ...]:
        """What is watched: the namespaces of `watch_namespaces`, or an empty name for the whole cluster."""
        return tuple(dict.fromkeys(filter(None, _words(self.watch_namespaces)))) or ("",)

    @property
    def first_namespace(self) -> str:
        """`default_namespace` where it is served, else the first one that is."""
        served = "" in self.scopes or self.default_namespace in self.scopes
        return self.default_namespace if served else self.scopes[0]

    @property
    def trusted_networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """The networks of `trusted_proxies`."""
        return _networks(self.trusted_proxies)


_NAMESPACE = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?")


def _words(text: str) -> list[str]:
    return [part.strip() for part in text.split(",")]


def _networks(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(ip_network(part) for part in _words(text) if part)
