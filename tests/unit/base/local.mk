# SPDX-License-Identifier: Apache-2.0
BASE_CHECKS = tests/unit/base/check_control tests/unit/base/check_cgroup tests/unit/base/check_daemon tests/unit/base/check_heap tests/unit/base/check_inotify tests/unit/base/check_log tests/unit/base/check_private_env tests/unit/base/check_spawn
check_PROGRAMS += $(BASE_CHECKS)
TESTS += $(BASE_CHECKS)
tests_unit_base_check_daemon_LDADD = $(LIBS_BASE) $(TESTS_LDADD_CHECK)
tests_unit_base_check_control_LDADD = $(LIBS_BASE) $(TESTS_LDADD_CHECK)
tests_unit_base_check_inotify_LDADD = $(LIBS_BASE) $(TESTS_LDADD_CHECK)
tests_unit_base_check_spawn_LDADD = $(LIBS_BASE) $(TESTS_LDADD_CHECK)
tests_unit_base_check_heap_LDADD = $(LIBS_BASE) $(TESTS_LDADD_CHECK)
tests_unit_base_check_cgroup_LDADD = $(LIBS_BASE) $(TESTS_LDADD_CHECK)
tests_unit_base_check_log_LDADD = $(LIBS_BASE) $(TESTS_LDADD_CHECK)
tests_unit_base_check_private_env_LDADD = $(LIBS_BASE) $(TESTS_LDADD_CHECK)
