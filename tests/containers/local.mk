# SPDX-License-Identifier: Apache-2.0
# Own command: needs root and a container engine.
EXTRA_DIST += tests/containers/run tests/containers/containers.py
