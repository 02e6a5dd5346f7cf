noinst_LIBRARIES += libwhen.a
libwhen_a_SOURCES = \
	src/when/cron.c src/when/cron.h \
	src/when/cron_field.c src/when/cron_field.h \
	src/when/duration.c src/when/duration.h \
	src/when/zone.c src/when/zone.h \
	src/when/zone_rule.c src/when/zone_rule.h
libwhen_a_CFLAGS = $(AM_CFLAGS) $(ICU_CFLAGS)
EXTRA_DIST += src/when/README.md
