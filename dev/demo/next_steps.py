"""What to try after the demo: command lines with what they show. A test runs each that ends by itself."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Step:
    """A command line for a shell in the checkout, after `make -s env`; `goes_on` if Ctrl-C ends it."""

    command: str
    shows: str
    goes_on: bool = False


PREPARATION = 'eval "$(make -s env)"; export PATH="$PWD/.venv/bin:$PATH"'

STEPS = (
    Step("kubectl get cwt -n demo -w", "the Tasks as their status changes", goes_on=True),
    Step("kubectl cronwright timeline -n demo -f", "the timeline as it goes on", goes_on=True),
    Step("kubectl describe cwt fail-on-purpose -n demo", "what a Task says about itself, with its Events"),
    Step("kubectl logs -n demo -l cronwright.dev/task=heartbeat --tail=6 -f", "each tick's output", goes_on=True),
    Step(
        'kubectl patch cwt heartbeat -n demo --type merge -p \'{"spec": {"schedule": "@every 2s"}}\'',
        "another interval: once the Task is Ready again, no tick of the old one runs",
    ),
    Step(
        'kubectl patch cwt fail-on-purpose -n demo --type merge -p \'{"spec": {"isActive": false}}\'',
        "pausing a Task; true lets it go on",
    ),
    Step(
        'kubectl create job "hello-$(date +%s)" -n demo --from=cronjob/say-hello',
        "running one now, which the timeline shows with trigger manual",
    ),
    Step(
        'curl -sg "$CRONWRIGHT_URL/api/timeline?'
        'query=[{\\"column\\":\\"event_type\\",\\"operator\\":\\"is\\",\\"value\\":\\"task\\"}]"'
        ' -H "Authorization: Bearer $CRONWRIGHT_TOKEN"',
        "the events behind the table, as JSON:API",
    ),
    Step("make down", "ending the cluster", goes_on=True),
)
