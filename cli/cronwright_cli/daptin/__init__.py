"""From a Daptin schema's `Tasks:` section to Task manifests.

`schema` reads the file (with `values` and `yamlvalues`), `convert` decides for all tasks and `task` for each (with
`properties` and `schedule`), `notes` tells what changed.
"""
