# SPDX-License-Identifier: Apache-2.0
EXECUTOR_CHECKS = tests/unit/executor/check_edges tests/unit/executor/check_step tests/unit/executor/check_scale \
	tests/unit/executor/check_listen
check_PROGRAMS += $(EXECUTOR_CHECKS)
TESTS += $(EXECUTOR_CHECKS)
tests_unit_executor_check_step_SOURCES = tests/unit/executor/check_step.c tests/sim/play.c tests/sim/play.h
tests_unit_executor_check_step_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests -DSTEP_CASES='"$(abs_top_srcdir)/tests/data/step"'
tests_unit_executor_check_step_LDADD = libexecutor.a libplugin.a libblob.a $(LIBS_STORE) $(TESTS_LDADD_CHECK)
tests_unit_executor_check_edges_SOURCES = tests/unit/executor/check_edges.c
tests_unit_executor_check_edges_CPPFLAGS = $(AM_CPPFLAGS) -DSTEP_CASES='"$(abs_top_srcdir)/tests/data/step"'
tests_unit_executor_check_edges_LDADD = libexecutor.a libplugin.a libblob.a $(LIBS_STORE) $(TESTS_LDADD_CHECK)
tests_unit_executor_check_scale_SOURCES = tests/unit/executor/check_scale.c tests/sim/play.c tests/sim/play.h
tests_unit_executor_check_scale_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_unit_executor_check_scale_LDADD = libexecutor.a libplugin.a libblob.a $(LIBS_STORE) $(TESTS_LDADD_CHECK)
tests_unit_executor_check_listen_SOURCES = tests/unit/executor/check_listen.c tests/sim/play.c tests/sim/play.h
tests_unit_executor_check_listen_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_unit_executor_check_listen_LDADD = libexecutor.a libplugin.a libblob.a $(LIBS_STORE) $(TESTS_LDADD_CHECK)
check_PROGRAMS += tests/sim/sim
TESTS += tests/sim/sim
tests_sim_sim_SOURCES = tests/sim/sim.c tests/sim/world.h tests/sim/people.c tests/sim/workers.c tests/sim/scene.c \
	tests/sim/scene.h tests/sim/watch.c tests/sim/watch.h tests/sim/books.c tests/sim/books.h
tests_sim_sim_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests -DSIM_SCENES='"$(abs_top_srcdir)/tests/data/sim"'
tests_sim_sim_LDADD = libexecutor.a libplugin.a libblob.a $(LIBS_STORE)

# Plants faults and looks whether the simulator finds them: tests/sim/plant.
sim-faults: tests/sim/sim
	COMPILE='$(COMPILE) $(tests_sim_sim_CPPFLAGS)' LINK='$(CCLD) $(AM_CFLAGS) $(CFLAGS) $(LDFLAGS)' \
	  OBJECTS='$(tests_sim_sim_OBJECTS)' LIBS='$(tests_sim_sim_LDADD) $(LIBS)' $(top_srcdir)/tests/sim/plant $(FAULTS)
EXTRA_DIST += tests/sim/plant tests/sim/faults tests/sim/many
