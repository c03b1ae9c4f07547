"""/api/task: Tasks as Kubernetes holds them, read from a watch, written with the caller's own token.

- `columns`: the attributes of a Task over HTTP, and those that can be asked for
- `record`, `cache`, `watching`: what is remembered of each Task, all of them, and how they stay true
- `upcoming`, `shown`: fire times of a Task, and its attributes
- `matching`, `listing`: conditions, order and pages
- `written`, `checks`: posted attributes, checked and made a manifest or a change of one
- `kubernetes`, `refusals`: live reads and writes with the caller's token, and what Kubernetes says to them
- `found`: a Task by its id; `running`: a run on request; `preview`: what would be; `routes`, `openapi`
"""
