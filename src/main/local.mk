# SPDX-License-Identifier: Apache-2.0
# One program a role: its main_<role>.c, the common scaffold, and the archives it needs, so that it links nothing else.
noinst_LIBRARIES += librole.a
librole_a_SOURCES = src/main/role.c src/main/role.h
EXTRA_DIST += src/main/README.md

sbin_PROGRAMS += kestra-indexer
kestra_indexer_SOURCES = src/main/main_indexer.c
kestra_indexer_LDADD = librole.a libindexer.a $(LIBS_DOC)
