# SPDX-License-Identifier: Apache-2.0
# The packaging travels in the source archive of make dist.
EXTRA_DIST += \
	debian/changelog debian/control debian/copyright debian/rules debian/source/format \
	debian/kestra.install debian/kestra.postinst \
	debian/kestra-common.config debian/kestra-common.dirs debian/kestra-common.install debian/kestra-common.postinst \
	debian/kestra-common.postrm debian/kestra-common.templates debian/kestra-common.triggers \
	debian/kestra-common.docs debian/kestra.README.Debian \
	debian/po/POTFILES.in debian/po/templates.pot \
	$(unit_roles:%=debian/kestra-%.install) $(unit_roles:%=debian/kestra-%.postinst) \
	$(unit_roles:%=debian/kestra-%.lintian-overrides) $(unit_roles:%=debian/kestra-%.prerm) \
	debian/kestra.prerm debian/kestra-common.prerm \
	debian/kestra.lintian-overrides debian/kestra-common.lintian-overrides \
	debian/kestra-worker.dirs debian/kestra-ui.install debian/kestractl.install
