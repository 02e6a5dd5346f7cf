noinst_LIBRARIES += libstore.a
libstore_a_SOURCES = \
	src/store/execution_store.c src/store/execution_store.h \
	src/store/execution_counts.c src/store/execution_search.h \
	src/store/flow_cache.c src/store/flow_cache.h \
	src/store/flow_file_store.c src/store/flow_file_store.h \
	src/store/flow_store.c src/store/flow_store.h \
	src/store/instance_store.c src/store/instance_store.h \
	src/store/log_store.c src/store/log_store.h \
	src/store/metric_store.c \
	src/store/migrate.c src/store/migrate.h \
	src/store/poison_store.c src/store/poison_store.h \
	src/store/search.c src/store/search.h \
	src/store/setting_store.c src/store/setting_store.h \
	src/store/store.c src/store/store.h \
	src/store/topology_store.c src/store/topology_store.h \
	src/store/trigger_store.c src/store/trigger_store.h
nodist_libstore_a_SOURCES = src/store/migrations.c
libstore_a_CFLAGS = $(AM_CFLAGS) $(PQ_CFLAGS)

# The numbered migrations become one table of texts, in the order of their numbers.
MIGRATIONS = \
	src/store/schema/0001-base.sql \
	src/store/schema/0002-logs.sql \
	src/store/schema/0003-queue.sql \
	src/store/schema/0004-trigger-command.sql \
	src/store/schema/0006-flow-reference.sql \
	src/store/schema/0007-poison.sql \
	src/store/schema/0010-trigger-declaration.sql \
	src/store/schema/0011-crash.sql \
	src/store/schema/0012-turn.sql \
	src/store/schema/0013-probe.sql \
	src/store/schema/0016-partition.sql \
	src/store/schema/0017-retention.sql \
	src/store/schema/0019-lease.sql
src/store/migrations.c: $(MIGRATIONS) src/store/rights.sql src/store/embed.awk
	$(AM_V_GEN)$(MKDIR_P) src/store && (cd $(srcdir) && awk -f src/store/embed.awk $(MIGRATIONS) src/store/rights.sql) > $@.tmp && mv $@.tmp $@
CLEANFILES += src/store/migrations.c
EXTRA_DIST += src/store/README.md src/store/embed.awk src/store/rights.sql $(MIGRATIONS)
