# shellcheck shell=bash
# tally LOG: prints "<passed> <failed>" from the summaries of cargo-nextest, cargo test and node --test.
tally() {
  sed -E 's/\x1b\[[0-9;]*m//g' "$1" | awk '
    # Summary [   1.2s] 17 tests run: 15 passed (1 slow), 2 failed, 3 timed out, 0 skipped
    /Summary \[/ {
      for (i = 2; i <= NF; i++) {
        if ($i ~ /^passed/) passed += $(i - 1)
        if ($i ~ /^(failed|failed,)$/) failed += $(i - 1)
        if ($i == "timed") failed += $(i - 1)
      }
    }
    # test result: FAILED. 15 passed; 2 failed; 0 ignored; ...
    /^test result:/ { passed += $4; failed += $6 }
    # node: "# pass 12" (tap) or "ℹ pass 12" (spec)
    /^(#|ℹ) pass [0-9]+$/ { passed += $3 }
    /^(#|ℹ) (fail|cancelled) [0-9]+$/ { failed += $3 }
    END { print passed + 0, failed + 0 }'
}
