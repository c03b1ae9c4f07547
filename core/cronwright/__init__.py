"""The domain of Cronwright: tasks, schedules, plans, runs and the timeline.

Pure code. Nothing here reads the clock, the network or the disk; functions take `now`. What talks to Kubernetes, HTTP
or a database lives in the programs (operator, runner, api, cli).
"""
