"""dev/cluster is run as a folder and imports its modules by their bare names; so do its tests."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "dev" / "cluster"))
