"""An exec plugin for kubeconfigs: gives one token after the other, and counts its own runs."""

import os
import signal
import stat
from contextlib import suppress
from pathlib import Path

import yaml

SCRIPT = """#!/bin/sh
echo $$ >> "{runs}"
number=$(wc -l < "{runs}")
if [ -e "{folder}/hangs-from" ] && [ "$number" -ge "$(cat "{folder}/hangs-from")" ]; then
  exec sleep 60
fi
if [ -e "{folder}/fails-from" ] && [ "$number" -ge "$(cat "{folder}/fails-from")" ]; then
  echo "the identity provider is away" >&2
  exit 1
fi
token="{folder}/token-$number"
[ -e "$token" ] || token="{folder}/token-last"
cat <<END
{{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
  "status": {{"token": "$(cat "$token")"}}}}
END
"""


class Plugin:
    """A plugin in a folder; its first token is `first`, all others are `later`."""

    def __init__(self, folder: Path, *, first: str, later: str) -> None:
        folder.mkdir()
        self.first = first
        self._folder = folder
        self._runs = folder / "runs"
        self.command = folder / "plugin"
        self.command.write_text(SCRIPT.format(runs=self._runs, folder=folder))
        self.command.chmod(self.command.stat().st_mode | stat.S_IXUSR)
        (folder / "token-1").write_text(first)
        (folder / "token-last").write_text(later)

    @property
    def runs(self) -> int:
        """How often it was run."""
        return len(self._pids())

    def hang_from(self, run: int) -> None:
        """From its nth run on it never ends."""
        (self._folder / "hangs-from").write_text(str(run))

    def fail_from(self, run: int) -> None:
        """From its nth run on it exits 1."""
        (self._folder / "fails-from").write_text(str(run))

    def into(self, kubeconfig: Path) -> None:
        """Make a kubeconfig's user authenticate with it."""
        config = yaml.safe_load(kubeconfig.read_text())
        config["users"][0]["user"] = {
            "exec": {
                "apiVersion": "client.authentication.k8s.io/v1",
                "command": str(self.command),
                "interactiveMode": "Never",
            }
        }
        kubeconfig.write_text(yaml.safe_dump(config))

    def end(self) -> None:
        """End those that hang."""
        for pid in self._pids():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _pids(self) -> list[int]:
        if not self._runs.exists():
            return []
        return [int(line) for line in self._runs.read_text().split()]
