#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# with-server: none
# The limits of expressions are settings: a loop of 2,000 rounds fails where limits.expression-steps is 1,000, with the
# reason in the log, and runs where it is not set.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
settings=$(mktemp --suffix=.yaml)
trap 'rm -f "$settings"' EXIT
echo 'limits: {expression-steps: 1000}' >"$settings"
cat >"$settings.sh" <<'S'
flow='id: rounds
namespace: integration.limits
tasks:
  - id: count
    type: io.kestra.plugin.core.debug.Return
    format: "{% for i in range(1, 2000) %}x{% endfor %}"
'
curl -sS -X POST --data-binary "$flow" -H 'Content-Type: application/x-yaml' "$KESTRA_URL/api/v1/flows" >/dev/null
execution=$(curl -sS -m 20 -X POST "$KESTRA_URL/api/v1/executions/integration.limits/rounds?wait=true")
echo "$execution" | jq -r .state.current
curl -sS "$KESTRA_URL/api/v1/logs/$(echo "$execution" | jq -r .id)?minLevel=ERROR" | jq -r '.[].message'
S
passed=0 failed=0
check() { # NAME TEXT PATTERN
    if grep -q "$3" <<<"$2"; then passed=$((passed + 1)); echo "ok - $1"; else failed=$((failed + 1)); echo "not ok - $1: $2"; fi
}
limited=$("$here/../../tools/with-server" --config "$settings" bash "$settings.sh" 2>/dev/null)
free=$("$here/../../tools/with-server" bash "$settings.sh" 2>/dev/null)
rm -f "$settings.sh"
check 'a loop beyond the limit fails' "$limited" FAILED
check 'the log says which limit' "$limited" 'more than 1000 steps'
check 'without the setting it runs' "$free" SUCCESS
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
