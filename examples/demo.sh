#!/bin/sh
# Shows podcm-sync in three steps, on a temporary copy of examples/shop, without a cluster. One config
# has a deliberate mistake, so exit code 3 isn't a failure here.
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

step "1. Preview the changes. Nothing is written." "--from shop --dry-run"
step "2. Sync: create, update, and delete the manifests in shop/generated/." "--from shop"
step "3. Sync again: everything is in sync, so nothing changes." "--from shop"

cat <<'END'

The config warehouse/stock has a deliberate mistake: `operator: in` instead of `In`. podcm-sync
reports it, leaves that config's ConfigMaps as they are, syncs everything else, and exits 3. Fix it in
examples/shop/warehouse/configs.yaml and run the demo again. The warehouse then gets its ConfigMaps.
END
