"""Where declarations go: one registry for the program, another for a test's own small world."""

from collections.abc import Iterator
from contextlib import contextmanager

from nexus.graph.specs import Registry

MAIN = Registry()
_open = [MAIN]


def current() -> Registry:
    """The registry that a declaration made now belongs to."""
    return _open[-1]


@contextmanager
def registering(registry: Registry) -> Iterator[Registry]:
    """Declarations made inside go to this registry instead of the program's."""
    _open.append(registry)
    try:
        yield registry
    finally:
        _open.pop()
