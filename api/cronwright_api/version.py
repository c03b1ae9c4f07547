"""The version of this installation, said once, in the distribution's metadata."""

from importlib.metadata import version

VERSION = version("cronwright")
