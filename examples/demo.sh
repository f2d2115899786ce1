#!/bin/sh
# What podcm-sync does, in three steps on a temporary copy of examples/shop; no cluster is needed.
# One of its configs has a mistake, planted to be seen: hence exit code 3, which is no failure here.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM
cp -R "$here/shop" "$work/shop"
cd "$work"

step() {
  printf '\n# %s\n$ podcm-sync %s\n' "$1" "$2"
  code=0
  # shellcheck disable=SC2086 # the arguments are words of ours
  podcm-sync $2 || code=$?
  printf '(exit code %s)\n' "$code"
  case $code in 0 | 3) ;; *) exit "$code" ;; esac
}

step "1. What would change? Nothing is written." "--from shop --dry-run"
step "2. Do it: write, update and collect the manifests in shop/generated/." "--from shop"
step "3. Again: all is in step, so there is nothing to do." "--from shop"

cat <<'END'

The config warehouse/stock has a mistake that was planted for you to see: `operator: in` instead of
`In`. It stands in that config's status, what it has is left alone, and nobody else is affected;
exit code 3 says that something needs a person. Mend it in examples/shop/warehouse/configs.yaml, run
the demo again, and the warehouse gets its ConfigMaps too.
END
