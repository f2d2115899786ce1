"""A progress bar on stderr, where that is a terminal and the work is long enough to want one."""

import sys
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from podcm_sync.model.changes import WRITES, Outcome, Plan

if TYPE_CHECKING:
    import rich.progress

WORTH_A_BAR: Final = 50


class Progress:
    """Counts a plan's writes as they come; shows nothing elsewhere than on a terminal."""

    def __init__(self) -> None:
        self._bar: rich.progress.Progress | None = None
        self._task: rich.progress.TaskID | None = None

    def begin(self, plan: Plan) -> None:
        """A plan is about to be applied."""
        writes = sum(change.verb in WRITES for change in plan.changes)
        if writes < WORTH_A_BAR or not sys.stderr.isatty():
            return
        # Late: rich is only worth its import where there is a bar to draw.
        from rich.console import Console
        from rich.progress import MofNCompleteColumn
        from rich.progress import Progress as Bar

        if self._bar is None:
            columns = (*Bar.get_default_columns(), MofNCompleteColumn())
            self._bar = Bar(*columns, console=Console(stderr=True), transient=True)
            self._bar.start()
        self._task = self._bar.add_task("ConfigMaps", total=writes)

    def advance(self, outcome: Outcome) -> None:
        """One change is done."""
        if self._bar is not None and self._task is not None and outcome.change.verb in WRITES:
            self._bar.advance(self._task)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
