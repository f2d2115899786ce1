"""Any text as a template: a value for each Pod or one plain failure, at a cost within its bounds.

Here the engine runs in its sandbox, as in a run, and nothing guides the search; `tests/fuzz/engine`
has the same engine under Go's own fuzzing, which is guided but has no sandbox.
"""

from podcm_sync.api.finding import Findings
from podcm_sync.reconcile import bounds
from podcm_sync.reconcile.managed_fields import MAX_DATA_BYTES
from podcm_sync.reconcile.renderer import Rendered
from podcm_sync.reconcile.validate import MAX_TEMPLATE
from podcm_sync.template import check
from podcm_sync.template.job import CONFIG_SPENT
from podcm_sync.template.messages import MAX_MESSAGE
from podcm_sync.template.sandbox import Sandbox
from tests.template.pods import pod, request

SEPARATOR = "\0"
"""Between the template and an annotation of the Pods."""
MOST_SAID = 2 * MAX_MESSAGE
CRASHED = "the template engine crashed"
KEY = "k"


def test_one_input(data: bytes) -> None:
    source, _, note = data.decode(errors="replace").partition(SEPARATOR)
    source = source[:MAX_TEMPLATE]
    pods = [pod(name, annotations={"note": note}) for name in ("web-0", "web-1")]
    sandbox = Sandbox()
    asked = request({KEY: source}, *pods)
    (made,) = sandbox.render([asked])
    _check_cost(sandbox, len(pods))
    _check_findings(made.findings)
    assert made.is_parsed
    assert made.findings or len(made.pods) == len(pods)
    for rendered in made.pods:
        _check_rendered(rendered)
    (again,) = Sandbox().render([request({KEY: source}, pods[1])])
    assert again.findings == made.findings
    if made.pods and made.pods[1].failure != CONFIG_SPENT:
        assert again.pods[0] == made.pods[1], "a result depends on its Pod alone"
    _check_findings(tuple(check.findings(asked.config, {KEY: source}, ())))


def _check_cost(sandbox: Sandbox, pods: int) -> None:
    fuel, data = sandbox._accounts["shop"]
    assert fuel.spent <= bounds.TEMPLATE_CONFIG + pods * bounds.TEMPLATE_PER_OBJECT
    assert data.spent <= bounds.TEMPLATE_DATA_NAMESPACE


def _check_findings(findings: Findings) -> None:
    for finding in findings:
        assert KEY in finding.path
        assert 0 < len(finding.message) <= MOST_SAID
        assert CRASHED not in finding.message


def _check_rendered(rendered: Rendered) -> None:
    assert bool(rendered.failure) != (KEY in rendered.data)
    assert len(rendered.failure) <= MOST_SAID
    assert CRASHED not in rendered.failure
    assert sum(len(value.encode()) for value in rendered.data.values()) <= MAX_DATA_BYTES
