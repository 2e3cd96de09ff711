#!/usr/bin/env bash
# From a clone to delivered notifications: build, start, identify, trigger, show what reached whom.
#
#   CAMPANILE_LISTEN         where to listen (127.0.0.1:4000)
#   CAMPANILE_DEMO_DATA_DIR  where the data stays between runs (./data/demo)
#   CAMPANILE_BIN            a binary to use instead of building one
#   CAMPANILE_DEMO_ONCE=1    stop after printing
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

listen=${CAMPANILE_LISTEN:-127.0.0.1:4000}
host=${listen%:*}
port=${listen##*:}
# A wildcard is an address to listen on, not one to call.
case $host in 0.0.0.0 | '' | '*') call_host=127.0.0.1 ;; '[::]') call_host='[::1]' ;; *) call_host=$host ;; esac
base_url=http://$call_host:$port
data_dir=${CAMPANILE_DEMO_DATA_DIR:-./data/demo}
credentials=$data_dir/credentials
pid_file=$data_dir/server.pid
log=$data_dir/server.log
server=

say() { printf '%s\n' "$*"; }
fail() {
  printf '\nThe demo stopped: %s\n' "$*" >&2
  exit 1
}
random() { od -An -N16 -tx1 /dev/urandom | tr -d ' \n'; }
server_alive() { [ -n "$server" ] && kill -0 "$server" 2>/dev/null; }

# shellcheck disable=SC2329 # Called by the trap.
# Runs on every way out. TERM lets the server finish or persist what it accepted.
stop_server() {
  trap - EXIT INT TERM HUP
  [ -n "$server" ] || return 0
  if server_alive; then
    say "Stopping the server ..."
    kill -TERM "$server" 2>/dev/null || true
    for _ in $(seq 300); do
      server_alive || break
      sleep 0.1
    done
    if server_alive; then
      printf 'It did not stop within 30 s and is killed; what it accepted is in %s.\n' "$data_dir" >&2
      kill -KILL "$server" 2>/dev/null || true
    fi
  fi
  wait "$server" 2>/dev/null || true
  rm -f "$pid_file"
}

require_tools() {
  for tool in curl python3; do
    command -v "$tool" >/dev/null || fail "$tool is not installed; \`make install\` adds what is missing"
  done
}

require_free_port() {
  case $port in '' | *[!0-9]*) fail "CAMPANILE_LISTEN=$listen is not of the form address:port" ;; esac
  python3 - "$call_host" "$port" <<'PY' || return 0
import socket, sys
try:
    socket.create_connection((sys.argv[1].strip("[]"), int(sys.argv[2])), 1).close()
except OSError:
    sys.exit(1)
PY
  local holder=
  if [ -f "$pid_file" ] && kill -0 "$(cat "$pid_file")" 2>/dev/null; then
    holder=" (by an earlier demo: its server has process id $(cat "$pid_file"))"
  fi
  fail "port $port on $call_host is taken$holder. Choose another one:

    CAMPANILE_LISTEN=$host:$((port < 65535 ? port + 1 : 4000)) make demo"
}

# Kept beside the data: keys are read at the first start only, and every later run needs the same ones.
load_credentials() {
  mkdir -p "$data_dir"
  chmod 700 "$data_dir" # Keys and logs are in it.
  if [ ! -f "$credentials" ]; then
    (
      umask 077
      printf 'CAMPANILE_BOOTSTRAP_SECRET_KEY=sk_test_%s\n' "$(random)"
      printf 'CAMPANILE_BOOTSTRAP_PUBLIC_KEY=pk_test_%s\n' "$(random)"
      printf 'CAMPANILE_BOOTSTRAP_SERVICE_TOKEN=st_%s\n' "$(random)"
    ) >"$credentials.new"
    chmod 600 "$credentials.new"
    mv "$credentials.new" "$credentials"
  fi
  set -a
  # shellcheck disable=SC1090
  . "$credentials"
  set +a
}

build() {
  if [ -n "${CAMPANILE_BIN:-}" ]; then
    bin=$CAMPANILE_BIN
    [ -x "$bin" ] || fail "CAMPANILE_BIN=$bin is not an executable file"
    return
  fi
  command -v cargo >/dev/null || fail "cargo is not installed; see https://rustup.rs"
  say "Building the server (some minutes the first time) ..."
  cargo build --release --locked -p campanile --bin campanile || fail "the build failed"
  bin=${CARGO_TARGET_DIR:-target}/release/campanile
}

start_server() {
  # A session of its own: Ctrl-C reaches this script alone, which then passes on one TERM.
  local detach=()
  if command -v setsid >/dev/null; then detach=(setsid); fi
  "${detach[@]}" "$bin" serve --listen "$listen" --data-dir "$data_dir" --project examples/collab >"$log" 2>&1 &
  server=$!
  echo "$server" >"$pid_file"
  printf 'Waiting for %s ' "$base_url"
  for _ in $(seq 240); do
    if ! server_alive; then
      printf '\nThe last lines of %s:\n' "$log" >&2
      tail -n 20 "$log" >&2
      fail "the server ended before it was ready"
    fi
    if curl --noproxy '*' -fs -o /dev/null --max-time 2 "$base_url/readyz"; then
      say " ready."
      return
    fi
    printf '.'
    sleep 0.25
  done
  fail "the server was not ready after 60 s; see $log"
}

# call METHOD PATH [BODY]: with the secret key, or with the service token when token=1.
call() {
  local key=$CAMPANILE_BOOTSTRAP_SECRET_KEY
  if [ -n "${token:-}" ]; then key=$CAMPANILE_BOOTSTRAP_SERVICE_TOKEN; fi
  curl --noproxy '*' -sS --max-time 20 -w '\n%{http_code}' -X "$1" "$base_url$2" -H @- ${3:+--data-binary "$3"} <<H | check "$1 $2"
authorization: Bearer $key
content-type: application/json
H
}

# Passes the body on when the status, on the last line, is 2xx.
check() {
  local answer status
  answer=$(cat)
  status=${answer##*$'\n'}
  case $status in
    2??) printf '%s' "${answer%$'\n'*}" ;;
    *)
      printf '\n%s answered %s: %s\n' "$1" "$status" "${answer%$'\n'*}" >&2
      return 1
      ;;
  esac
}

field() { python3 -c 'import json,sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"; }
channel_id() {
  python3 -c 'import json,sys
print(next(c["id"] for c in json.load(sys.stdin)["entries"] if c["key"] == sys.argv[1]))' "$1"
}

wait_for_project() {
  local answer=
  for _ in $(seq 40); do
    server_alive || fail "the server ended; see $log"
    if answer=$(token=1 call GET "/v1/workflows/mention?environment=development" 2>&1); then return; fi
    case $answer in
      *' answered 401: '*)
        fail "the server does not know the keys in $credentials, so its data was made without them. Use another
folder (CAMPANILE_DEMO_DATA_DIR=./data/demo-2 make demo) or remove $data_dir"
        ;;
    esac
    sleep 0.25
  done
  fail "examples/collab was not loaded within 10 s; see $log$answer"
}

identify() {
  say "Identifying ada, grace and alan ..."
  local channels push chat
  channels=$(token=1 call GET /v1/channels)
  push=$(channel_id push <<<"$channels")
  chat=$(channel_id chat <<<"$channels")
  call PUT /v1/users/ada '{"name":"Ada","email":"ada@collab.example","phone_number":"+15550100001",
    "timezone":"Europe/London"}' >/dev/null
  call PUT /v1/users/grace '{"name":"Grace","email":"grace@collab.example","phone_number":"+15550100002",
    "timezone":"America/New_York"}' >/dev/null
  call PUT /v1/users/alan '{"name":"Alan","email":"alan@collab.example"}' >/dev/null
  call PUT "/v1/users/ada/channel_data/$push" '{"data":{"tokens":["demo-phone-of-ada"]}}' >/dev/null
  call PUT "/v1/users/ada/channel_data/$chat" '{"data":{"connections":[{"channel_id":"C0COLLAB",
    "access_token":"demo-only"}]}}' >/dev/null
}

# trigger WORKFLOW RECIPIENT MENTION COMMENT: prints the id of the run.
trigger() {
  call POST "/v1/workflows/$1/trigger" "{\"recipients\":[\"$2\"],\"actor\":\"alan\",\"data\":{
    \"document\":\"Q3 plan\",\"url\":\"https://collab.example/d/7\",\"mention\":$3,\"comment\":\"$4\"}}" |
    field workflow_run_id
}

# Waits until the run has COUNT messages and none of them is on its way, then keeps the list.
await_messages() {
  local run=$1 count=$2 page
  for _ in $(seq 80); do
    server_alive || fail "the server ended; see $log"
    page=$(call GET "/v1/messages?workflow_run_id=$run")
    if COUNT=$count python3 -c 'import json,os,sys
items = json.load(sys.stdin)["items"]
moving = [m for m in items if m["status"] in ("queued", "delivery_attempted")]
sys.exit(0 if len(items) >= int(os.environ["COUNT"]) and not moving else 1)' <<<"$page"; then
      printf '%s\n' "$page" >>"$pages"
      return
    fi
    sleep 0.25
  done
  printf '%s\n' "$page" >>"$pages"
  incomplete=1
  printf 'After 20 s run %s still has fewer than %s finished messages.\n' "$run" "$count" >&2
}

print_table() {
  local id contents=$pages.contents
  python3 -c 'import json,sys
for line in sys.stdin:
    for message in reversed(json.loads(line)["items"]):
        print(message["id"])' <"$pages" >"$pages.ids"
  : >"$contents"
  while read -r id; do
    call GET "/v1/messages/$id/content" >>"$contents" </dev/null
    printf '\n' >>"$contents"
  done <"$pages.ids"
  python3 - "$pages" "$contents" <<'PY'
import html, json, re, sys

def shown(content):
    blocks = {b["name"]: b for b in content.get("blocks", [])}
    template = content.get("template") or {}
    return (content.get("subject_line") or content.get("title") or content.get("body")
            or blocks.get("body", {}).get("rendered") or template.get("summary") or json.dumps(template))

def line(text, width=64):
    text = " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())
    return text if len(text) <= width else text[: width - 1] + "…"

messages = [m for page in open(sys.argv[1]) for m in reversed(json.loads(page)["items"])]
contents = {c["message_id"]: c["data"] for c in map(json.loads, open(sys.argv[2]))}
rows = [("WHO", "WORKFLOW", "CHANNEL", "STATUS", "CONTENT")]
for m in messages:
    who = m["recipient"] if isinstance(m["recipient"], str) else m["recipient"]["id"]
    rows.append((who, m["source"]["key"], m["channel"]["key"], m["status"], line(shown(contents[m["id"]]))))
widths = [max(len(row[i]) for row in rows) for i in range(4)]
print()
for row in rows:
    print("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths + [0])))
PY
}

print_next_steps() {
  local feed
  feed=$(token=1 call GET /v1/channels | channel_id in-app-feed)
  cat <<TEXT

  delivered = in the feed. not_sent = sandbox: rendered and kept, since no provider is configured yet.
  Grace was not mentioned: her e-mail follows in ten minutes, unless she reads the feed item before.

  Address        $base_url
  Secret key     $CAMPANILE_BOOTSTRAP_SECRET_KEY
  Public key     $CAMPANILE_BOOTSTRAP_PUBLIC_KEY
  Service token  $CAMPANILE_BOOTSTRAP_SERVICE_TOKEN
  Workflows      examples/collab (edit a file: the server has it at once)

  Trigger again:
    curl -s $base_url/v1/workflows/mention/trigger -H 'authorization: Bearer $CAMPANILE_BOOTSTRAP_SECRET_KEY' -H 'content-type: application/json' -d '{"recipients":["ada"],"actor":"alan","data":{"document":"Q3 plan","url":"https://collab.example/d/7","comment":"One more thing"}}'
  Read Ada's feed:
    curl -s '$base_url/v1/users/ada/feeds/$feed' -H 'authorization: Bearer $CAMPANILE_BOOTSTRAP_SECRET_KEY'

TEXT
}

require_tools
require_free_port
build
load_credentials
trap stop_server EXIT
trap 'say; exit 0' INT TERM HUP
start_server
wait_for_project
identify

incomplete=
pages=$data_dir/messages.jsonl
: >"$pages"
say "Triggering new-comment for grace, then new-comment and mention for ada ..."
comment="Could you look at the numbers?"
run_grace=$(trigger new-comment grace false "$comment")
run_ada=$(trigger new-comment ada true "$comment")
run_mention=$(trigger mention ada true "$comment")
say "Waiting for the messages ..."
await_messages "$run_grace" 1
await_messages "$run_ada" 2
await_messages "$run_mention" 4
print_table
print_next_steps

if [ -n "${CAMPANILE_DEMO_ONCE:-}" ]; then
  [ -z "$incomplete" ] || exit 1
  exit 0
fi
say "Running until Ctrl-C. The log is in $log."
# Waiting is interrupted by Ctrl-C, which leads to stop_server; otherwise the server ended by itself.
status=0
wait "$server" || status=$?
fail "the server ended by itself (status $status); see $log. Start the demo again: nothing accepted is lost"
