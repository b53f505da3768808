"""The client built, its tools installed, and a browser: each got once, or said to be missing."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
WEB = ROOT / "web"
SITE = ROOT / "src/nexus/stationclient/site"
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--disable-dev-shm-usage", "--lang=zh-CN"),
)


def builder() -> ModuleType:
    """web/build.py."""
    if "nexus_web_build" not in sys.modules:
        spec = importlib.util.spec_from_file_location("nexus_web_build", WEB / "build.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules["nexus_web_build"] = module
        spec.loader.exec_module(module)
    return sys.modules["nexus_web_build"]


def with_tools() -> Path:
    """Node, with every package of the lockfile in web/node_modules."""
    return Path(builder().tools())


def run_node(*arguments: str, stdin: str | None = None, **environment: str) -> str:
    """What a script of web/ prints; AssertionError with its errors when it fails."""
    done = subprocess.run(
        [with_tools(), *arguments],
        cwd=WEB,
        env=os.environ | environment,
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def chromium() -> str:
    """The browser's path. As root on Debian it is installed, else its absence is said loudly."""
    if found := shutil.which("chromium") or shutil.which("chromium-browser"):
        return found
    if os.geteuid() == 0 and shutil.which("apt-get"):
        with builder().alone():
            _install_chromium()
        if found := shutil.which("chromium"):
            return found
    pytest.fail(
        "The station client is tested in a browser and there is none: "
        "install Debian's package `chromium` (and `fonts-noto-cjk` for Chinese screenshots).",
        pytrace=False,
    )


def _install_chromium() -> None:
    """Unless another process has just done so."""
    if shutil.which("chromium") is None:
        install = ("apt-get", "install", "-y", "--no-install-recommends")
        for command in (("apt-get", "update"), (*install, "chromium", "fonts-noto-cjk")):
            subprocess.run(command, check=False, capture_output=True)
