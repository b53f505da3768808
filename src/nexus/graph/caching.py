"""A bounded cache that drops what was used longest ago."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Recent(Generic[K, V]):
    """Holds entries up to a total weight."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.weight = 0
        self._kept: OrderedDict[K, tuple[V, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: K) -> V | None:
        """The entry, which is then the most recent."""
        found = self._kept.get(key)
        if found is None:
            return None
        self._kept.move_to_end(key)
        return found[0]

    def put(self, key: K, value: V, weight: int = 1) -> V:
        """Keep the entry, and drop the oldest while the whole weighs too much."""
        replaced = self._kept.pop(key, None)
        self.weight += weight - (replaced[1] if replaced else 0)
        self._kept[key] = (value, weight)
        while self.weight > self.capacity and self._kept:
            _, (_, dropped) = self._kept.popitem(last=False)
            self.weight -= dropped
        return value
