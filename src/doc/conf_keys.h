/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every setting, one row each, in the order of the man page; included once, by conf.c.
 * Units of minimum and maximum: DURATION microseconds, SIZE bytes.
 */
#define SECONDS *(int64_t)USEC_PER_SEC
#define MIB     *(int64_t)1024 * 1024
#define GIB     *(int64_t)1024 * 1024 * 1024

static const char *const storage_types[] = {"local", "s3", "gcs", "azure", NULL};
static const char *const s3_encryptions[] = {"AES256", "aws:kms", "aws:kms:dsse", NULL};
static const char *const postgres_only[] = {"postgres", "postgresql", NULL};
static const char *const log_levels[] = {"error", "warning", "notice", "info", "debug", NULL};

static const char *const script_runners[] = {"auto", "process", "docker", NULL};
static const char *const missing_limits[] = {"refuse", "warn", NULL};

/* clang-format off: rows, but of a macro */
#define LIMITS(prefix, text)                                                                                           \
    {prefix "memory", CONF_SIZE, .minimum = 1 MIB, .maximum = 1048576 GIB, .doc = text "memory of the whole tree."},   \
        {prefix "swap", CONF_SIZE, .minimum = 0, .maximum = 1048576 GIB, .doc = text "swap, beside memory."},          \
        {prefix "cpus", CONF_THOUSANDTHS, .minimum = 10, .maximum = 1000000, .doc = text "processors."},               \
        {prefix "cpu-weight", CONF_INTEGER, .minimum = 1, .maximum = 10000,                                            \
         .doc = text "share of the CPU, 100 is usual."},                                                               \
        {prefix "pids", CONF_INTEGER, .minimum = 1, .maximum = 4194304, .doc = text "processes and threads."},         \
        {prefix "io-weight", CONF_INTEGER, .minimum = 1, .maximum = 10000,                                             \
         .doc = text "share of the disks, 100 is usual."},                                                             \
        {prefix "io-read-bandwidth", CONF_SIZE, .minimum = 4096, .maximum = 1048576 GIB,                               \
         .doc = text "bytes a second read from each disk."},                                                           \
    {                                                                                                                  \
        prefix "io-write-bandwidth", CONF_SIZE, .minimum = 4096, .maximum = 1048576 GIB,                               \
                                                .doc = text "bytes a second written to each disk."                     \
    }
/* clang-format on */

const ConfKey conf_keys[] = {
    {"postgresql.dsn", CONF_TEXT, "dbname=kestra host=/run/postgresql", .flags = CONF_SECRET,
     .doc = "Where the database is: a libpq connection string or URI; every option of libpq works, sslmode too. "
            "Without a user= each role connects as its own system user."},
    {"queue.type", CONF_ENUM, "postgres", .flags = CONF_FOREIGN, .values = postgres_only,
     .doc = "Accepted for Kestra; only PostgreSQL exists."},
    {"repository.type", CONF_ENUM, "postgres", .flags = CONF_FOREIGN, .values = postgres_only,
     .doc = "Accepted for Kestra; only PostgreSQL exists."},

    {"server.listen", CONF_TEXT, "127.0.0.1:8080",
     .doc =
         "Address of API and web UI, ADDRESS:PORT or [ADDRESS]:PORT. Under systemd the socket units say it instead."},
    {"server.management-listen", CONF_TEXT, "127.0.0.1:8081", .doc = "Address of health and metrics of the webserver."},
    {"server.url", CONF_TEXT,
     .doc = "How users reach the server, for links in messages; made from server.listen if empty."},
    {"url", CONF_TEXT, .flags = CONF_FOREIGN, .doc = "Kestra's name of server.url."},
    {"server.names", CONF_TEXTS,
     .doc = "More names under which browsers reach the server, beside that of server.url: pages of other sites may "
            "change nothing, and without login other names are refused."},
    {"server.trusted-proxies", CONF_TEXTS,
     .doc = "Addresses or networks (10.0.0.0/8) of proxies whose X-Forwarded-For says who asks. Of others it is not "
            "believed."},
    {"server.connections", CONF_INTEGER, "4096", 16, 1000000,
     .doc = "Connections at once, as far as the limit of open files lets them; further ones wait."},
    {"server.request-timeout", CONF_DURATION, "1m", 1 SECONDS, 3600 SECONDS,
     .doc =
         "How long the head of a request may take; then its body, and the answer to a client, go on at 1 KiB a second "
         "at least."},
    {"server.basic-auth.enabled", CONF_BOOLEAN, "true",
     .doc = "Ask for user and password. Without, the webserver refuses to listen beyond loopback."},
    {"server.basic-auth.username", CONF_TEXT, "admin",
     .doc = "Name of the administrator that is made at the first start."},
    {"server.basic-auth.password", CONF_TEXT, .flags = CONF_SECRET,
     .doc = "His password at the first start; generated if empty. Changed with kestractl user password."},
    {"server.basic-auth.realm", CONF_TEXT, "Kestra", .doc = "Realm that a browser shows when it asks."},
    {"server.threads", CONF_INTEGER, "4", 1, 64, .doc = "Requests that the webserver handles at once."},

    {"flows.directory", CONF_TEXT, "/etc/kestra/flows",
     .doc = "Directory of flow files, at any depth; what is in it is what runs. Empty: none."},
    {"flows.watch", CONF_BOOLEAN, "true", .flags = CONF_RELOADABLE,
     .doc = "Follow changes in flows.directory as they happen; otherwise it is read at start and reload."},
    {"flows.write-back", CONF_BOOLEAN, "false", .flags = CONF_RELOADABLE,
     .doc = "Let API and UI change flows that came from a file, by writing the file."},
    {"system-flows.namespace", CONF_TEXT, "system", .doc = "Namespace of flows that keep the server itself in order."},
    {"tutorial-flows.enabled", CONF_BOOLEAN, "false", .flags = CONF_FOREIGN,
     .doc = "Accepted for Kestra; the example flows are files in /usr/share/kestra/examples."},

    {"worker.group", CONF_TEXT, "", .doc = "Worker group whose jobs this worker takes; empty: the default group."},
    {"worker.jobs-max", CONF_INTEGER, "16", 1, 4096, .doc = "Task runs at once on one worker."},
    {"worker.threads", CONF_INTEGER, "4", 1, 256,
     .doc = "Warm child processes for tasks that block (HTTP, storage, SQL); as many again for what other tasks need "
            "of storage."},
    {"worker.trigger-timeout", CONF_DURATION, "1h", 1 SECONDS, 7 * 86400 SECONDS,
     .doc = "Longest evaluation of a polling trigger; it then failed, and the next one comes after the interval."},
    {"worker.tmp-directory", CONF_TEXT, "/var/lib/kestra/tasks",
     .doc = "Working directories of task runs are made here."},
    {"worker.task-user", CONF_TEXT, "kestra-task",
     .doc =
         "User of task processes, who must know nothing of the roles. Empty: the worker's own, as where the worker may "
         "not change to another one."},
    {"worker.environment", CONF_MAP,
     .doc = "Environment variables of every task process, beside PATH, HOME, LANG and what the task declares; nothing "
            "of the "
            "worker's own environment is passed on."},
    {"worker.oom-score-adjust", CONF_INTEGER, "200", 0, 1000,
     .doc = "Added to the OOM score of task processes: when memory runs out the kernel ends them before the roles."},
    {"worker.process-metrics", CONF_BOOLEAN, "true",
     .doc = "What a task's processes have used (CPU, memory, disks, processes) becomes metrics of the task run, "
            "process.*; the "
            "journal has it in any case."},
    LIMITS("worker.limits.", "Limit of each task process that does not say its own: "),
    LIMITS("worker.limits-maximum.", "The most that a task may ask for; holds also where it asks for nothing: "),
    {"worker.limits-missing", CONF_ENUM, "refuse", .values = missing_limits,
     .doc = "What becomes of a task with a limit of its own that this host cannot enforce (no cgroup v2, not "
            "delegated): refuse "
            "lets it fail with the reason, warn runs it without."},
    {"worker.scripts.runner", CONF_ENUM, "auto", .values = script_runners,
     .doc = "Where scripts without taskRunner run: process, docker (a container of containerImage, or of the type's "
            "usual image), or auto: a container when the task names an image and there is an engine, else a process."},
    {"worker.containers.host", CONF_TEXT, "",
     .doc = "Container engine (Docker or Podman): unix:///PATH or tcp://HOST:PORT. Empty: /run/docker.sock or "
            "/run/podman/podman.sock, whichever the worker's user may write."},
    {"worker.containers.certificates", CONF_TEXT,
     .doc = "Directory with ca.pem, cert.pem and key.pem for an engine that is reached by TCP."},
    {"worker.containers.volumes", CONF_BOOLEAN, "false",
     .doc = "Tasks may mount directories of the engine's host (volumes). This gives flows that host."},
    {"worker.containers.privileged", CONF_BOOLEAN, "false",
     .doc = "Tasks may run privileged containers. This gives flows that host."},
    {"worker.sandbox.read-only-root", CONF_BOOLEAN, "false",
     .doc = "Task processes see the file system read-only, but for their working directory, a private /tmp and "
            "read-write-paths. "
            "Flows can only tighten worker.sandbox."},
    {"worker.sandbox.private-tmp", CONF_BOOLEAN, "false",
     .doc = "Task processes have an empty /tmp, /var/tmp and /dev/shm of their own."},
    {"worker.sandbox.private-network", CONF_BOOLEAN, "false", .doc = "Task processes have no network."},
    {"worker.sandbox.private-pids", CONF_BOOLEAN, "false",
     .doc = "Task processes can neither signal nor trace processes of others."},
    {"worker.sandbox.no-new-privileges", CONF_BOOLEAN, "false",
     .doc = "Set-user-ID programs give task processes nothing. The unit of the worker says so in any case."},
    {"worker.sandbox.hidden-paths", CONF_PATHS,
     .doc =
         "Directories and files that are empty for task processes. One with any sandbox sees neither internal storage "
         "nor secrets nor the sockets of roles and database, unless read-only-paths or read-write-paths here show "
         "them."},
    {"worker.sandbox.read-only-paths", CONF_PATHS,
     .doc = "Read-only for task processes; visible also below hidden paths."},
    {"worker.sandbox.read-write-paths", CONF_PATHS,
     .doc = "Visible below hidden paths, writable in spite of read-only-root, as file permissions allow."},
    {"worker.sandbox.user", CONF_TEXT,
     .doc = "User of task processes. A real change needs a worker that runs as root; otherwise it is what they see of "
            "themselves. Only here it may be root, and even that has no capabilities."},
    {"tasks.tmp-dir.path", CONF_TEXT, .flags = CONF_FOREIGN, .doc = "Kestra's name of worker.tmp-directory."},

    {"worker.gateway.listen", CONF_TEXT, "127.0.0.1:8082",
     .doc = "Address of kestra-worker-gateway, by which roles of other hosts reach internal storage. Under systemd "
            "kestra-worker-gateway.socket says it instead."},
    {"worker.gateway.token", CONF_TEXT, .flags = CONF_SECRET,
     .doc = "What they have to show; without one the gateway does not start. Better as the credential gateway-token."},
    {"worker.gateway.certificate", CONF_TEXT,
     .doc = "File of its certificate and chain (PEM); needed beyond loopback."},
    {"worker.gateway.key", CONF_TEXT, .doc = "File of the certificate's key."},
    {"worker.gateway.client-authorities", CONF_TEXT,
     .doc = "File of the authorities whose certificates clients must show; empty: the token is enough."},
    {"worker.gateway.connections", CONF_INTEGER, "8", 1, 256, .doc = "Transfers that it serves at once."},
    {"worker.gateway.timeout", CONF_DURATION, "60s", 1 SECONDS, 3600 SECONDS,
     .doc = "How long a transfer may stand still before it is given up."},

    {"storage.gateway.urls", CONF_TEXTS,
     .doc = "Gateways of workers on other hosts, https://HOST:PORT, tried in turn; empty: the worker of this host is "
            "asked."},
    {"storage.gateway.token", CONF_TEXT, .flags = CONF_SECRET,
     .doc = "What is shown to them. Better as the credential gateway-token of the webserver."},
    {"storage.gateway.authorities", CONF_TEXT,
     .doc = "File of the authorities that their certificates are checked by; empty: those of the system."},
    {"storage.gateway.certificate", CONF_TEXT,
     .doc = "File of a certificate that is shown to them, if they ask for one."},
    {"storage.gateway.key", CONF_TEXT, .doc = "File of its key."},
    {"storage.gateway.timeout", CONF_DURATION, "60s", 1 SECONDS, 3600 SECONDS,
     .doc = "How long a transfer may stand still before the next gateway is tried."},

    {"storage.type", CONF_ENUM, "local", .values = storage_types,
     .doc = "Where internal storage is: a directory of the worker's host, or a bucket. Only workers open it."},
    {"storage.local.base-path", CONF_TEXT, "/var/lib/kestra/storage",
     .doc = "Directory of internal storage; with another storage.type, uploads wait here until they are whole."},
    {"storage.s3.bucket", CONF_TEXT, .doc = "Name of the bucket; it has to be there."},
    {"storage.s3.region", CONF_TEXT, "us-east-1", .doc = "Region of the bucket, as requests are signed for it."},
    {"storage.s3.endpoint", CONF_TEXT,
     .doc = "Address of a store that speaks S3, https://HOST:PORT; empty: Amazon's of the region."},
    {"storage.s3.access-key", CONF_TEXT,
     .doc = "Id of the access key; without one: environment, web identity, container or EC2 role, whichever is found "
            "first."},
    {"storage.s3.secret-key", CONF_TEXT, .flags = CONF_SECRET, .doc = "The secret access key."},
    {"storage.s3.session-token", CONF_TEXT, .flags = CONF_SECRET, .doc = "Session token of temporary credentials."},
    {"storage.s3.force-path-style", CONF_BOOLEAN, "false",
     .doc = "The bucket is the first part of the path, not of the host name; most stores but Amazon's want that."},
    {"storage.s3.server-side-encryption", CONF_ENUM, .values = s3_encryptions,
     .doc = "How the store encrypts what is written; empty: as the bucket says."},
    {"storage.s3.kms-key-id", CONF_TEXT, .doc = "Key of aws:kms; empty: the account's."},
    {"storage.s3.checksums", CONF_BOOLEAN, "true",
     .doc = "Keep a CRC-32C beside each object and check it when it is read; false for stores that do not know "
            "x-amz-checksum."},
    {"storage.gcs.bucket", CONF_TEXT, .doc = "Name of the bucket; it has to be there."},
    {"storage.gcs.service-account", CONF_TEXT, .flags = CONF_SECRET,
     .doc = "Key of a service account: the text of its JSON file; without: GOOGLE_APPLICATION_CREDENTIALS, or the "
            "machine's account."},
    {"storage.gcs.project-id", CONF_TEXT, .flags = CONF_FOREIGN, .doc = "Accepted for Kestra; the bucket says it."},
    {"storage.gcs.endpoint", CONF_TEXT, "https://storage.googleapis.com", .doc = "Address of the service."},
    {"storage.azure.container", CONF_TEXT, .doc = "Name of the container; it has to be there."},
    {"storage.azure.endpoint", CONF_TEXT,
     .doc = "https://ACCOUNT.blob.core.windows.net; empty: made from the account's name or the connection string."},
    {"storage.azure.connection-string", CONF_TEXT, .flags = CONF_SECRET,
     .doc = "Endpoint, account and key in one text, as the portal shows it; the other settings win over its parts."},
    {"storage.azure.shared-key-account-name", CONF_TEXT, .doc = "Name of the storage account."},
    {"storage.azure.shared-key-account-access-key", CONF_TEXT, .flags = CONF_SECRET, .doc = "Its key, base64."},
    {"storage.azure.sas-token", CONF_TEXT, .flags = CONF_SECRET,
     .doc = "Shared access signature for the container, instead of a key: sv=…&sig=…; without both: a client secret or "
            "a workload "
            "identity of the environment, or the machine's managed identity."},
    {"storage.part-size", CONF_SIZE, "8MiB", 5 MIB, 1024 MIB,
     .doc = "Objects that are larger are uploaded in parts of this size, in buckets; also the memory of an upload."},
    {"storage.attempts", CONF_INTEGER, "5", 1, 20,
     .doc = "Attempts of one request to a bucket while it cannot be reached or is busy, with growing pauses."},
    {"storage.connect-timeout", CONF_DURATION, "10s", 1 SECONDS / 10, 300 SECONDS,
     .doc = "Longest time to connect to a bucket."},
    {"storage.timeout", CONF_DURATION, "1m", 1 SECONDS, 3600 SECONDS, .doc = "Longest silence of a bucket's server."},
    {"storage.ca-file", CONF_TEXT,
     .doc = "Certificates (PEM) that a bucket's server is trusted by; empty: the system's."},
    {"storage.tls-verify", CONF_BOOLEAN, "true",
     .doc =
         "Check the certificate of a bucket's server. Without, whoever sits in between reads and writes everything."},

    {"encryption.secret-key", CONF_TEXT, .flags = CONF_SECRET,
     .doc = "Key for inputs of type SECRET and encrypted outputs: base64 of 16, 24 or 32 bytes."},
    {"variables.globals", CONF_MAP, .flags = CONF_RELOADABLE,
     .doc = "Variables that every expression sees as globals."},
    {"variables.env-vars-prefix", CONF_TEXT, "KESTRA_",
     .doc = "Environment variables with this prefix are seen as envs by expressions."},
    {"variables.recursive-rendering", CONF_BOOLEAN, "false",
     .doc = "Render what was rendered again until nothing changes."},
    {"variables.cache-enabled", CONF_BOOLEAN, "true", .flags = CONF_FOREIGN,
     .doc = "Accepted for Kestra; expressions are always compiled once."},
    {"variables.cache-size", CONF_INTEGER, "1000", 0, INT64_MAX, .flags = CONF_FOREIGN,
     .doc = "Accepted for Kestra; without effect."},
    {"plugins.defaults", CONF_LIST, .flags = CONF_RELOADABLE,
     .doc = "Default properties of task types: a list of {type, forced, values}, weaker than a flow's own."},
    {"plugins.configurations", CONF_LIST, .flags = CONF_FOREIGN, .doc = "Accepted for Kestra; without effect."},
    {"tasks.defaults", CONF_LIST, .flags = CONF_RELOADABLE, .doc = "Deprecated name of plugins.defaults."},
    {"tasks.scripts.docker.volume-enabled", CONF_BOOLEAN, "false", .flags = CONF_FOREIGN,
     .doc = "Accepted for Kestra; without effect."},

    {"heartbeat.interval", CONF_DURATION, "5s", 1 SECONDS / 10, 20 SECONDS,
     .doc = "How often a role tells the database that it lives; less than its watchdog waits (30 s)."},
    {"lease.time", CONF_DURATION, "10s", 1 SECONDS / 2, 600 SECONDS,
     .doc = "Silence after which the others take over a role's work; at least twice heartbeat.interval."},
    {"shutdown.grace", CONF_DURATION, "5m", 0, 86400 SECONDS, .flags = CONF_RELOADABLE,
     .doc = "How long a worker that is stopped waits for its task runs before it ends and gives them back."},
    {"logs.retention", CONF_DURATION, "0s", 0, 36500 * UINT64_C(86400) SECONDS,
     .doc = "How long the lines of logs and the metrics of executions are kept, by whole days (UTC); older days are "
            "dropped within an hour. "
            "0: until they are purged."},
    {"log.level", CONF_ENUM, "info", .flags = CONF_RELOADABLE, .values = log_levels,
     .doc = "Lowest priority that is written to the journal."},

    {"limits.flow-source", CONF_SIZE, "1MiB", 1024, 64 MIB, .flags = CONF_RELOADABLE,
     .doc = "Longest source of a flow."},
    {"limits.request", CONF_SIZE, "100MiB", 64 * 1024, 16384 MIB, .flags = CONF_RELOADABLE,
     .doc = "Longest body of a request; longer ones are answered with 413."},
    {"limits.message", CONF_SIZE, "10MiB", 64 * 1024, 128 MIB,
     .doc = "Longest message between the roles: inputs of an execution, outputs of a task or a flow, what a task is "
            "given. What is "
            "longer fails with that reason."},
    {"limits.subflow-depth", CONF_INTEGER, "100", 1, 10000,
     .doc = "How many executions may stand one below the other, each started by a Subflow or ForEachItem of the one "
            "above. "
            "What would start one more fails."},
    {"limits.line", CONF_SIZE, "4MiB", 64 * 1024, 128 MIB,
     .doc = "Longest line that a script task writes; a longer one is cut in several. What it gives with ::{…}:: is on "
            "one line: a task whose line is longer fails."},
    {"limits.expression-output", CONF_SIZE, "16MiB", 1024, 1024 MIB, .doc = "Longest text that one expression makes."},
    {"limits.expression-depth", CONF_INTEGER, "64", 8, 1000,
     .doc = "Nested calls, macros and render() of one expression."},
    {"limits.expression-steps", CONF_INTEGER, "20000000", 1000, INT32_MAX,
     .doc =
         "What one expression may cost in all: each call, operation, loop round, step of a regular expression or of jq "
         "is one, each 64 bytes looked at are one."},
    {"limits.expression-memory", CONF_SIZE, "128MiB", 1 MIB, 8192 MIB,
     .doc = "Memory for the values that one expression makes."},

    {"ui.directory", CONF_TEXT, PKGDATADIR "/ui", .doc = "Files of the web UI."},
    {"anonymous-usage-report.enabled", CONF_BOOLEAN, "false", .flags = CONF_FOREIGN,
     .doc = "Accepted for Kestra; nothing is ever reported."},
    {},
};

#undef LIMITS
#undef SECONDS
#undef MIB
#undef GIB

/* Top-level keys of Kestra's own configuration that mean something else here. */
static const struct {
    const char *name, *instead;
} foreign_keys[] = {
    {"datasources", "the database is set by postgresql.dsn"},
    {"micronaut", "addresses are set by server.listen and server.management-listen"},
    {"endpoints", "health and metrics are served at server.management-listen"},
    {"elasticsearch", "only PostgreSQL exists"},
    {"kafka", "only PostgreSQL exists"},
    {"logger", "levels are set by log.level"},
};
