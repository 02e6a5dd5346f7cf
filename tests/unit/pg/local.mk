# SPDX-License-Identifier: Apache-2.0
# A private PostgreSQL for tests of this room and those above.
check_LIBRARIES = libtestcluster.a
libtestcluster_a_SOURCES = tests/unit/pg/cluster.c tests/unit/pg/cluster.h
LIBS_CLUSTER = libtestcluster.a

check_PROGRAMS += tests/unit/pg/check_pg
TESTS += tests/unit/pg/check_pg
tests_unit_pg_check_pg_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tests/unit/pg
tests_unit_pg_check_pg_LDADD = $(LIBS_CLUSTER) $(LIBS_PG) $(LIBS_BASE) $(TESTS_LDADD_CHECK)
