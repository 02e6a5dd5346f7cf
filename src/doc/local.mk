noinst_LIBRARIES += libdoc.a
libdoc_a_CFLAGS = $(AM_CFLAGS) $(YAML_CFLAGS) $(PCRE2_CFLAGS)
libdoc_a_SOURCES = \
	src/doc/conf.c src/doc/conf.h src/doc/conf_keys.h \
	src/doc/document.c src/doc/document.h \
	src/doc/field.c src/doc/field_schema.c src/doc/field.h \
	src/doc/json.c src/doc/json.h \
	src/doc/scalar.c src/doc/scalar.h
EXTRA_DIST += src/doc/README.md
