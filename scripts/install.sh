#!/usr/bin/env bash
# Adds what a fresh Debian 12 lacks for `make test`. Safe to repeat: what is there stays.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

rust_min=1.95
say() { printf '%s\n' "$*"; }
fail() {
  printf 'install.sh: %s\n' "$*" >&2
  exit 1
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    fail "needs root for: $*"
  fi
}

have_postgres() { command -v postgres >/dev/null || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null; }
have_browser() { command -v chromium >/dev/null || [ -n "${CHROMIUM_BIN:-}" ]; }
have_venv() { python3 -c 'import ensurepip, venv' 2>/dev/null; }

missing_packages() {
  command -v cc >/dev/null || echo build-essential
  command -v curl >/dev/null || echo curl ca-certificates
  command -v python3 >/dev/null || echo python3
  have_venv || echo python3-venv
  command -v node >/dev/null || echo nodejs
  command -v npm >/dev/null || echo npm
  have_postgres || echo postgresql
  have_browser || echo chromium
}

install_packages() {
  local packages
  mapfile -t packages < <(missing_packages | tr ' ' '\n')
  [ ${#packages[@]} -gt 0 ] || return 0
  command -v apt-get >/dev/null || fail "please install: ${packages[*]}"
  say "Installing ${packages[*]} ..."
  as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq
  if [[ " ${packages[*]} " == *' postgresql '* ]]; then
    # Only the binaries are wanted: without this the package starts a cluster on port 5432.
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql-common
    as_root sed -i -E 's/^#?create_main_cluster.*/create_main_cluster = false/' /etc/postgresql-common/createcluster.conf
  fi
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}"
}

check_rust() {
  if ! command -v cargo >/dev/null || ! command -v rustc >/dev/null; then
    fail "Rust $rust_min or newer is needed; install it from https://rustup.rs, then repeat"
  fi
  local found
  found=$(rustc --version | awk '{print $2}')
  if [ "$(printf '%s\n%s\n' "$rust_min" "${found%%-*}" | sort -V | head -n 1)" != "$rust_min" ]; then
    fail "Rust $rust_min or newer is needed, this is $found; \`rustup update stable\` brings it"
  fi
  for component in fmt clippy; do
    cargo "$component" --version >/dev/null 2>&1 || rustup component add "${component/fmt/rustfmt}" ||
      fail "cargo $component is missing"
  done
  cargo nextest --version >/dev/null 2>&1 || say "cargo-nextest is not installed: tests run with cargo test, more slowly"
}

check_node() {
  local major
  major=$(node --version | sed -E 's/^v([0-9]+).*/\1/')
  [ "$major" -ge 18 ] || fail "Node 18 or newer is needed, this is $(node --version)"
}

# Skipped when the last successful installation was from the very same list.
install_python() {
  local wanted=tests/e2e/requirements.txt stamp=.venv/installed.txt
  if cmp -s "$wanted" "$stamp"; then return; fi
  say "Installing Python packages into .venv ..."
  [ -x .venv/bin/python ] || python3 -m venv .venv
  .venv/bin/python -m pip install --quiet --disable-pip-version-check -r "$wanted"
  cp "$wanted" "$stamp"
}

install_node() {
  local wanted=tests/e2e/package-lock.json stamp=tests/e2e/node_modules/.installed.json
  if cmp -s "$wanted" "$stamp"; then return; fi
  say "Installing Node packages into tests/e2e/node_modules ..."
  (cd tests/e2e && npm ci --silent --no-audit --no-fund)
  cp "$wanted" "$stamp"
}

install_packages
check_rust
check_node
install_python
install_node
say "Everything that the tests need is here."
