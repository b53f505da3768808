"""nexus links published needs of people on social assistance with those who can help."""

from importlib.metadata import version

__version__ = version("nexus")
