"""The store: the timeline's tables in SQLite or PostgreSQL, in portable SQL. Knows nothing of HTTP, callers or
Kubernetes."""
