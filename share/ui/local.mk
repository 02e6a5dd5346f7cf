# The web UI: TypeScript and React, bundled by esbuild from Debian's packages, without network.
ui_sources = $(wildcard $(srcdir)/share/ui/src/*.tsx $(srcdir)/share/ui/src/*/*.ts $(srcdir)/share/ui/src/*/*.tsx $(srcdir)/share/ui/src/*/*.css \
	$(srcdir)/share/ui/src/pages/*/*.ts $(srcdir)/share/ui/src/pages/*/*.tsx)
EXTRA_DIST += share/ui/index.html share/ui/icon.svg share/ui/tsconfig.json share/ui/README.md share/ui/bundle share/ui/src
uidir = $(pkgdatadir)/ui

# The names of the files change with what is in them, so they are installed as a directory.
all-local: share/ui/dist/index.html
share/ui/dist/index.html: $(ui_sources) $(srcdir)/share/ui/index.html $(srcdir)/share/ui/icon.svg $(srcdir)/share/ui/bundle
	$(AM_V_GEN)$(SHELL) $(srcdir)/share/ui/bundle $(srcdir)/share/ui share/ui/dist
install-data-local: share/ui/dist/index.html
	$(MKDIR_P) $(DESTDIR)$(uidir) && $(INSTALL_DATA) share/ui/dist/* $(DESTDIR)$(uidir)
uninstall-local:
	rm -rf $(DESTDIR)$(uidir)
clean-local:
	rm -rf share/ui/dist

# Type check (part of tools/lint).
check-ui:
	tsc --project $(srcdir)/share/ui/tsconfig.json
.PHONY: check-ui
