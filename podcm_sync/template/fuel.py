"""The budgets of templates: CPU in fuel and rendered data in bytes (docs/design/behavior.md §2.6).

One unit of fuel is about one WebAssembly instruction; wasmtime charges copies by their length. A
namespace spends its own free part first, then the part that all namespaces of the run share. It
gets at the shared part in rounds, each about twice as large as the last. So cheap namespaces finish
first, and if the shared part runs out, only the most expensive ones lack it.
"""

from typing import Final

from msgspec import Struct

from podcm_sync.reconcile import bounds

INSTANCE_FUEL: Final = 40_000_000
"""The charge for a new instance: it takes 4 to 6 ms, of which the fuel counts 2."""
BATCH_POD_FUEL: Final = bounds.TEMPLATE_POD // 2
"""The limit of a Pod in a batch, where it also pays for the garbage of the Pods before it. If it
needs more, it is tried again alone with its whole bound, and only that trial counts."""
ROUNDS: Final = 6
"""In the last round a namespace can spend up to its bound."""


class Limit(Struct, frozen=True, kw_only=True):
    """The bounds of one resource, in fuel or bytes.

    `free` is what each namespace has for itself, `run` what all share, and `first` the limit of a
    short round. Each rendered object adds `per_object` to the bounds of its namespace.
    """

    namespace: int
    run: int
    free: int
    first: int
    per_object: int


FUEL: Final = Limit(
    namespace=bounds.TEMPLATE_NAMESPACE,
    run=bounds.TEMPLATE_RUN,
    free=bounds.TEMPLATE_NAMESPACE_FREE,
    first=bounds.TEMPLATE_FIRST_TURN,
    per_object=bounds.TEMPLATE_PER_OBJECT,
)
DATA: Final = Limit(
    namespace=bounds.TEMPLATE_DATA_NAMESPACE,
    run=bounds.TEMPLATE_DATA_RUN,
    free=bounds.TEMPLATE_DATA_NAMESPACE_FREE,
    first=bounds.TEMPLATE_DATA_NAMESPACE_FREE,
    per_object=bounds.TEMPLATE_DATA_PER_OBJECT,
)


class Shared:
    """How much of one resource remains for all namespaces of a run."""

    def __init__(self, limit: Limit) -> None:
        self.limit = limit
        self.remaining = limit.run


class Account:
    """How much of one resource a namespace has spent in a run, and how much it can spend."""

    def __init__(self, shared: Shared) -> None:
        self.spent = 0
        self.bound = shared.limit.namespace
        self._shared = shared
        self._free_until = 0
        self._round_ends = 0

    def begin_pass(self) -> None:
        """Begin a pass of the run, in which the namespace has its free part again."""
        self._free_until = min(self.bound, self.spent + self._shared.limit.free)

    def earn(self) -> None:
        """Add to the bounds of the namespace, because an object was rendered.

        Objects that fail add nothing: an endless loop on 1,000 Pods must not earn time.
        """
        per_object = self._shared.limit.per_object
        self.bound += per_object
        self._free_until += per_object
        self._round_ends += per_object

    def begin_short_round(self) -> None:
        """Begin the only round of a pass that defers expensive namespaces."""
        self._round_ends = min(self._free_until, self.spent + self._shared.limit.first)

    def begin_round(self, number: int) -> None:
        """Begin a round. In round 0 a namespace spends only its free part."""
        step = self._shared.limit.free * ((1 << number) - 1)
        is_last = number >= ROUNDS - 1
        self._round_ends = self.bound if is_last else min(self.bound, self._free_until + step)

    @property
    def remaining(self) -> int:
        """How much the namespace can still spend in the run, at least 0."""
        free = max(0, self._free_until - self.spent)
        return max(0, min(self.bound - self.spent, free + self._shared.remaining))

    @property
    def remaining_in_round(self) -> int:
        """How much the namespace can still spend in this round, at least 0."""
        return max(0, min(self.remaining, self._round_ends - self.spent))

    @property
    def is_past_own_bound(self) -> bool:
        """Whether the namespace reached its own bound, rather than the run's."""
        return self.spent >= self.bound

    def charge(self, amount: int) -> None:
        """Spend this amount. The part beyond the free part is taken from the shared part."""
        beyond = max(0, self.spent + amount - max(self.spent, self._free_until))
        self.spent += amount
        self._shared.remaining -= beyond
