"""Who may spend how much: CPU of the sandbox, in fuel, and bytes of rendered data.

Fuel is about one unit for each WebAssembly instruction; wasmtime charges copies by their length.
A namespace spends what is its own first, and then what all namespaces of the run share. It gets at
the shared part in rounds, each about twice the last, so that cheap namespaces come first: if the
shared part runs out, the most expensive namespaces are the ones that go without.
"""

from typing import Final

from msgspec import Struct

from podcm_sync.core import bounds

INSTANCE_FUEL: Final = 40_000_000
"""For a new instance: 4 to 6 ms, of which fuel counts 2."""
BATCH_POD_FUEL: Final = bounds.TEMPLATE_POD // 2
"""For a Pod in a batch, in which it also pays for the garbage of the Pods before it. If it needs
more, it is tried again by itself with its whole bound, and only that trial counts."""
ROUNDS: Final = 6
"""In the last one a namespace may spend up to its bound."""


class Limit(Struct, frozen=True, kw_only=True):
    """The bounds of one resource. Each object rendered adds `per_object` to `namespace`, `free`."""

    namespace: int
    run: int
    free: int
    per_object: int


FUEL: Final = Limit(
    namespace=bounds.TEMPLATE_NAMESPACE,
    run=bounds.TEMPLATE_RUN,
    free=bounds.TEMPLATE_NAMESPACE_FREE,
    per_object=bounds.TEMPLATE_PER_OBJECT,
)
DATA: Final = Limit(
    namespace=bounds.TEMPLATE_DATA_NAMESPACE,
    run=bounds.TEMPLATE_DATA_RUN,
    free=bounds.TEMPLATE_DATA_NAMESPACE_FREE,
    per_object=bounds.TEMPLATE_DATA_PER_OBJECT,
)


class Shared:
    """What is left of one resource for all namespaces of a run."""

    def __init__(self, limit: Limit) -> None:
        self.limit = limit
        self.left = limit.run


class Account:
    """What one namespace has spent of one resource in a run, and what it may spend."""

    def __init__(self, shared: Shared) -> None:
        self.spent = 0
        self.bound = shared.limit.namespace
        self._shared = shared
        self._free_until = 0
        self._round_ends = 0

    def begin_pass(self) -> None:
        """A pass of the run begins, in which the namespace has a free part again."""
        self._free_until = min(self.bound, self.spent + self._shared.limit.free)

    def earn(self) -> None:
        """An object was rendered, which adds to what the namespace may spend.

        Objects that are not rendered add nothing: a loop without end on 1,000 Pods earns no time.
        """
        per_object = self._shared.limit.per_object
        self.bound += per_object
        self._free_until += per_object
        self._round_ends += per_object

    def begin_round(self, number: int) -> None:
        """Rounds count from 0, in which a namespace spends only what is its own."""
        step = self._shared.limit.free * ((1 << number) - 1)
        is_last = number >= ROUNDS - 1
        self._round_ends = self.bound if is_last else min(self.bound, self._free_until + step)

    @property
    def left(self) -> int:
        """What may be spent in the run, at least 0."""
        free = max(0, self._free_until - self.spent)
        return max(0, min(self.bound - self.spent, free + self._shared.left))

    @property
    def left_in_round(self) -> int:
        """What may be spent in this round, at least 0."""
        return max(0, min(self.left, self._round_ends - self.spent))

    @property
    def is_past_its_bound(self) -> bool:
        """Whether the namespace's own bound is what ends it, rather than the run's."""
        return self.spent >= self.bound

    def charge(self, amount: int) -> None:
        """Spend so much; what goes beyond the free part is taken from the shared one."""
        beyond = max(0, self.spent + amount - max(self.spent, self._free_until))
        self.spent += amount
        self._shared.left -= beyond
