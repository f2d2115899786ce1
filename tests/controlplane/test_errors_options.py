"""Options that cannot be meant: exit 2, one line, and a hint; nothing is asked (behavior.md §7).

No kubeconfig is given in any of these: an option is looked at before anything else.
"""

from collections.abc import Sequence

import pytest

from tests import command

# What is said of it has these words.
BAD: list[tuple[Sequence[str], Sequence[str]]] = [
    (["--nonsense"], ["--nonsense"]),
    (["nonsense"], ["nonsense"]),
    (["-n"], ["-n"]),
    (["--max-prune", "some"], ["--max-prune", "'some'", "50%"]),
    (["--max-prune", "-1"], ["--max-prune", "'-1'"]),
    (["--max-prune", "101%"], ["--max-prune", "'101%'"]),
    (["--max-prune", "1.5"], ["--max-prune", "'1.5'"]),
    (["--max-prune", ""], ["--max-prune"]),
    (["--request-timeout", "soon"], ["--request-timeout", "'soon'", "30s"]),
    (["--request-timeout", "-1s"], ["--request-timeout", "'-1s'"]),
    (["--request-timeout", ""], ["--request-timeout"]),
    (["-o", "nonsense"], ["nonsense", "text"]),
    (["--color", "green"], ["green", "never"]),
    (["--concurrency", "0"], ["--concurrency"]),
    (["--concurrency", "many"], ["--concurrency"]),
    (["--concurrency", "1000000"], ["--concurrency", "256"]),
    (["-n", "Default"], ["'Default'", "namespace"]),
    (["-n", "a/b"], ["'a/b'"]),
    (["-n", "a.b"], ["'a.b'"]),
    (["-n", ".."], ["'..'"]),
    (["-n", ""], ["''"]),
    (["-n", "a,b"], ["'a,b'"]),
    (["-n", "a\n"], ["namespace"]),
    (["-n", "x" * 64], ["x" * 64]),
    (["-n", "fine", "-n", "not_fine"], ["'not_fine'"]),
    (["-n", "default", "-A"], ["-n", "-A", "not both"]),
    (["--all-namespaces", "--namespace", "default"], ["-n", "-A"]),
    (["--from", ".", "--context", "x"], ["--from", "--context"]),
    (["--from", ".", "--kubeconfig", "x"], ["--from", "--kubeconfig"]),
    (["--from", ".", "--as", "x"], ["--from", "--as"]),
    (["-f", "x.yaml"], ["-f requires --dry-run", "kubectl apply"]),
    (["--dry-run", "--only-files"], ["--only-files requires -f", "add -f"]),
    (["--plan-out", "x.json"], ["--plan-out", "--dry-run"]),
    (["--dry-run", "--plan-out", "-"], ["--plan-out", "name a file"]),
    (["--dry-run", "--loop", "--plan-out", "x.json"], ["--loop", "--plan-out"]),
    (["--expect-plan", "sha256:abc"], ["--expect-plan", "64 hex digits"]),
    (["--expect-plan", ""], ["--expect-plan", "64 hex digits"]),
    (["--loop", "--expect-plan", f"sha256:{'0' * 64}"], ["--loop", "--expect-plan"]),
    (["--dry-run", "apply", "x.json"], ["apply has no option --dry-run", "apply --help"]),
    (["--plan-out", "x.json", "rbac"], ["rbac has no option --plan-out", "rbac --help"]),
    (["-n", "shop", "show", "x.json"], ["show has no option -n", "podcm-sync show --help"]),
    (["--dryrun"], ["no option --dryrun; did you mean --dry-run?"]),
    (["explian", "pod/x"], ["no command 'explian'; did you mean explain?"]),
    (["explain"], ["explain requires KIND/NAME"]),
    (["--interval", "30s"], ["--interval requires --loop"]),
    (["--dry-run=1"], ["--dry-run takes no value"]),
    (["-v", "--nonsense"], ["no option --nonsense"]),
    (["--as", "x", "--as-group", "a\nb"], ["--as-group"]),
]


@pytest.mark.parametrize(("arguments", "words"), BAD, ids=[" ".join(a)[:40] for a, _ in BAD])
def test_a_bad_option_is_one_line_and_a_hint(
    arguments: Sequence[str], words: Sequence[str]
) -> None:
    """behavior.md §7: what failed and what to do. No traceback with -v, no library's words."""
    done = command.run(*arguments, kubeconfig=None)
    assert (done.code, done.stdout) == (2, "")
    error, hint = command.error_of(done), command.hint_of(done)
    assert done.stderr.count("\n") == 2
    assert (error + hint).isprintable()
    assert hint
    for word in words:
        assert word in f"{error}\n{hint}"
    for word in ("Invalid value", "Input should be", "No such", "Got unexpected", "Missing arg"):
        assert word not in error


ENVIRONMENT = {
    "PODCM_SYNC_EXPECT_PLAN": "",
    "PODCM_SYNC_MAX_PRUNE": "some",
    "PODCM_SYNC_REQUEST_TIMEOUT": "soon",
    "PODCM_SYNC_OUTPUT": "nonsense",
    "PODCM_SYNC_COLOR": "green",
    "PODCM_SYNC_CONCURRENCY": "0",
    "PODCM_SYNC_NAMESPACE": "Not_A_Namespace",
    "PODCM_SYNC_DRY_RUN": "perhaps",
    "PODCM_SYNC_ALL_NAMESPACES": "perhaps",
}


@pytest.mark.parametrize("name", ENVIRONMENT)
def test_a_bad_value_in_the_environment_is_one_line(name: str) -> None:
    """behavior.md §7: every option has an environment variable; it is checked alike, and named."""
    done = command.run("--exit-code", kubeconfig=None, env={name: ENVIRONMENT[name]})
    assert (done.code, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 2
    assert name in command.error_of(done)


def test_an_option_comes_before_its_environment_variable() -> None:
    """behavior.md §7: option, environment, default: here the option's value is the one at fault."""
    env = {"PODCM_SYNC_MAX_PRUNE": "some", "PODCM_SYNC_CONCURRENCY": "0"}
    options = ["--max-prune", "other", "--concurrency", "1"]
    error = command.error_of(command.run(*options, kubeconfig=None, env=env))
    assert "'other'" in error
    assert "some" not in error
