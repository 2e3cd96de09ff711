#!/usr/bin/env bash
# Everything that must hold before a change is handed over. Stops at the first stage that fails.
#
#   scripts/test.sh                 all stages
#   scripts/test.sh lint sqlite     only these: format lint sqlite postgres e2e
#   CAMPANILE_TEST_TALLY=FILE       writes "<passed> <failed>" there
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit
# shellcheck source=scripts/tally.sh
. scripts/tally.sh

export CARGO_TERM_COLOR=${CARGO_TERM_COLOR:-auto}
unset CAMPANILE_TEST_DATABASE_URL CAMPANILE_BOOTSTRAP_SECRET_KEY CAMPANILE_BOOTSTRAP_PUBLIC_KEY \
  CAMPANILE_BOOTSTRAP_SERVICE_TOKEN
work=$(mktemp -d "${TMPDIR:-/tmp}/campanile-test.XXXXXX")
chmod 755 "$work" # PostgreSQL's user has to pass through.
database_url=
passed=0
failed=0
summary=()

# shellcheck disable=SC2329 # Called by the trap.
clean_up() {
  [ -z "$database_url" ] || scripts/postgres.sh stop "$work/postgres" || true
  rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

finish() {
  printf '\n%s\n' "Summary"
  printf '  %s\n' "${summary[@]}"
  printf '  %s passed, %s failed\n' "$passed" "$failed"
  [ -z "${CAMPANILE_TEST_TALLY:-}" ] || printf '%s %s\n' "$passed" "$failed" >"$CAMPANILE_TEST_TALLY"
  [ "$failed" -eq 0 ]
  exit
}

# stage NAME TITLE COMMAND...: runs, times and counts; a failing stage ends everything.
stage() {
  local name=$1 title=$2 started=$SECONDS log status counted
  shift 2
  log=$work/$name.log
  printf '\n=== %s\n' "$title"
  "$@" 2>&1 | tee "$log"
  status=${PIPESTATUS[0]}
  counted=$(tally "$log")
  local ok=${counted% *} bad=${counted#* }
  # A stage without tests of its own counts as one; so does a failure that no test owns up to.
  if [ "$counted" = "0 0" ] && [ "$status" -eq 0 ]; then ok=1; fi
  if [ "$status" -ne 0 ] && [ "$bad" -eq 0 ]; then bad=1; fi
  passed=$((passed + ok))
  failed=$((failed + bad))
  summary+=("$(printf '%-34s %5s passed %5s failed %5s s' "$title" "$ok" "$bad" $((SECONDS - started)))")
  if [ "$status" -ne 0 ]; then
    printf '\nStage "%s" failed (status %s); the lines above say why. Alone: scripts/test.sh %s\n' "$title" "$status" "$name" >&2
    finish
  fi
}

# shellcheck disable=SC2329 # Called through stage.
cargo_test() {
  if cargo nextest --version >/dev/null 2>&1; then
    cargo nextest run --locked --no-fail-fast --no-tests=pass --status-level fail --final-status-level fail "$@"
  else
    cargo test --locked --no-fail-fast "$@"
  fi
}

start_postgres() {
  [ -z "$database_url" ] || return 0
  if ! database_url=$(scripts/postgres.sh start "$work/postgres"); then
    database_url=
    failed=$((failed + 1))
    summary+=("PostgreSQL did not start")
    finish
  fi
}

# shellcheck disable=SC2329 # Called through stage.
postgres_tests() {
  # The whole workspace again, so that nothing is compiled with other features; only what touches the database runs.
  if cargo nextest --version >/dev/null 2>&1; then
    CAMPANILE_TEST_DATABASE_URL=$database_url cargo_test --workspace \
      -E 'package(campanile-store) + package(campanile-engine) + package(campanile-api) + package(campanile)'
  else
    CAMPANILE_TEST_DATABASE_URL=$database_url cargo_test --workspace
  fi
}

# shellcheck disable=SC2329 # Called through stage.
end_to_end() {
  cargo build --locked --workspace --bins || return
  CAMPANILE_BIN=$(realpath "${CARGO_TARGET_DIR:-target}")/debug/campanile CAMPANILE_TEST_DATABASE_URL=$database_url \
    npm --prefix tests/e2e test --silent
}

wanted=${*:-format lint sqlite postgres e2e}
for name in $wanted; do
  case $name in
    format) stage format "Format" cargo fmt --all --check ;;
    lint) stage lint "Clippy, warnings are errors" cargo clippy --workspace --all-targets --locked -- -D warnings ;;
    sqlite) stage sqlite "Unit and HTTP tests, SQLite" cargo_test --workspace ;;
    postgres)
      start_postgres
      # Only what touches the database: the pure crates have nothing to do with it.
      stage postgres "Store, engine and HTTP tests, PostgreSQL" postgres_tests
      ;;
    e2e)
      start_postgres
      stage e2e "End to end, both databases" end_to_end
      ;;
    *)
      printf 'test.sh: no stage is called %s; there are: format lint sqlite postgres e2e\n' "$name" >&2
      exit 2
      ;;
  esac
done
finish
