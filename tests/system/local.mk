# SPDX-License-Identifier: Apache-2.0
# Needs root and several minutes: tests/system/run, or tools/test system.
EXTRA_DIST += \
	tests/system/README.md tests/system/run tests/system/machine \
	tests/system/limits tests/system/limits-inside tests/system/limits-inside.service \
	tests/system/boundaries.py tests/system/documents.py tests/system/harness.py tests/system/packages.py tests/system/operation.py tests/system/examples.py
