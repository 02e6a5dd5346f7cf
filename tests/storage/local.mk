# SPDX-License-Identifier: Apache-2.0
check_PROGRAMS += storage-case
storage_case_SOURCES = tests/storage/storage-case.c
storage_case_LDADD = $(LIBS_STORAGE)
