# SPDX-License-Identifier: Apache-2.0
dist_man_MANS = \
	man/kestractl.1 \
	man/kestra.yaml.5 \
	man/kestra-executor.8 \
	man/kestra-indexer.8 \
	man/kestra-migrate.8 \
	man/kestra-scheduler.8 \
	man/kestra-standalone.8 \
	man/kestra-webserver.8 \
	man/kestra-worker.8 man/kestra-worker-gateway.8
