"""The profiles that come along, in `builtin/`: those of the guide, to the letter."""

from importlib import resources

from nexus.exchange.profiles.model import BuiltinProfile


def builtin_text(name: BuiltinProfile) -> str:
    """A profile that comes along, as TOML."""
    folder = resources.files(__package__).joinpath("builtin")
    return folder.joinpath(f"{name.value}.toml").read_text("utf-8")
