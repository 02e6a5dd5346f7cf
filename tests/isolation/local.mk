# SPDX-License-Identifier: Apache-2.0
check_PROGRAMS += tests/isolation/bench_commit
tests_isolation_bench_commit_LDADD = $(LIBS_STORE)
