"""From a Daptin schema's `Tasks:` section to Task manifests: `schema` reads it, `convert` decides, `notes` tells."""
