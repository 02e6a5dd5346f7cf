noinst_LIBRARIES += libblob.a
libblob_a_SOURCES = \
	src/blob/blob.c src/blob/blob.h src/blob/blob_private.h \
	src/blob/gateway.c \
	src/blob/local.c
EXTRA_DIST += src/blob/README.md
