noinst_LIBRARIES += libblob.a
libblob_a_SOURCES = \
	src/blob/azure.c src/blob/azure.h src/blob/azure_sign.c \
	src/blob/batch.c \
	src/blob/blob.c src/blob/blob.h src/blob/blob_private.h \
	src/blob/credentials.c src/blob/credentials.h \
	src/blob/digest.c src/blob/digest.h \
	src/blob/gateway.c src/blob/gateway_remote.c \
	src/blob/gcs.c src/blob/gcs.h \
	src/blob/gcs_token.c src/blob/gcs_token.h \
	src/blob/local.c \
	src/blob/probe.c \
	src/blob/remote.c src/blob/remote.h \
	src/blob/remote_blob.c src/blob/remote_blob.h \
	src/blob/remote_list.c src/blob/remote_list.h \
	src/blob/remote_stream.c \
	src/blob/s3.c src/blob/s3.h \
	src/blob/s3_sign.c src/blob/s3_sign.h \
	src/blob/storage.c src/blob/storage.h \
	src/blob/xml.c src/blob/xml.h
EXTRA_DIST += src/blob/README.md
