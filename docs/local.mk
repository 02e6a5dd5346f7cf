# SPDX-License-Identifier: Apache-2.0
EXTRA_DIST += NEWS.md docs/ui docs/architecture.md docs/compatibility.md docs/compatibility-differences.md docs/operations.md docs/security.md
