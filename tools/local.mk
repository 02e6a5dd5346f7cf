# SPDX-License-Identifier: Apache-2.0
noinst_PROGRAMS += tools/conf-doc tools/log-doc
tools_log_doc_SOURCES = tools/log_doc.c
tools_conf_doc_SOURCES = tools/conf_doc.c
tools_conf_doc_LDADD = $(LIBS_DOC)
# Writes what is made from src/doc/conf_keys.h; check_conf fails when it was forgotten.
conf-files: tools/conf-doc
	tools/conf-doc yaml >$(srcdir)/etc/kestra/kestra.yaml
	tools/conf-doc man >$(srcdir)/man/kestra.yaml.5
.PHONY: conf-files

EXTRA_DIST += tools/bench-worker tools/build-lib.sh tools/coverage tools/dependencies tools/holidays tools/lint tools/quickstart tools/test tools/with-server .ci/run
# All that can be said without running anything.
lint:
	KESTRA_BUILD=$(abs_builddir) $(srcdir)/tools/lint
.PHONY: lint
noinst_PROGRAMS += bench-expr
bench_expr_SOURCES = tools/bench-expr.c
bench_expr_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=malloc -Wl,--wrap=calloc -Wl,--wrap=realloc
bench_expr_LDADD = $(LIBS_EXPR)
