#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# with-server: none
# tools/with-server itself: what CMD sees, the exit status, and that nothing stays, however it ends.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
tool=$here/../../tools/with-server
work=$(mktemp -d)
passed=0 failed=0
trap 'rm -rf "$work"' EXIT
export TMPDIR=$work
chmod 755 "$work"

check() { # NAME COMMAND...
    local name=$1
    shift
    if "$@"; then
        passed=$((passed + 1))
        echo "ok - $name"
    else
        failed=$((failed + 1))
        echo "not ok - $name"
    fi
}
until_true() {
    local i
    for ((i = 0; i < 400; i++)); do
        "$@" && return 0
        sleep 0.05
    done
    return 1
}
nothing_runs() { ! pgrep -f "$work/kestra-server" >/dev/null; }
no_directory() { [ -z "$(find "$work" -maxdepth 1 -name 'kestra-server*')" ]; }

cat >"$work/env" <<'LINES'
# a comment
SECRET_PLAIN=some value
SECRET_LINES="one\ntwo"
KESTRA_TEST1=true
LINES
echo '{"variables": {"globals": {"answer": 42}}}' >"$work/settings.json"
cat >"$work/flow.yaml" <<'FLOW'
id: seen
namespace: integration.tool
tasks:
  - id: values
    type: io.kestra.plugin.core.debug.Return
    format: "{{ globals.answer }} {{ envs.test1 }} {{ envs.build ?? 'hidden' }} {{ envs.mine ?? 'hidden' }}"
FLOW
# shellcheck disable=SC2016 # expanded beside the server
KESTRA_MINE=yes "$tool" --config "$work/settings.json" --env "$work/env" --executors 2 --workers 2 -- sh -c '
    echo "pids $(echo "$KESTRA_PIDS" | tr , "\n" | grep -c .)"
    echo "mine $KESTRA_MINE"
    psql -qAtc "SELECT current_user" "$KESTRA_PG"
    curl -s -o /dev/null -w "management %{http_code}\n" "$KESTRA_MANAGEMENT_URL/health"
    curl -s -o /dev/null -H "Content-Type: application/x-yaml" --data-binary "@$0" "$KESTRA_URL/api/v1/flows"
    curl -s -F x=1 "$KESTRA_URL/api/v1/executions/integration.tool/seen?wait=true"
    exit 9' "$work/flow.yaml" >"$work/output" 2>"$work/errors" && status=0 || status=$?
check 'its status is that of the command' test "$status" = 9
check 'seven roles run' grep -qx 'pids 7' "$work/output"
check 'the database is that of the server' grep -qx kestra "$work/output"
check 'the management port answers' grep -qx 'management 200' "$work/output"
check 'the command keeps its environment' grep -qx 'mine yes' "$work/output"
check 'the server sees settings and its environment, and nothing else' grep -q '"value":"42 true hidden hidden"' "$work/output"
check 'nothing runs afterwards' nothing_runs
check 'no directory stays' no_directory

"$tool" -- sleep 1000 &
tool_pid=$!
until_true pgrep -f "$work/kestra-server.*/data/kestra.yaml" >/dev/null
kill -TERM "$tool_pid"
wait "$tool_pid" && status=0 || status=$?
check 'SIGTERM ends it' test "$status" = 143
check 'nothing runs after that' until_true nothing_runs
check 'no directory stays after that' no_directory

"$tool" -- sleep 1000 &
tool_pid=$!
until_true pgrep -f "$work/kestra-server.*/data/kestra.yaml" >/dev/null
kill -KILL "$tool_pid"
wait "$tool_pid" 2>/dev/null || true
check 'nothing runs after SIGKILL' until_true nothing_runs

echo 'nonsense: 1' >"$work/bad.yaml"
"$tool" --config "$work/bad.yaml" true 2>"$work/errors" && status=0 || status=$?
check 'wrong settings are told' grep -q 'kestra.yaml:1:11: nonsense: no such setting' "$work/errors"
check 'and end it with 78' test "$status" = 78
"$tool" no-such-command-here 2>/dev/null && status=0 || status=$?
check 'a command that is not there ends with 127' test "$status" = 127
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
