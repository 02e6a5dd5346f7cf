# SPDX-License-Identifier: Apache-2.0
EXTRA_DIST += tests/data/step tests/data/sim
