"""How much CPU templates may use, counted in fuel: about one unit for each WebAssembly instruction.

Every Pod has a share, which grows with the templates and with the Pod. Beyond it all Pods of a
config draw on one pool: so one heavy Pod has room, and a thousand of them cannot hold up the run.
Ten thousand million units are about a second of CPU time.
"""

from collections.abc import Mapping
from typing import Final

from podcm_sync.template.instance import Instance

LOAD_FUEL: Final = 4_000_000_000
"""For parsing a config's templates, which takes 320 to 475 a byte unless they are odd."""
POD_FUEL: Final = 10_000_000
POD_FUEL_PER_TEMPLATE_BYTE: Final = 4_000
POD_FUEL_PER_POD_BYTE: Final = 1_000
"""A template of five lines, 200 bytes, uses about 420,000 on a small Pod."""
BATCH_FUEL_PER_BYTE: Final = 1_000
"""For decoding the Pods of a call, which happens before the first of them is rendered."""
POOL_FUEL: Final = 4_000_000_000


class Fuel:
    """The shares and the pool of one config."""

    def __init__(self, templates: Mapping[str, str]) -> None:
        size = sum(len(source.encode()) for source in templates.values())
        self._share = POD_FUEL + POD_FUEL_PER_TEMPLATE_BYTE * size
        self.pool = POOL_FUEL
        self.reloads = LOAD_FUEL
        """What is left for parsing the same templates again, after an instance was stopped."""

    def share(self, pod: bytes) -> int:
        """What this Pod may use without drawing on the pool."""
        return self._share + POD_FUEL_PER_POD_BYTE * len(pod)


class Meter:
    """Fills an instance up before each Pod of a batch, and charges what it used beyond its share.

    `given` is what to call the instance with; `settle` charges a Pod that was stopped.
    """

    def __init__(self, fuel: Fuel, instance: Instance, batch: list[bytes]) -> None:
        self._fuel = fuel
        self._instance = instance
        self._batch = batch
        self._index = 0
        self._free = fuel.share(batch[0]) + BATCH_FUEL_PER_BYTE * sum(map(len, batch))
        self.given = self._free + fuel.pool

    def answered(self) -> None:
        """The Pod is done; the next one is filled up for."""
        self.settle()
        self._index += 1
        if self._index < len(self._batch):
            self._free = self._fuel.share(self._batch[self._index])
            self.given = self._free + self._fuel.pool
            self._instance.refill(self.given)

    def settle(self) -> None:
        """Charge the Pod at work."""
        used = self.given - self._instance.fuel
        self._fuel.pool -= max(0, used - self._free)
