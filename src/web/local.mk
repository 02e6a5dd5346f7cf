noinst_LIBRARIES += libweb.a
libweb_a_CFLAGS = $(AM_CFLAGS) $(H2O_CFLAGS) $(CRYPTO_CFLAGS) $(PQ_CFLAGS)
libweb_a_SOURCES = \
	src/web/auth.c src/web/auth.h \
	src/web/follow.c src/web/follow.h \
	src/web/http.c src/web/http.h \
	src/web/multipart.c src/web/multipart.h \
	src/web/openapi.c \
	src/web/pool.c src/web/pool.h \
	src/web/router.c src/web/router.h \
	src/web/routes/management.c \
	src/web/routes/misc.c \
	src/web/routes/routes.c src/web/routes/routes.h \
	src/web/routes/ui.c \
	src/web/server.c src/web/server.h \
	src/web/session.h \
	src/web/web.c src/web/web.h
EXTRA_DIST += src/web/README.md
