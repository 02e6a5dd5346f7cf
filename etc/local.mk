# SPDX-License-Identifier: Apache-2.0
# The configuration with its commented defaults, completion for bash, and the example flows, which an administrator
# copies to /etc/kestra/flows.
pkgsysconfdir = $(sysconfdir)/kestra
dist_pkgsysconf_DATA = etc/kestra/kestra.yaml
examplesdir = $(pkgdatadir)/examples
dist_examples_DATA = \
	share/examples/certificate-expiry.yaml \
	share/examples/disk-space.yaml \
	share/examples/dump-postgresql.yaml \
	share/examples/journal-digest.yaml \
	share/examples/probe-http.yaml
completiondir = $(datadir)/bash-completion/completions
dist_completion_DATA = share/completion/kestractl
