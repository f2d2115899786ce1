"""A plan of 10,000 changes in every format: `python -m tests.benchmarks.formats`. No cluster.

Half creates, half deletes, with values of 300 characters; CPU seconds, and the most memory that
Python's allocator had handed out for the text (the plan itself not counted).
"""

import time
import tracemalloc
from collections.abc import Callable

from podcm_sync.core.redact import redacted
from podcm_sync.core.report import Report, predicted
from podcm_sync.model.changes import Change, Plan, Verb
from podcm_sync.model.objects import Scope
from podcm_sync.model.reasons import Reason
from podcm_sync.render.document import as_json, as_yaml, document
from podcm_sync.render.markdown import markdown
from podcm_sync.render.text import text
from tests.builders import change, config_map, desired, pod

CHANGES = 10_000


def main() -> None:
    """Measure and print."""
    plan = report(CHANGES)
    works: dict[str, Callable[[], object]] = {
        "text": lambda: text(plan),
        "text, 80 columns, coloured": lambda: text(plan, width=80, is_coloured=True),
        "json": lambda: as_json(document(plan, exit_code=0, run_id="0")),
        "yaml": lambda: as_yaml(document(plan, exit_code=0, run_id="0")),
        "markdown": lambda: markdown(plan, exit_code=0),
        "redact": lambda: redacted(plan),
    }
    for name, work in works.items():
        started = time.process_time()
        work()
        seconds = time.process_time() - started
        tracemalloc.start()
        work()
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        print(f"| {name} | {seconds:.2f} | {peak / 2**20:.0f} |")


def report(count: int) -> Report:
    """A dry run with so many changes."""
    changes = [_create(number) for number in range(count // 2)]
    changes += [_delete(number) for number in range(count // 2)]
    return Report(
        is_prediction=True,
        scope=Scope(namespaces=("shop",)),
        outcomes=predicted(Plan(changes=tuple(changes))),
        statuses=(),
        problems=(),
        incomplete={},
    )


def _create(number: int) -> Change:
    wanted = desired(pod(f"web-{number}"), more_data={"lines": "x\ny\n", "long": "z" * 300})
    return change(Verb.CREATE, name=wanted.namespaced_name.name, wanted=wanted)


def _delete(number: int) -> Change:
    existing = config_map(made_for=pod(f"gone-{number}"), more_data={"long": "z" * 300})
    name = existing.namespaced_name.name
    return change(Verb.DELETE, Reason.POD_GONE, name=name, existing=existing)


if __name__ == "__main__":
    main()
