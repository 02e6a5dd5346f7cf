# The web UI: TypeScript and React, bundled by esbuild from Debian's packages, without network.
ui_files = share/ui/index.html share/ui/icon.svg share/ui/tsconfig.json share/ui/README.md \
	share/ui/src/api.ts share/ui/src/codemirror.d.ts share/ui/src/components.tsx share/ui/src/editor.tsx \
	share/ui/src/main.tsx share/ui/src/router.tsx share/ui/src/style.css share/ui/src/types.ts \
	share/ui/src/pages/execution.tsx share/ui/src/pages/executions.tsx share/ui/src/pages/flow.tsx share/ui/src/pages/flows.tsx \
	share/ui/src/pages/metrics.tsx \
	share/ui/src/pages/poison.tsx share/ui/src/pages/triggers.tsx
EXTRA_DIST += $(ui_files)
uidir = $(pkgdatadir)/ui
ui_DATA = share/ui/dist/app.js share/ui/dist/app.css share/ui/dist/index.html share/ui/dist/icon.svg
CLEANFILES += $(ui_DATA)

share/ui/dist/app.js: $(ui_files)
	$(AM_V_GEN)$(MKDIR_P) share/ui/dist && NODE_PATH=/usr/share/nodejs esbuild $(srcdir)/share/ui/src/main.tsx \
		--bundle --minify --target=es2020 --jsx=automatic --define:process.env.NODE_ENV=\"production\" \
		--alias:codemirror=/usr/share/javascript/codemirror --log-level=warning --outfile=share/ui/dist/app.js
# esbuild writes app.css beside app.js.
share/ui/dist/app.css: share/ui/dist/app.js
	@touch $@
share/ui/dist/icon.svg: share/ui/icon.svg
	$(AM_V_at)$(MKDIR_P) share/ui/dist && cp $(srcdir)/share/ui/icon.svg $@
# Browsers keep the files for a day: another version has other names.
share/ui/dist/index.html: share/ui/index.html
	$(AM_V_at)$(MKDIR_P) share/ui/dist && sed 's/app\.\(js\|css\)/&?v=$(PACKAGE_VERSION)/' $(srcdir)/share/ui/index.html >$@

# Type check (part of tools/lint).
check-ui:
	tsc --project $(srcdir)/share/ui/tsconfig.json
.PHONY: check-ui
