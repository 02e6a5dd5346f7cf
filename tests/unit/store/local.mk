# SPDX-License-Identifier: Apache-2.0
# Databases with our schema, for tests of this room and those above.
check_LIBRARIES += libtestdatabase.a
libtestdatabase_a_SOURCES = tests/unit/store/database.c tests/unit/store/database.h
libtestdatabase_a_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tests/unit/pg
LIBS_DATABASE = libtestdatabase.a $(LIBS_CLUSTER)
