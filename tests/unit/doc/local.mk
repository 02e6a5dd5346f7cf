# SPDX-License-Identifier: Apache-2.0
DOC_CHECKS = tests/unit/doc/check_conf tests/unit/doc/check_document tests/unit/doc/check_field tests/unit/doc/check_json
check_PROGRAMS += $(DOC_CHECKS)
TESTS += $(DOC_CHECKS)
tests_unit_doc_check_conf_LDADD = $(LIBS_DOC) $(TESTS_LDADD_CHECK)
tests_unit_doc_check_document_LDADD = $(LIBS_DOC) $(TESTS_LDADD_CHECK)
tests_unit_doc_check_field_LDADD = $(LIBS_DOC) $(TESTS_LDADD_CHECK)
tests_unit_doc_check_json_LDADD = $(LIBS_DOC) $(TESTS_LDADD_CHECK)
