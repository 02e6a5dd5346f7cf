# SPDX-License-Identifier: Apache-2.0
check_PROGRAMS += tests/unit/blob/check_local
TESTS += tests/unit/blob/check_local
tests_unit_blob_check_local_LDADD = libblob.a $(LIBS_BASE) $(TESTS_LDADD_CHECK)
