"""What the API server says of a Task's children, parsed once into frozen facts: CronJob, Jobs, pods.

Only what decisions need is kept, so thousands of objects fit in memory.
"""
