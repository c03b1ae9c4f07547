"""/docs: a page of our own that shows /openapi.json, without a request to anywhere else."""
