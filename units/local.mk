# SPDX-License-Identifier: Apache-2.0
# Units are filled in from templates (units/make-unit); a name with @ is the template unit for further instances.
unit_roles = webserver scheduler executor worker indexer
units_made = \
	$(unit_roles:%=units/kestra-%.service) $(unit_roles:%=units/kestra-%.socket) \
	$(unit_roles:%=units/kestra-%@.service) $(unit_roles:%=units/kestra-%@.socket) \
	units/kestra-webserver-http.socket units/kestra-webserver-http@.socket \
	units/kestra-worker-gateway.service units/kestra-worker-gateway.socket \
	units/kestra-webserver-management.socket units/kestra-migrate.service units/kestra-database.service
units_parts = units/service.conf units/socket.conf units/role.conf units/hardening.conf units/worker-hardening.conf

systemdsystemunit_DATA = $(units_made) units/kestra.target units/kestra.slice
# Run by kestra-database.service.
dist_pkglibexec_SCRIPTS = units/setup-local-postgresql

sysusersdir = $(prefix)/lib/sysusers.d
sysusers_DATA = units/sysusers/kestra.conf
tmpfilesdir = $(prefix)/lib/tmpfiles.d
tmpfiles_DATA = units/tmpfiles/kestra.conf
# What journalctl -x says of our entries.
catalogdir = $(prefix)/lib/systemd/catalog
nodist_catalog_DATA = units/kestra.catalog
units/kestra.catalog: tools/log-doc
	$(AM_V_GEN)$(MKDIR_P) units && tools/log-doc >$@.new && mv $@.new $@
CLEANFILES += units/kestra.catalog
presetdir = $(systemdsystemunitdir)-preset
preset_DATA = units/80-kestra.preset

MAKE_UNIT = $(AM_V_GEN)$(MKDIR_P) units && $(SHELL) $(srcdir)/units/make-unit

units/%@.service: units/%.service.in $(units_parts) units/make-unit
	$(MAKE_UNIT) $< $@ $(sbindir) $(pkglibexecdir) $(sysconfdir) >$@.new && mv $@.new $@
units/%.service: units/%.service.in $(units_parts) units/make-unit
	$(MAKE_UNIT) $< $@ $(sbindir) $(pkglibexecdir) $(sysconfdir) >$@.new && mv $@.new $@
units/%@.socket: units/%.socket.in $(units_parts) units/make-unit
	$(MAKE_UNIT) $< $@ $(sbindir) $(pkglibexecdir) $(sysconfdir) >$@.new && mv $@.new $@
units/%.socket: units/%.socket.in $(units_parts) units/make-unit
	$(MAKE_UNIT) $< $@ $(sbindir) $(pkglibexecdir) $(sysconfdir) >$@.new && mv $@.new $@

CLEANFILES += $(units_made)
EXTRA_DIST += \
	units/README.md units/make-unit $(units_parts) \
	$(unit_roles:%=units/kestra-%.service.in) $(unit_roles:%=units/kestra-%.socket.in) \
	units/kestra-worker-gateway.service.in units/kestra-worker-gateway.socket.in \
	units/kestra-webserver-http.socket.in units/kestra-webserver-management.socket.in units/kestra-migrate.service.in \
	units/kestra-database.service.in \
	units/kestra.target units/kestra.slice $(sysusers_DATA) $(tmpfiles_DATA) $(preset_DATA)
