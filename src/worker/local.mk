noinst_LIBRARIES += libworker.a
libworker_a_SOURCES = \
	src/worker/children.c \
	src/worker/closing.c \
	src/worker/container.c src/worker/container.h \
	src/worker/environment.c src/worker/environment.h \
	src/worker/directory.c src/worker/directory.h \
	src/worker/evaluation.c \
	src/worker/gateway.c src/worker/gateway.h \
	src/worker/gateway_door.c src/worker/gateway_door.h \
	src/worker/gateway_peer.c src/worker/gateway_peer.h \
	src/worker/handover.c \
	src/worker/hidden.c src/worker/hidden.h \
	src/worker/job.c \
	src/worker/lines.c src/worker/lines.h \
	src/worker/log_file.c src/worker/log_file.h \
	src/worker/process.c \
	src/worker/records.c src/worker/records.h \
	src/worker/reload.c src/worker/reload.h \
	src/worker/role.c src/worker/role.h \
	src/worker/stage.c \
	src/worker/storage_child.c src/worker/storage_child.h \
	src/worker/task_user.c src/worker/task_user.h \
	src/worker/usage.c src/worker/usage.h \
	src/worker/workspace.c src/worker/workspace.h \
	src/worker/worker.c src/worker/worker.h src/worker/worker_private.h
EXTRA_DIST += src/worker/README.md
