"""The operator's settings, read once in `main` from the environment."""

from dataclasses import replace
from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from cronwright.names import TOKEN_PATH
from cronwright.plan.pod import RunnerSettings


class Settings(BaseSettings):
    """Environment variables with the prefix CRONWRIGHT_. Every field is described in docs/operator.md."""

    model_config = SettingsConfigDict(env_prefix="CRONWRIGHT_", frozen=True)

    runner_image: str = Field(description="Image of runs, such as cronwright/runner:0.1.0.")
    runner_image_pull_policy: Literal["Always", "IfNotPresent", "Never"] = Field(
        "IfNotPresent", description="When a node pulls the runner image."
    )
    runner_image_pull_secrets: str = Field(
        "", description="Names of pull secrets in the Tasks' namespaces, split by commas."
    )
    runner_resources: dict[str, dict[str, str]] | None = Field(
        None, description='Requests and limits of a run, as JSON, such as {"limits": {"memory": "256Mi"}}.'
    )
    api_url: str | None = Field(None, description="Base URL of the timeline as pods reach it; unset means no timeline.")
    token_path: Path = Field(
        Path(TOKEN_PATH), description="File with the token that the operator shows to the timeline."
    )
    namespaces: str = Field("", description="Namespaces whose Tasks are served, split by commas; empty means all.")
    workers: int = Field(16, ge=1, le=256, description="Tasks that are reconciled at the same time.")
    full_pass_seconds: int = Field(600, ge=10, description="Seconds between two passes over every Task.")
    http_port: int = Field(8080, ge=1, le=65535, description="Port of /healthz and /metrics.")
    log_format: Literal["json", "text"] = Field("json", description="json, or text for people.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="Least level that is logged.")

    def namespace_names(self) -> tuple[str, ...]:
        """Return the namespaces that are served; none means all."""
        return _split(self.namespaces)

    def runner(self) -> RunnerSettings:
        """Return what manifests need to know of runs."""
        settings = RunnerSettings(
            image=self.runner_image,
            image_pull_policy=self.runner_image_pull_policy,
            image_pull_secrets=_split(self.runner_image_pull_secrets),
            api_url=self.api_url,
        )
        if self.runner_resources is None:
            return settings
        return replace(settings, resources=self.runner_resources)


def _split(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())
