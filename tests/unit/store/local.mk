# SPDX-License-Identifier: Apache-2.0
# Databases with our schema, for tests of this room and those above.
check_LIBRARIES += libtestdatabase.a
libtestdatabase_a_SOURCES = tests/unit/store/database.c tests/unit/store/database.h
libtestdatabase_a_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tests/unit/pg
LIBS_DATABASE = libtestdatabase.a $(LIBS_CLUSTER)

STORE_CHECKS = tests/unit/store/check_store
check_PROGRAMS += $(STORE_CHECKS)
TESTS += $(STORE_CHECKS)
tests_unit_store_check_store_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tests/unit/pg
tests_unit_store_check_store_LDADD = $(LIBS_DATABASE) $(LIBS_STORE) $(TESTS_LDADD_CHECK)
