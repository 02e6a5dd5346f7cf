noinst_LIBRARIES += libpgroom.a
libpgroom_a_SOURCES = \
	src/pg/pg.c src/pg/pg.h \
	src/pg/pg_parameters.c \
	src/pg/pg_pipeline.c \
	src/pg/pg_private.h \
	src/pg/pg_rows.c
libpgroom_a_CFLAGS = $(AM_CFLAGS) $(PQ_CFLAGS)
EXTRA_DIST += src/pg/README.md
