#!/usr/bin/env bash
# A private PostgreSQL for tests: own directory, free port, loopback and socket only, fsync on.
#
#   scripts/postgres.sh start DIR    makes the cluster in DIR (missing or empty), prints its URL
#   scripts/postgres.sh stop DIR     stops it and removes DIR
#
# PostgreSQL refuses to run as root; then it runs as `postgres`, or `nobody` where that user is missing.
set -euo pipefail

fail() {
  printf 'postgres.sh: %s\n' "$*" >&2
  exit 1
}

# The folder with initdb and pg_ctl, which Debian keeps out of PATH.
find_bin() {
  local candidate newest=
  if [ -n "${PG_BIN:-}" ]; then
    newest=$PG_BIN
  else
    for candidate in /usr/lib/postgresql/*/bin; do
      [ -x "$candidate/initdb" ] && newest=$candidate
    done
    if [ -z "$newest" ] && command -v initdb >/dev/null; then newest=$(dirname "$(command -v initdb)"); fi
  fi
  [ -n "$newest" ] && [ -x "$newest/initdb" ] || fail "no PostgreSQL found; run scripts/install.sh"
  local major
  major=$("$newest/postgres" --version | sed -E 's/.* ([0-9]+)[.a-z].*/\1/')
  [ "$major" -ge 15 ] || fail "PostgreSQL 15 or newer is needed, $newest has $major"
  printf '%s' "$newest"
}

run_as() {
  if [ "$(id -u)" -ne 0 ]; then
    "$@"
  elif command -v runuser >/dev/null; then
    runuser -u "$owner" -- "$@"
  else
    su "$owner" -s /bin/sh -c "$(printf '%q ' "$@")"
  fi
}

choose_owner() {
  owner=$(id -un)
  if [ "$(id -u)" -eq 0 ]; then
    owner=postgres
    id "$owner" >/dev/null 2>&1 || owner=nobody
  fi
}

free_port() {
  python3 -c 'import socket
with socket.socket() as s:
    s.bind(("127.0.0.1", 0))
    print(s.getsockname()[1])'
}

start() {
  local dir=$1 bin port
  bin=$(find_bin)
  choose_owner
  mkdir -p "$dir"
  dir=$(cd "$dir" && pwd)
  [ -z "$(ls -A "$dir")" ] || fail "$dir is not empty"
  # A socket's path may have 107 characters.
  [ ${#dir} -le 80 ] || fail "$dir is too long a path for a socket"
  [ "$(id -u)" -ne 0 ] || chown "$owner" "$dir"
  cd "$dir"
  run_as "$bin/initdb" -D "$dir/cluster" -U campanile --auth=trust --encoding=UTF8 --locale=C.UTF-8 --no-sync \
    >"$dir/initdb.log" 2>&1 || { cat "$dir/initdb.log" >&2; fail "initdb failed"; }
  for attempt in 1 2 3; do
    port=$(free_port)
    if run_as "$bin/pg_ctl" -D "$dir/cluster" -w -t 60 -l "$dir/cluster/server.log" \
      -o "-p $port -k '$dir' -c listen_addresses=127.0.0.1 -c fsync=on -c max_connections=200" start >/dev/null 2>&1; then
      break
    fi
    # Somebody may have taken the port since; anything else fails three times.
    [ "$attempt" -lt 3 ] || { tail -n 20 "$dir/cluster/server.log" >&2; fail "PostgreSQL did not start"; }
  done
  run_as "$bin/createdb" -h "$dir" -p "$port" -U campanile campanile
  printf 'postgres://campanile@127.0.0.1:%s/campanile\n' "$port"
}

stop() {
  local dir=$1 bin
  [ -d "$dir" ] || return 0
  dir=$(cd "$dir" && pwd)
  if [ ! -d "$dir/cluster" ]; then
    rmdir "$dir" 2>/dev/null || fail "$dir is no cluster of this script; left alone"
    return 0
  fi
  bin=$(find_bin)
  choose_owner
  cd /
  if run_as "$bin/pg_ctl" -D "$dir/cluster" status >/dev/null 2>&1; then
    # Its data goes with it: a last checkpoint of some hundred test databases would only take half a minute.
    run_as "$bin/pg_ctl" -D "$dir/cluster" -w -t 30 -m immediate stop >/dev/null
  fi
  rm -rf "$dir"
}

case ${1:-}${2:+ dir} in
  'start dir') start "$2" ;;
  'stop dir') stop "$2" ;;
  *) fail "usage: postgres.sh start DIR | stop DIR" ;;
esac
