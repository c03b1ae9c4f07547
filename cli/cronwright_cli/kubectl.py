"""Asks kubectl what the caller's kubeconfig says. Nothing here changes a cluster or even speaks to one."""

import subprocess

from cronwright_cli.errors import BadInput

_SECONDS = 15
"""How long kubectl may take; reading a kubeconfig takes a fraction of one."""


def current_namespace() -> str:
    """Return the namespace of the current context, `default` where it names none, as kubectl does.

    Raises:
        BadInput: there is no kubectl, or no current context.
    """
    return _config("{.contexts[0].context.namespace}", "give --namespace or --all-namespaces") or "default"


def current_token() -> str | None:
    """Return the bearer token of the current context's user, or None where the user has another kind of credential.

    Credential plugins are not run: `kubectl config view` doesn't.

    Raises:
        BadInput: there is no kubectl, or no current context.
    """
    return _config("{.users[0].user.token}", "set CRONWRIGHT_TOKEN or give --token-file") or None


def _config(path: str, remedy: str) -> str:
    command = ["kubectl", "config", "view", "--minify", "--raw", "-o", f"jsonpath={path}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except FileNotFoundError as error:
        raise BadInput(f"kubectl is not on the PATH; {remedy}") from error
    except subprocess.TimeoutExpired as error:
        raise BadInput(f"kubectl did not answer within {_SECONDS} s; {remedy}") from error
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["no reason given"])[-1].removeprefix("error: ")
        raise BadInput(f"kubectl knows no current context ({said}); {remedy}")
    return done.stdout.strip()
