# SPDX-License-Identifier: Apache-2.0
# One program a role: its main_<role>.c, the common scaffold, and the archives it needs, so that it links nothing else.
noinst_LIBRARIES += librole.a
librole_a_SOURCES = src/main/role.c src/main/role.h
EXTRA_DIST += src/main/README.md

sbin_PROGRAMS += kestra-indexer
kestra_indexer_SOURCES = src/main/main_indexer.c
kestra_indexer_LDADD = librole.a libindexer.a $(LIBS_DOC)

sbin_PROGRAMS += kestra-executor
kestra_executor_SOURCES = src/main/main_executor.c
kestra_executor_LDADD = librole.a libexecutor.a libplugin.a libblob.a $(LIBS_STORE)

sbin_PROGRAMS += kestra-standalone
kestra_standalone_SOURCES = src/main/standalone.c src/main/standalone.h src/main/standalone_database.c \
	src/main/standalone_service.c src/main/standalone_setup.c
kestra_standalone_LDADD = $(LIBS_PG) $(LIBS_DOC)
sbin_PROGRAMS += kestra-migrate
kestra_migrate_SOURCES = src/main/main_migrate.c
kestra_migrate_LDADD = librole.a libstore.a $(LIBS_PG) $(LIBS_DOC)

sbin_PROGRAMS += kestra-worker
kestra_worker_SOURCES = src/main/main_worker.c
kestra_worker_LDADD = librole.a libworker.a libplugin.a libblob.a $(LIBS_STORE) $(ZLIB_LIBS) $(CURL_LIBS) -lpthread
sbin_PROGRAMS += kestra-worker-gateway
kestra_worker_gateway_SOURCES = src/main/main_worker_gateway.c
kestra_worker_gateway_LDADD = librole.a libworker.a libplugin.a libblob.a $(LIBS_STORE) $(ZLIB_LIBS) $(CURL_LIBS) $(SSL_LIBS) -lpthread
pkglibexec_PROGRAMS += kestra-run
kestra_run_SOURCES = src/main/main_run.c
kestra_run_LDADD = $(LIBS_RUNNER) -lpthread
pkglibexec_PROGRAMS += kestra-container
kestra_container_SOURCES = src/main/main_container.c
kestra_container_LDADD = libcontainer.a $(LIBS_DOC) $(CURL_LIBS)
pkglibexec_PROGRAMS += kestra-sandbox
kestra_sandbox_SOURCES = src/main/main_sandbox.c
kestra_sandbox_LDADD = libsandbox.a

sbin_PROGRAMS += kestra-webserver
kestra_webserver_SOURCES = src/main/main_webserver.c
kestra_webserver_LDADD = librole.a libweb.a libplugin.a libblob.a $(LIBS_STORE) $(H2O_LIBS) $(CRYPT_LIBS) $(CURL_LIBS) $(ZLIB_LIBS)


sbin_PROGRAMS += kestra-scheduler
kestra_scheduler_SOURCES = src/main/main_scheduler.c
kestra_scheduler_LDADD = librole.a libscheduler.a libwatch.a libplugin.a libblob.a $(LIBS_STORE)

bin_PROGRAMS += kestractl
kestractl_SOURCES = src/main/main_kestractl.c
kestractl_LDADD = libcli.a $(LIBS_MODEL) $(CURL_LIBS)
