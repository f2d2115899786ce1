"""The bounds on what one namespace can make a run spend (spec §2.6): one table of numbers.

CPU for templates is counted in instructions of the sandbox, so that a verdict is the same on every
machine. A namespace that is past a bound fails, keeps what it has, and leaves the others alone.
"""

from typing import Final

INSTRUCTIONS_PER_SECOND: Final = 10_000_000_000
"""About what a core of a current machine does: the seconds below are meant by this measure."""

TEMPLATE_POD: Final = INSTRUCTIONS_PER_SECOND // 10
"""Instructions for all templates of one config on one Pod, its decoding included."""
TEMPLATE_CONFIG: Final = 4 * INSTRUCTIONS_PER_SECOND // 10
"""Instructions for one config in one run: parsing, and all its Pods."""
TEMPLATE_NAMESPACE: Final = 2 * INSTRUCTIONS_PER_SECOND
"""Instructions for all configs of one namespace in one run."""
TEMPLATE_RUN: Final = 2 * INSTRUCTIONS_PER_SECOND
"""Instructions that all namespaces share beyond what each may use anyway."""
TEMPLATE_NAMESPACE_FREE: Final = INSTRUCTIONS_PER_SECOND // 10
"""Instructions that each namespace may use anyway, whatever the others use."""
TEMPLATE_PER_OBJECT: Final = 1_500_000
"""Instructions that each ConfigMap adds to the bounds of its config and namespace: 0.15 ms, about
what an ordinary template of five lines needs for a Pod of 10 KB."""

TEMPLATE_DATA_NAMESPACE: Final = 32 << 20
"""Bytes of rendered data that one namespace may hold in memory."""
TEMPLATE_DATA_RUN: Final = 64 << 20
"""Bytes of rendered data that all namespaces share beyond what each may hold anyway."""
TEMPLATE_DATA_NAMESPACE_FREE: Final = 1 << 20
TEMPLATE_DATA_PER_OBJECT: Final = 1 << 10
"""Bytes that each ConfigMap rendered adds to the bound of its namespace."""
