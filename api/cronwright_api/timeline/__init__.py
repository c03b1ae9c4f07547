"""The routes of the timeline and of runs: thin, each step is a call into `auth`, `jsonapi`, `core` or `store`."""
