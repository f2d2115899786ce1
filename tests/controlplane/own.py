"""A control plane that one file of tests has to itself, to change its CRD or list everything.

The file names the fixtures that it takes: `control_plane, api = own.control_plane, own.api`. It
takes `deletions` as well if it takes `control_plane`.
"""

import pytest

from tests.controlplane import plugin

control_plane = pytest.fixture(scope="module")(plugin.boot)
api = pytest.fixture(scope="module")(plugin.connect)
deletions = pytest.fixture(scope="module")(plugin.audited)
