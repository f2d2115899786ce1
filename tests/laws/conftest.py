"""How hard the laws are tried: enough for every commit, or as hard as LAWS_EXAMPLES says."""

import os

from hypothesis import HealthCheck, settings

# In CI (by Hypothesis' own profile there) examples are the same at every run.
settings.register_profile(
    "laws",
    max_examples=int(os.environ.get("LAWS_EXAMPLES", "100")),
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("laws")
