"""The copies in deploy/ are those of today, and nothing lies beside them."""

import pytest

from tests.shape.deploy import CHART, COPIES, RIGHTS_FILE, made
from tests.shape.readme import ROOT


@pytest.mark.parametrize("path", made())
def test_a_made_file_is_what_make_docs_makes(path: str) -> None:
    assert (ROOT / path).read_text(encoding="utf-8") == made()[path], "run `make docs`"


def test_the_chart_reads_only_made_files() -> None:
    assert {*(CHART / "files").iterdir()} == {
        path for path in (*COPIES, RIGHTS_FILE) if path.parent.name == "files"
    }


def test_what_helm_would_render_is_not_under_templates() -> None:
    """A `{{ .podIP }}` there would come out blank (the CRD), and `{{ $labels.job }}` would fail."""
    rendered = "".join(path.read_text(encoding="utf-8") for path in (CHART / "templates").iterdir())
    assert ".podIP" not in rendered
    assert "$labels" not in rendered
