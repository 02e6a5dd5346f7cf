# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += libweb.a
libweb_a_CFLAGS = $(AM_CFLAGS) $(H2O_CFLAGS) $(CRYPTO_CFLAGS) $(PQ_CFLAGS)
libweb_a_SOURCES = \
	src/web/admission.c \
	src/web/admission.h \
	src/web/auth.c \
	src/web/auth.h \
	src/web/connection.c \
	src/web/connection.h \
	src/web/follow.c \
	src/web/follow.h \
	src/web/graph.c \
	src/web/graph.h \
	src/web/http.c \
	src/web/http.h \
	src/web/login_queue.c \
	src/web/login_queue.h \
	src/web/multipart.c \
	src/web/multipart.h \
	src/web/openapi.c \
	src/web/origin.c \
	src/web/origin.h \
	src/web/peer.c \
	src/web/peer.h \
	src/web/pool.c \
	src/web/pool.h \
	src/web/range.c \
	src/web/range.h \
	src/web/router.c \
	src/web/router.h \
	src/web/routes/archive.c \
	src/web/routes/archive.h \
	src/web/routes/dependencies.c \
	src/web/routes/execution_bulk.c \
	src/web/routes/execution_common.c \
	src/web/routes/execution_common.h \
	src/web/routes/execution_create.c \
	src/web/routes/execution_inputs.c \
	src/web/routes/execution_inputs.h \
	src/web/routes/execution_operations.c \
	src/web/routes/execution_start.c \
	src/web/routes/execution_start.h \
	src/web/routes/executions.c \
	src/web/routes/flow_body.c \
	src/web/routes/flow_body.h \
	src/web/routes/flow_files.c \
	src/web/routes/flow_task.c \
	src/web/routes/flows.c \
	src/web/routes/flows_bulk.c \
	src/web/routes/flows_validate.c \
	src/web/routes/execution_files.c \
	src/web/routes/graphs.c \
	src/web/routes/kv.c \
	src/web/routes/logs.c \
	src/web/routes/namespace_files.c \
	src/web/routes/management.c \
	src/web/routes/misc.c \
	src/web/routes/namespaces.c \
	src/web/routes/plugins.c \
	src/web/routes/cluster.c \
	src/web/routes/poison.c \
	src/web/routes/preview.c src/web/routes/preview.h \
	src/web/routes/query.c \
	src/web/routes/query.h \
	src/web/routes/storage.c src/web/routes/storage.h \
	src/web/routes/routes.c \
	src/web/routes/routes.h \
	src/web/routes/stats.c \
	src/web/routes/trigger_changes.c \
	src/web/routes/triggers.c \
	src/web/routes/ui.c \
	src/web/routes/webhooks.c src/web/routes/webhooks.h \
	src/web/server.c \
	src/web/server.h \
	src/web/session.h \
	src/web/secret_keys.c \
	src/web/settings.c \
	src/web/secret_keys.h \
	src/web/settings.h \
	src/web/web.c src/web/web_private.h src/web/web_health.c \
	src/web/web.h
EXTRA_DIST += src/web/README.md
