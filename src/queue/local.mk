noinst_LIBRARIES += libqueue.a
libqueue_a_SOURCES = \
	src/queue/queue.c src/queue/queue.h src/queue/queue_private.h \
	src/queue/queue_mem.c src/queue/queue_mem.h src/queue/queue_mem_private.h src/queue/queue_mem_store.c \
	src/queue/queue_peers.c src/queue/queue_peers.h \
	src/queue/queue_pg.c src/queue/queue_pg.h src/queue/queue_pg_private.h \
	src/queue/queue_pg_aside.c src/queue/queue_pg_commit.c src/queue/queue_pg_fetch.c \
	src/queue/queue_pg_locked.c src/queue/queue_pg_wakeup.c \
	src/queue/unit.c src/queue/unit.h src/queue/unit_private.h
EXTRA_DIST += src/queue/README.md
