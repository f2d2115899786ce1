"""How much CPU templates may use, counted in fuel: about one unit for each WebAssembly instruction.

Every Pod has a share, which grows with the templates and with the Pod, so that no usual template
comes near it. Beyond it all Pods of a config draw on one pool, and all configs of a namespace on
one account for the run: one heavy Pod has room, a thousand of them cannot hold up the others' run.
Ten thousand million units are about a second of CPU time.
"""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from podcm_sync.template.instance import Instance

LOAD_FUEL: Final = 4_000_000_000
"""For parsing a config's templates. The densest that was found within their bounds takes 1.6e9."""
POD_FUEL: Final = 50_000_000
POD_FUEL_PER_TEMPLATE_BYTE: Final = 8_000
POD_FUEL_PER_POD_BYTE: Final = 10_000
"""A template of five lines uses 800,000, a line of functions 4,500 a byte, `toYaml .` 4,200,000."""
POOL_FUEL: Final = 4_000_000_000
MAX_STOPS: Final = 50
"""How many Pods of a config may be stopped before the rest is not tried."""
NAMESPACE_FUEL: Final = 20_000_000_000
NAMESPACE_STOPS: Final = 200


class Account(Struct):
    """What one namespace may still cost a run beyond the shares of its Pods."""

    fuel: int = NAMESPACE_FUEL
    stops: int = NAMESPACE_STOPS


class Fuel:
    """The shares and the pool of one config."""

    def __init__(self, templates: Mapping[str, str], account: Account) -> None:
        size = sum(len(source.encode()) for source in templates.values())
        self._share = POD_FUEL + POD_FUEL_PER_TEMPLATE_BYTE * size
        self._account = account
        self._pool = POOL_FUEL
        self._stops = MAX_STOPS

    @property
    def pool(self) -> int:
        """What the next Pod may use beyond its share."""
        return max(0, min(self._pool, self._account.fuel))

    @property
    def is_spent(self) -> bool:
        """Whether so many Pods were stopped that the rest is not to be tried."""
        return min(self._stops, self._account.stops) <= 0

    def share(self, pod: bytes) -> int:
        """What this Pod may use without drawing on the pool."""
        return self._share + POD_FUEL_PER_POD_BYTE * len(pod)

    def charge(self, fuel: int) -> None:
        """Take what was used beyond a share, or for parsing once more, from pool and account."""
        self._pool -= fuel
        self._account.fuel -= fuel

    def stopped(self) -> None:
        """A Pod was stopped."""
        self._stops -= 1
        self._account.stops -= 1


class Meter:
    """Fills an instance up before each Pod of a batch, and charges what it used beyond its share.

    `given` is what to call the instance with; `settle` charges a Pod that was stopped.
    """

    def __init__(self, fuel: Fuel, instance: Instance, batch: list[bytes]) -> None:
        self._fuel = fuel
        self._instance = instance
        self._batch = batch
        self._index = 0
        # All Pods of the call are decoded before the first of them is rendered.
        self._free = sum(map(fuel.share, batch))
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
        self._fuel.charge(max(0, used - self._free))
