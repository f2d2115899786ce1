"""Generated documents are tried as hard as the laws are: LAWS_EXAMPLES says how hard."""

import tests.laws.conftest  # noqa: F401 - loads Hypothesis' profile
