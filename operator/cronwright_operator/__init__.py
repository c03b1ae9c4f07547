"""The operator: turns Tasks into CronJobs and says on each Task's status what became of it.

Watch events only put a key into a queue. A worker takes it and observes, decides, applies.
"""
