# SPDX-License-Identifier: Apache-2.0
BLOB_CHECKS = tests/unit/blob/check_credentials tests/unit/blob/check_gateway tests/unit/blob/check_local tests/unit/blob/check_remote
check_PROGRAMS += $(BLOB_CHECKS)
TESTS += $(BLOB_CHECKS)
tests_unit_blob_check_credentials_LDADD = $(LIBS_STORAGE) $(TESTS_LDADD_CHECK)
tests_unit_blob_check_gateway_LDADD = libblob.a $(LIBS_DOC) $(TESTS_LDADD_CHECK)
tests_unit_blob_check_local_LDADD = libblob.a $(LIBS_DOC) $(TESTS_LDADD_CHECK)
tests_unit_blob_check_remote_LDADD = $(LIBS_STORAGE) $(TESTS_LDADD_CHECK)
