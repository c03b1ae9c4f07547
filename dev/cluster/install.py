"""Puts Cronwright's chart into the cluster, and a service account for whoever develops on it."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import cache
import commands
from cluster import Access, Cluster
from progress import Failure, say, step

RELEASE = "cronwright"
NAMESPACE = "cronwright-system"
DEVELOPER = "cronwright-developer"
DEVELOPER_FILE = Path(__file__).resolve().parent / "developer.yaml"
CHART = cache.CHECKOUT / "helm" / "cronwright"
INPUTS_LABEL = "cronwright.dev/inputs"
TOKEN_HOURS = 24
WAIT_SECONDS = 300


def ensure(cluster: Cluster, images: Mapping[str, str], extra: Sequence[str]) -> None:
    """Installs or upgrades the release unless it is there already with this chart, these images and these values."""
    access = cluster.access()
    settings = [f"--set=images.{program}={name}" for program, name in images.items()]
    if cluster.kind != "current":
        # What somebody applied or changed by hand in a cluster of ours, the CRD above all, becomes the chart's again.
        settings += ["--take-ownership", "--force-conflicts"]
    chart = [path for path in CHART.rglob("*") if path.is_file()]
    inputs = cache.digest([cache.digest_of_files(CHART, chart), *settings, *extra])
    with cache.locked(cache.root() / "clusters" / f"{access.context}.install.lock"):
        if _is_deployed(access, inputs):
            say(f"{RELEASE} is installed in {NAMESPACE}, and up to date")
            return
        _install(access, [f"--labels={INPUTS_LABEL}={inputs}", *settings, *extra])


def _install(access: Access, settings: Sequence[str]) -> None:
    with step(f"installing {RELEASE} in {NAMESPACE}"):
        _forget_interrupted(access)
        try:
            commands.run(
                access.helm(
                    "upgrade",
                    "--install",
                    RELEASE,
                    CHART,
                    f"--namespace={NAMESPACE}",
                    "--create-namespace",
                    "--wait",
                    f"--timeout={WAIT_SECONDS}s",
                    *settings,
                )
            )
        except Failure as failure:
            raise Failure(f"{failure}\n{_what_is_wrong(access)}") from failure


def ensure_developer(access: Access) -> None:
    """Sees to it that the service account for development is there, with what it may do."""
    commands.run(access.kubectl("apply", "--server-side", "--force-conflicts", "-f", DEVELOPER_FILE))


def developer_token(access: Access) -> str:
    """A new bearer token, good for a day, that may do everything with Tasks in every namespace."""
    create = access.kubectl("create", "token", DEVELOPER, f"--namespace={NAMESPACE}", f"--duration={TOKEN_HOURS}h")
    if not commands.succeeds(access.kubectl("get", "serviceaccount", DEVELOPER, f"--namespace={NAMESPACE}")):
        ensure_developer(access)
    return commands.run(create).strip()


def _forget_interrupted(access: Access) -> None:
    """Removes what a helm that was killed has left: a revision "in progress" for ever, over which helm refuses to work.
    Nobody else is at it, for we hold the lock."""
    states = "pending-install,pending-upgrade,pending-rollback"
    selector = f"owner=helm,name={RELEASE},status in ({states})"
    commands.run(access.kubectl("delete", "secrets", f"--namespace={NAMESPACE}", "-l", selector))


def _is_deployed(access: Access, inputs: str) -> bool:
    """Helm keeps each revision as a Secret with the labels that it was given."""
    selector = f"owner=helm,name={RELEASE},status=deployed,{INPUTS_LABEL}={inputs}"
    found = commands.run(access.kubectl("get", "secrets", f"--namespace={NAMESPACE}", "-l", selector, "-o", "name"))
    return bool(found.strip())


def _what_is_wrong(access: Access) -> str:
    """The pods and the end of their logs: what a person would look at first."""
    parts = []
    for arguments in (
        ["get", "pods,persistentvolumeclaims", "-o", "wide"],
        ["get", "events", "--field-selector=type=Warning", "--sort-by=.lastTimestamp"],
        ["logs", "-l", f"app.kubernetes.io/instance={RELEASE}", "--prefix", "--tail=15"],
    ):
        try:
            parts.append(commands.run(access.kubectl(*arguments, f"--namespace={NAMESPACE}"), timeout=20).rstrip())
        except Failure as failure:
            parts.append(str(failure))
    return "\n".join(parts)
