noinst_LIBRARIES += libexecutor.a
libexecutor_a_SOURCES = \
	src/executor/act.c \
	src/executor/begin.c \
	src/executor/change.c \
	src/executor/end.c \
	src/executor/executor.c src/executor/executor.h \
	src/executor/items.c \
	src/executor/limit.c \
	src/executor/listen.c \
	src/executor/listeners.c src/executor/listeners.h \
	src/executor/live.c src/executor/live.h \
	src/executor/locked.c src/executor/locked.h \
	src/executor/owner.c src/executor/owner.h src/executor/owner_private.h src/executor/owner_batch.c \
	src/executor/pause.c \
	src/executor/render.c \
	src/executor/result.c \
	src/executor/retry.c \
	src/executor/scope.c src/executor/scope.h \
	src/executor/sla.c \
	src/executor/slots.c src/executor/slots.h \
	src/executor/step.c src/executor/step.h \
	src/executor/subflow.c src/executor/subflow.h \
	src/executor/transitions.c \
	src/executor/windows.c src/executor/windows.h
EXTRA_DIST += src/executor/README.md
