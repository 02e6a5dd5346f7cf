noinst_LIBRARIES += libmodel.a
libmodel_a_SOURCES = \
	src/model/context.c src/model/context.h \
	src/model/encryption.c src/model/encryption.h \
	src/model/event_kind.c src/model/event_kind.h \
	src/model/execution.c src/model/execution.h \
	src/model/expression_limits.c src/model/expression_limits.h \
	src/model/flow.c src/model/flow.h src/model/flow_private.h \
	src/model/flow_build.c \
	src/model/flow_check.c \
	src/model/flow_defaults.c \
	src/model/flow_encode.c \
	src/model/flow_fields.c \
	src/model/flow_message.c \
	src/model/flow_retry.c \
	src/model/flow_rules.c \
	src/model/flow_text.c \
	src/model/input.c src/model/input.h \
	src/model/input_fields.c \
	src/model/input_value.c src/model/input_value.h \
	src/model/log_entry.c src/model/log_entry.h \
	src/model/operation.c src/model/operation.h \
	src/model/state.c src/model/state.h \
	src/model/temporal.c src/model/temporal.h \
	src/model/type.c src/model/type.h
EXTRA_DIST += src/model/README.md
