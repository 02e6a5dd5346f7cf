# SPDX-License-Identifier: Apache-2.0
# Run by tools/test integration, beside a server.
EXTRA_DIST += \
	tests/data/task \
	tests/integration/client.py \
	tests/integration/http_server.py \
	tests/integration/mail_server.py \
	tests/integration/standalone-fake-role.py \
	tests/integration/test-answers.py \
	tests/integration/test-api.py \
	tests/integration/test-archives.py \
	tests/integration/test-attacks.py \
	tests/integration/test-auth.py \
	tests/integration/test-bad-flows.py \
	tests/data/boundaries.env tests/integration/test-boundaries.py \
	tests/integration/test-bulk.py \
	tests/integration/test-cli.py \
	tests/integration/test-concurrency.py \
	tests/integration/test-crash.py \
	tests/integration/test-delete.py \
	tests/integration/test-drain.py \
	tests/integration/test-flow-triggers.py \
	tests/integration/test-files.py \
	tests/integration/test-full-disk.py \
	tests/integration/test-gateway.py \
	tests/data/handover.json \
	tests/integration/test-handover.py \
	tests/integration/test-hosts.py \
	tests/integration/test-isolation.py \
	tests/integration/test-kill.py \
	tests/integration/test-large-units.py \
	tests/integration/test-later-fields.py \
	tests/integration/test-limits.sh \
	tests/integration/test-log-pressure.py \
	tests/integration/test-many-files.py \
	tests/integration/test-messages.py \
	tests/integration/test-neighbours.py \
	tests/integration/test-one-user.py \
	tests/integration/test-poison.py \
	tests/integration/test-polling.py \
	tests/integration/test-reload.py \
	tests/integration/test-rights.py \
	tests/integration/test-roles.py \
	tests/integration/test-scale.py \
	tests/integration/test-schemas.py \
	tests/integration/test-settings.py \
	tests/integration/test-schedule.py \
	tests/integration/test-storage-refusals.py \
	tests/integration/test-tasks.py \
	tests/integration/test-timers.py \
	tests/integration/test-turns.py \
	tests/integration/test-standalone-supervisor.sh \
	tests/integration/test-webhook-secret.py \
	tests/integration/test-with-server.sh
