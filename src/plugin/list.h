/* SPDX-License-Identifier: Apache-2.0 */
/* Every type, in the order of the documentation. Included several times with other meanings of TYPE(). */
TYPE(task_core_log)
TYPE(task_core_return)
TYPE(task_core_echo)
TYPE(task_core_fail)
TYPE(task_core_output_values)
TYPE(task_core_sleep)
TYPE(task_shell_commands)
TYPE(task_shell_script)
TYPE(runner_core_process)
