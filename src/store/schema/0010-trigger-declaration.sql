-- SPDX-License-Identifier: Apache-2.0
-- Of which declaration of the trigger the row speaks (a hash of it): a schedule whose flow was changed while no scheduler ran
-- must not wait for a slot of the old expression. NULL: written before this column was there.
ALTER TABLE trigger ADD COLUMN declaration bigint;
