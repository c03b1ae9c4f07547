"""From a Daptin schema's `Tasks:` section to Task manifests: `schema` reads the file, `convert` decides, `notes` tells."""
