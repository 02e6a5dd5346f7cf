noinst_LIBRARIES += libplugin.a
libplugin_a_SOURCES = \
	src/plugin/cache.c src/plugin/cache.h \
	src/plugin/container.c src/plugin/container.h src/plugin/container_auth.c \
	src/plugin/container_body.c src/plugin/container_decide.c src/plugin/docker/docker.c \
	src/plugin/charset.c src/plugin/charset.h \
	src/plugin/condition.c src/plugin/condition.h \
	src/plugin/fields.c src/plugin/fields.h \
	src/plugin/flowable.h \
	src/plugin/flow_trigger.c src/plugin/flow_trigger.h \
	src/plugin/glob.c src/plugin/glob.h \
	src/plugin/http_client.h \
	src/plugin/job_context.c src/plugin/job_context.h \
	src/plugin/isolation.c src/plugin/isolation.h \
	src/plugin/kv.c src/plugin/kv.h \
	src/plugin/limits.c src/plugin/limits.h \
	src/plugin/kv_access.c src/plugin/kv_access.h \
	src/plugin/list.h \
	src/plugin/git/clone.c \
	src/plugin/git/git.c src/plugin/git/git.h \
	src/plugin/git/namespace_files.c \
	src/plugin/mail_client.h \
	src/plugin/mail/send.c \
	src/plugin/mask.c src/plugin/mask.h \
	src/plugin/namespace_files.c src/plugin/namespace_files.h \
	src/plugin/sandbox.c src/plugin/sandbox.h \
	src/plugin/schedule.c src/plugin/schedule.h src/plugin/schedule_private.h \
	src/plugin/schedule_fire.c \
	src/plugin/schedule_slots.c src/plugin/schedule_slots.h \
	src/plugin/registry.c src/plugin/registry.h \
	src/plugin/run.c src/plugin/run.h \
	src/plugin/script.c src/plugin/script.h \
	src/plugin/script_files.c src/plugin/script_files.h \
	src/plugin/task_file.c src/plugin/task_file.h \
	src/plugin/script_language.c src/plugin/script_language.h \
	src/plugin/secret_digest.c src/plugin/secret_digest.h \
	src/plugin/script_secrets.c src/plugin/script_secrets.h \
	src/plugin/secrets.c src/plugin/secrets.h \
	src/plugin/staging.c src/plugin/staging.h \
	src/plugin/storage_hash.c src/plugin/storage_hash.h \
	src/plugin/wire.c src/plugin/wire.h \
	src/plugin/zip.c src/plugin/zip.h \
	src/plugin/core/condition/date_time_between.c \
	src/plugin/core/condition/day_week.c \
	src/plugin/core/condition/day_week_in_month.c \
	src/plugin/core/condition/execution_flow.c \
	src/plugin/core/condition/execution_labels.c \
	src/plugin/core/condition/execution_namespace.c \
	src/plugin/core/condition/execution_outputs.c \
	src/plugin/core/condition/execution_status.c \
	src/plugin/core/condition/expression.c \
	src/plugin/core/condition/flow_condition.c \
	src/plugin/core/condition/flow_namespace_condition.c \
	src/plugin/core/condition/has_retry_attempt.c \
	src/plugin/core/condition/multiple_condition.c \
	src/plugin/core/condition/not.c \
	src/plugin/core/condition/or.c \
	src/plugin/core/condition/public_holiday.c \
	src/plugin/core/condition/time_between.c \
	src/plugin/core/condition/weekend.c \
	src/plugin/core/debug/echo.c \
	src/plugin/core/debug/return.c \
	src/plugin/core/execution/assert.c \
	src/plugin/core/execution/count.c \
	src/plugin/core/execution/exit.c \
	src/plugin/core/execution/fail.c \
	src/plugin/core/execution/labels.c \
	src/plugin/core/execution/purge_executions.c \
	src/plugin/core/execution/resume.c \
	src/plugin/core/flow/allow_failure.c \
	src/plugin/core/flow/dag.c \
	src/plugin/core/flow/each_parallel.c \
	src/plugin/core/flow/each_sequential.c \
	src/plugin/core/flow/flow.c src/plugin/core/flow/flow.h \
	src/plugin/core/flow/for_each.c \
	src/plugin/core/flow/for_each_item.c src/plugin/core/flow/for_each_item.h \
	src/plugin/core/flow/if.c \
	src/plugin/core/flow/parallel.c \
	src/plugin/core/flow/sequential.c \
	src/plugin/core/flow/pause.c \
	src/plugin/core/flow/sleep.c \
	src/plugin/core/flow/template.c \
	src/plugin/core/flow/subflow.c src/plugin/core/flow/subflow.h \
	src/plugin/core/flow/switch.c \
	src/plugin/core/flow/working_directory.c \
	src/plugin/core/flow/wait_for.c \
	src/plugin/core/http/download.c \
	src/plugin/core/http/http.c src/plugin/core/http/http.h \
	src/plugin/core/http/http_call.c src/plugin/core/http/http_private.h \
	src/plugin/core/http/http_options.c \
	src/plugin/core/http/request.c \
	src/plugin/core/http/trigger.c \
	src/plugin/core/kv/delete.c \
	src/plugin/core/kv/get.c \
	src/plugin/core/kv/get_keys.c \
	src/plugin/core/kv/kv_task.c src/plugin/core/kv/kv_task.h \
	src/plugin/core/kv/set.c \
	src/plugin/core/log/fetch.c \
	src/plugin/core/log/log.c \
	src/plugin/core/log/purge_logs.c \
	src/plugin/core/namespace/delete_files.c \
	src/plugin/core/namespace/download_files.c \
	src/plugin/core/namespace/namespace_task.c src/plugin/core/namespace/namespace_task.h \
	src/plugin/core/namespace/upload_files.c \
	src/plugin/core/output/output_values.c \
	src/plugin/core/runner/process.c \
	src/plugin/core/storage/concat.c \
	src/plugin/core/storage/deduplicate_items.c \
	src/plugin/core/storage/delete.c \
	src/plugin/core/storage/filter_items.c \
	src/plugin/core/storage/items.c src/plugin/core/storage/items.h \
	src/plugin/core/storage/purge_current_execution_files.c \
	src/plugin/core/storage/reverse.c \
	src/plugin/core/storage/size.c \
	src/plugin/core/storage/pieces.c src/plugin/core/storage/pieces.h \
	src/plugin/core/storage/split.c \
	src/plugin/core/storage/storage_task.c src/plugin/core/storage/storage_task.h \
	src/plugin/core/storage/local_files.c \
	src/plugin/core/storage/write.c \
	src/plugin/core/state/delete.c \
	src/plugin/core/state/get.c \
	src/plugin/core/state/set.c \
	src/plugin/core/state/state_task.c src/plugin/core/state/state_task.h \
	src/plugin/core/trigger/flow.c \
	src/plugin/core/trigger/schedule.c \
	src/plugin/core/trigger/schedule_on_dates.c \
	src/plugin/core/templating/templated_task.c \
	src/plugin/core/trigger/toggle.c \
	src/plugin/core/trigger/trigger.c src/plugin/core/trigger/trigger.h \
	src/plugin/core/trigger/webhook.c \
	src/plugin/command/command.c src/plugin/command/command.h \
	src/plugin/command/languages.c \
	src/plugin/command/tools.c \
	src/plugin/serdes/csv_to_ion.c \
	src/plugin/serdes/ion_to_csv.c \
	src/plugin/serdes/json.c \
	src/plugin/serdes/serdes.c src/plugin/serdes/serdes.h \
	src/plugin/service/alarm.c \
	src/plugin/service/chat.c \
	src/plugin/service/model.c \
	src/plugin/service/models.c \
	src/plugin/service/service.c src/plugin/service/service.h src/plugin/service/service_private.h \
	src/plugin/service/service_execution.c \
	src/plugin/scripts/runner/docker.c \
	src/plugin/bucket/bucket.c src/plugin/bucket/bucket.h src/plugin/bucket/buckets.c \
	src/plugin/sql/databases.c src/plugin/sql/sql.h \
	src/plugin/sql/sql_copy.c src/plugin/sql/sql_open.c src/plugin/sql/sql_task.c \
	src/plugin/sql/sql_text.c src/plugin/sql/sql_url.c \
	src/plugin/scripts/node/commands.c \
	src/plugin/scripts/node/script.c \
	src/plugin/scripts/python/commands.c \
	src/plugin/scripts/python/environment.c src/plugin/scripts/python/environment.h \
	src/plugin/scripts/python/script.c \
	src/plugin/scripts/powershell/commands.c \
	src/plugin/scripts/powershell/script.c \
	src/plugin/scripts/r/commands.c \
	src/plugin/scripts/r/script.c \
	src/plugin/scripts/ruby/commands.c \
	src/plugin/scripts/ruby/script.c \
	src/plugin/scripts/shell/commands.c \
	src/plugin/scripts/shell/script.c
EXTRA_DIST += src/plugin/README.md src/plugin/core/condition/holidays.txt
src/plugin/core/condition/public_holiday.$(OBJEXT): src/plugin/core/condition/holidays.txt
