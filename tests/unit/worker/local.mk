# SPDX-License-Identifier: Apache-2.0
WORKER_CHECKS = tests/unit/worker/check_lines
check_PROGRAMS += $(WORKER_CHECKS)
TESTS += $(WORKER_CHECKS)
tests_unit_worker_check_lines_LDADD = libworker.a $(LIBS_BASE) $(TESTS_LDADD_CHECK)
