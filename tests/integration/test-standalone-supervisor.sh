#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# with-server: none
# The supervisor alone, with stand-ins for the roles: sockets, restart of what crashes, order of stopping, and that nothing
# is left behind, also when it is killed itself. Needs only the built kestra-standalone (KESTRA_BUILD).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=${KESTRA_BUILD:-$here/../../build}
work=$(mktemp -d)
chmod 755 "$work" # PostgreSQL runs as another user than root
supervisor=
failed=0 passed=0
trap '[ -z "$supervisor" ] || kill "$supervisor" 2>/dev/null || true; wait; rm -rf "$work"' EXIT

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
until_true() { # COMMAND...: within 20 seconds
    local i
    for ((i = 0; i < 400; i++)); do
        "$@" && return 0
        sleep 0.05
    done
    return 1
}
mkdir "$work/bin"
cp "$build/kestra-standalone" "$work/bin/"
for role in migrate webserver scheduler worker executor indexer; do
    cp "$here/standalone-fake-role.py" "$work/bin/kestra-$role"
done
export FAKE_RECORD=$work/record
data=$work/data
start() {
    : >"$FAKE_RECORD"
    rm -f "$data/run/ready" # a killed one has left it
    "$work/bin/kestra-standalone" --data "$data" --http 127.0.0.1:0 --management 127.0.0.1:0 --executors 2 "$@" &
    supervisor=$!
    until_true test -e "$data/run/ready"
}
started() { [ "$(grep -c "^start $1\$" "$FAKE_RECORD")" = "$2" ]; }
postgres_is_new() { [ "$(cat "$data/run/postgresql.pid")" != "$1" ] && psql -qAtc 'SELECT 1' "$KESTRA_PG" >/dev/null 2>&1; }
stops_in_order() {
    [ "$(grep '^stop' "$FAKE_RECORD" | tr '\n' ' ')" = "stop webserver stop scheduler stop worker stop executor stop executor-2 stop indexer " ]
}
# Pids of what still runs with this test's directory in its environment: stand-ins, their sleepers, PostgreSQL.
left() {
    local pid
    grep -lzE "^FAKE_RECORD=$work/" /proc/[0-9]*/environ 2>/dev/null | cut -d/ -f3 | while read -r pid; do
        case $(tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline") in
        *"sleep 4242"* | *"$work/bin/kestra-"* | *postgres*) echo "$pid" ;;
        esac
    done 2>/dev/null
}
nothing_left() { [ -z "$(left)" ]; }

check 'all are ready' start
if "$work/bin/kestra-standalone" --data "$data" --quiet 2>/dev/null; then refused=false; else refused=true; fi
check 'the second one ended with a failure' $refused
# shellcheck disable=SC1091
KESTRA_PG=$(sed -n 's/^KESTRA_PG=//p' "$data/run/ready")
check 'PostgreSQL answers on its unix socket' psql -qAtc 'SELECT' "$KESTRA_PG"
check 'PostgreSQL listens nowhere else' test -z "$(psql -qAtc 'SHOW listen_addresses' "$KESTRA_PG")"
check 'both executors have started' started executor-2 1
kill -9 "$(cat "$data/run/executor-2.pid")"
check 'a crashed role is started again' until_true started executor-2 2
check 'only that one' started executor 1
old=$(cat "$data/run/postgresql.pid")
kill -9 "$old"
check 'PostgreSQL is started again' until_true postgres_is_new "$old"
kill "$supervisor"
wait "$supervisor" && status=0 || status=$?
supervisor=
check 'it stops with status 0' test "$status" = 0
check 'roles stop in order' stops_in_order
check 'nothing is left behind' until_true nothing_left
check 'no socket is left behind' test "$(ls "$data/run")" = postgresql

check 'it starts again on the same data' start
kill -9 "$supervisor"
wait "$supervisor" 2>/dev/null || true
supervisor=
roles_gone() { ! pgrep -f "$work/bin/kestra-" >/dev/null && ! pgrep -f "$data/postgresql" >/dev/null; }
check 'roles and PostgreSQL end with a killed supervisor' until_true roles_gone
for pid in $(left); do kill "$pid" 2>/dev/null || true; done # the stand-ins' sleepers, which nobody reaps then
check 'it starts after that' start
kill "$supervisor"
wait "$supervisor" || true
supervisor=

# shellcheck disable=SC2016 # expanded by the command's shell
"$work/bin/kestra-standalone" --data "$data" --http 127.0.0.1:0 --management 127.0.0.1:0 --quiet -- \
    sh -c 'test -n "$KESTRA_PIDS" && psql -qAtc "SELECT 42" "$KESTRA_PG" && exit 7' >"$work/output" && status=0 || status=$?
check 'with a command its status is ours' test "$status" = 7
check 'the command reached the database' grep -qx 42 "$work/output"
check 'nothing is left behind by it' until_true nothing_left
echo 'serverr: 1' >"$work/bad.yaml"
"$work/bin/kestra-standalone" --data "$data" --config "$work/bad.yaml" 2>"$work/output" && status=0 || status=$?
check 'wrong settings end with status 78' test "$status" = 78
check 'and tell where' grep -q 'kestra.yaml:1:10: serverr: no such setting' "$work/output"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
