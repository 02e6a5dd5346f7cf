# SPDX-License-Identifier: Apache-2.0
PLUGIN_CHECKS = tests/unit/plugin/check_ask tests/unit/plugin/check_for_each_item tests/unit/plugin/check_items tests/unit/plugin/check_kv tests/unit/plugin/check_limits tests/unit/plugin/check_parts tests/unit/plugin/check_sandbox tests/unit/plugin/check_tasks
check_PROGRAMS += $(PLUGIN_CHECKS)
TESTS += $(PLUGIN_CHECKS)
tests_unit_plugin_check_ask_LDADD = $(LIBS_PLUGIN) $(TESTS_LDADD_CHECK)
tests_unit_plugin_check_for_each_item_LDADD = $(LIBS_PLUGIN) $(TESTS_LDADD_CHECK)
tests_unit_plugin_check_items_LDADD = $(LIBS_PLUGIN) $(TESTS_LDADD_CHECK)
tests_unit_plugin_check_limits_LDADD = $(LIBS_PLUGIN) $(TESTS_LDADD_CHECK)
tests_unit_plugin_check_sandbox_LDADD = $(LIBS_PLUGIN) $(TESTS_LDADD_CHECK)
tests_unit_plugin_check_kv_LDADD = $(LIBS_PLUGIN) $(TESTS_LDADD_CHECK)
tests_unit_plugin_check_parts_LDADD = libplugin.a $(LIBS_DOC) $(TESTS_LDADD_CHECK)
tests_unit_plugin_check_tasks_LDADD = $(LIBS_PLUGIN) $(TESTS_LDADD_CHECK)
FLOW_CHECKS = tests/unit/plugin/check_condition tests/unit/plugin/check_flow tests/unit/plugin/check_flow_files
check_PROGRAMS += $(FLOW_CHECKS)
TESTS += $(FLOW_CHECKS)
tests_unit_plugin_check_condition_LDADD = $(LIBS_PLUGIN) $(TESTS_LDADD_CHECK)
tests_unit_plugin_check_flow_LDADD = $(LIBS_PLUGIN) $(TESTS_LDADD_CHECK)
tests_unit_plugin_check_flow_files_CPPFLAGS = $(AM_CPPFLAGS) -DTESTS_DIR='"$(abs_top_srcdir)/tests"'
tests_unit_plugin_check_flow_files_LDADD = $(LIBS_PLUGIN) $(TESTS_LDADD_CHECK)
EXTRA_DIST += tests/data/flow
