#!/usr/bin/env bash
# Makes the corpus of a target as small as it gets with the same coverage, from it and from what was found.
#   fuzz/shrink.sh render
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
target=${1:?which target: render or composed}
merged=$(mktemp -d)
trap 'rm -rf "$merged"' EXIT
cargo +nightly fuzz run "$target" "$merged" "corpus/$target" "found/$target" -- -merge=1 -max_len=2048 -timeout=10
rm -rf "corpus/$target"
cp -r "$merged" "corpus/$target"
ls "corpus/$target" | wc -l
