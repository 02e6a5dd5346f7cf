# SPDX-License-Identifier: Apache-2.0
WEB_CHECKS = tests/unit/web/check_follow tests/unit/web/check_http tests/unit/web/check_origin tests/unit/web/check_range \
	tests/unit/web/check_router
check_PROGRAMS += $(WEB_CHECKS)
TESTS += $(WEB_CHECKS)
tests_unit_web_check_follow_LDADD = libweb.a $(LIBS_DOC) $(TESTS_LDADD_CHECK)
tests_unit_web_check_http_LDADD = libweb.a libwhen.a $(LIBS_DOC) $(TESTS_LDADD_CHECK)
tests_unit_web_check_origin_LDADD = libweb.a libwhen.a $(LIBS_DOC) $(TESTS_LDADD_CHECK)
tests_unit_web_check_range_LDADD = libweb.a libwhen.a $(LIBS_DOC) $(TESTS_LDADD_CHECK)
tests_unit_web_check_router_LDADD = libweb.a libmodel.a libwhen.a $(LIBS_DOC) $(TESTS_LDADD_CHECK)
EXTRA_DIST += tests/api/README.md tests/api/10-flows.talk tests/api/11-flows-many.talk tests/api/20-executions.talk \
	tests/api/21-operations.talk tests/api/22-webhooks.talk tests/api/30-rest.talk tests/api/34-filters.talk tests/api/35-names.talk tests/integration/test-api.py tests/integration/test-auth.py
