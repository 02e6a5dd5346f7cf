# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += libindexer.a
libindexer_a_SOURCES = src/indexer/indexer.c src/indexer/indexer.h
EXTRA_DIST += src/indexer/README.md
