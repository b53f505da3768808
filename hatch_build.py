"""Builds the station client into what is installed: `nexus/stationclient/site`.

A wheel or sdist without it is refused; an editable install says so and goes on, and `/station/`
tells what to run. NEXUS_SKIP_WEB=1 leaves it out on purpose, for installs of the API only.
"""

import importlib.util
import os
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).parent


def _builder() -> Any:
    """web/build.py as a module: it stands outside every package."""
    spec = importlib.util.spec_from_file_location("nexus_web_build", ROOT / "web" / "build.py")
    if spec is None or spec.loader is None:
        raise FileNotFoundError(ROOT / "web" / "build.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


class StationClient(BuildHookInterface):  # type: ignore[type-arg]
    """The hook; `artifacts` in pyproject.toml carry what it builds."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Node for isolated builds, where the machine has none."""
        if _skipped() or not _sources() or _builder().system_node() is not None:
            return []
        return [str(_builder().NODE_REQUIREMENT)]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build, unless what is there was built from the same sources."""
        if _skipped() or not _sources():
            return
        try:
            _builder().build()
        except Exception as error:
            if version != "editable":
                raise
            self.app.display_warning(f"The station client is not built: {error}")


def _skipped() -> bool:
    return os.environ.get("NEXUS_SKIP_WEB") == "1"


def _sources() -> bool:
    """Whether there is something to build from; an unpacked sdist has the built files instead."""
    return (ROOT / "web" / "build.py").exists()
