# SPDX-License-Identifier: Apache-2.0
check_PROGRAMS += storage-case
storage_case_SOURCES = tests/storage/storage-case.c
EXTRA_DIST += tests/storage/README.md tests/storage/daemons.py tests/storage/fault-proxy.py tests/storage/run.py tests/storage/servers.py \
	tests/storage/token-server.py
storage_case_LDADD = $(LIBS_STORAGE)
