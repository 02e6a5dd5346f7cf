noinst_LIBRARIES += libbase.a
libbase_a_SOURCES = \
	src/base/base.c src/base/base.h \
	src/base/bell.c src/base/bell.h \
	src/base/buffer.c src/base/buffer.h \
	src/base/clock.c src/base/clock.h \
	src/base/cgroup.c src/base/cgroup.h \
	src/base/control.c src/base/control.h \
	src/base/daemon.c src/base/daemon.h \
	src/base/diag.c src/base/diag.h \
	src/base/handover.c src/base/handover.h \
	src/base/heap.c src/base/heap.h \
	src/base/id.c src/base/id.h \
	src/base/identity.c src/base/identity.h \
	src/base/inotify.c src/base/inotify.h \
	src/base/log.c src/base/log.h src/base/log_events.h \
	src/base/loop.c src/base/loop.h \
	src/base/map.c src/base/map.h \
	src/base/mem.c src/base/mem.h \
	src/base/private_env.c src/base/private_env.h \
	src/base/spawn.c src/base/spawn.h src/base/spawn_private.h src/base/spawn_tree.c
EXTRA_DIST += src/base/README.md
