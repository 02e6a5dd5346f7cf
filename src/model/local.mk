noinst_LIBRARIES += libmodel.a
libmodel_a_SOURCES = \
	src/model/context.c src/model/context.h \
	src/model/event_kind.c src/model/event_kind.h \
	src/model/execution.c src/model/execution.h \
	src/model/flow.h \
	src/model/input.h \
	src/model/log_entry.c src/model/log_entry.h \
	src/model/operation.c src/model/operation.h \
	src/model/state.c src/model/state.h \
	src/model/type.h
