# SPDX-License-Identifier: Apache-2.0
PLUGIN_CHECKS = tests/unit/plugin/check_parts
check_PROGRAMS += $(PLUGIN_CHECKS)
TESTS += $(PLUGIN_CHECKS)
tests_unit_plugin_check_parts_LDADD = libplugin.a $(LIBS_DOC) $(TESTS_LDADD_CHECK)
