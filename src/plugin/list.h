/* SPDX-License-Identifier: Apache-2.0 */
/* Every type, in the order of the documentation. Included several times with other meanings of TYPE(). */
TYPE(task_core_log)
