# SPDX-License-Identifier: Apache-2.0
# Run by tools/test ui.
EXTRA_DIST += tests/ui/README.md tests/ui/run tests/ui/runner.mjs tests/ui/check.mjs $(wildcard $(srcdir)/tests/ui/test-*.mjs)
