/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All of it happens in the task's own process, under its limits and in its sandbox, whatever runs it (a process, a
 * container): so it is shell code, and cannot fail where the task's PATH has no programs at all.
 */
#include "plugin/scripts/python/environment.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/identity.h"
#include "blob/digest.h"
#include "doc/json.h"
#include "plugin/script_files.h"

#define DIRECTORY ".python"

const char *const python_managers[] = {"PIP", "UV", NULL};

/* The module that Kestra's images have: it prints ::{…}:: lines. The real package, when it is installed, comes first.
 */
static const char module[] =
    "import importlib.machinery, importlib.util, json, logging, os, sys, time\n"
    "\n"
    "_here = os.path.dirname(os.path.abspath(__file__))\n"
    "_spec = importlib.machinery.PathFinder.find_spec(\n"
    "    __name__, [path for path in sys.path if os.path.abspath(path) != _here])\n"
    "if _spec and _spec.origin:\n"
    "    _real = importlib.util.module_from_spec(_spec)\n"
    "    sys.modules[__name__] = _real\n"
    "    _spec.loader.exec_module(_real)\n"
    "\n"
    "\n"
    "class Kestra:\n"
    "    @staticmethod\n"
    "    def _send(message):\n"
    "        print(\"::\" + json.dumps(message) + \"::\", flush=True)\n"
    "\n"
    "    @staticmethod\n"
    "    def _metric(name, kind, value, tags):\n"
    "        Kestra._send({\"metrics\": [{\"name\": name, \"type\": kind, \"value\": value, \"tags\": tags or {}}]})\n"
    "\n"
    "    @staticmethod\n"
    "    def outputs(values):\n"
    "        Kestra._send({\"outputs\": values})\n"
    "\n"
    "    @staticmethod\n"
    "    def counter(name, value, tags=None):\n"
    "        Kestra._metric(name, \"counter\", value, tags)\n"
    "\n"
    "    @staticmethod\n"
    "    def timer(name, duration, tags=None):\n"
    "        if callable(duration):\n"
    "            begin = time.monotonic()\n"
    "            duration()\n"
    "            duration = time.monotonic() - begin\n"
    "        Kestra._metric(name, \"timer\", duration, tags)\n"
    "\n"
    "    @staticmethod\n"
    "    def logger():\n"
    "        class Lines(logging.Handler):\n"
    "            def emit(self, record):\n"
    "                level = {\"WARNING\": \"WARN\", \"CRITICAL\": \"ERROR\"}.get(record.levelname, record.levelname)\n"
    "                Kestra._send({\"logs\": [{\"level\": level, \"message\": self.format(record)}]})\n"
    "        logger = logging.getLogger(\"Kestra\")\n"
    "        if not logger.handlers:\n"
    "            logger.addHandler(Lines())\n"
    "            logger.setLevel(logging.DEBUG)\n"
    "            logger.propagate = False\n"
    "        return logger\n";

/* PIP_USER: installs below PYTHONUSERBASE; a virtual environment of the administrator's is left alone. */
static const char usual[] = "export PYTHONUSERBASE=\"$WORKING_DIR/" DIRECTORY "\" PIP_BREAK_SYSTEM_PACKAGES=1 "
                            "PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore\n"
                            "[ -n \"${VIRTUAL_ENV-}\" ] || export PIP_USER=1\n"
                            "export PYTHONPATH=\"$WORKING_DIR/" DIRECTORY "/kestra${PYTHONPATH:+:$PYTHONPATH}\" "
                            "PATH=\"$WORKING_DIR/" DIRECTORY "/bin:$PATH\"\n"
                            "command -v python >/dev/null || ln -s \"$(command -v python3)\" \"$WORKING_DIR/" DIRECTORY
                            "/bin/python\" 2>/dev/null || :\n";

/* %1$s: the version. */
#define VERSION_CODE                                                                                                   \
    "kestra_python=$(command -v python%1$s) || kestra_python=$(uv python find %1$s 2>/dev/null) ||\n"                  \
    "    { uv python install --quiet %1$s && kestra_python=$(uv python find %1$s); } 2>/dev/null || kestra_python=\n"  \
    "if [ -n \"$kestra_python\" ]; then\n"                                                                             \
    "    ln -sf \"$kestra_python\" \"$WORKING_DIR/" DIRECTORY "/bin/python\"\n"                                        \
    "    ln -sf \"$kestra_python\" \"$WORKING_DIR/" DIRECTORY "/bin/python3\"\n"                                       \
    "else\n"                                                                                                           \
    "    echo '::{\"logs\":[{\"level\":\"WARN\",\"message\":\"pythonVersion: the wanted version is not on this "       \
    "worker, "                                                                                                         \
    "and there is no uv to install it; python3 is used\"}]}::'\n"                                                      \
    "fi\n"

/* %1$s: the directory. %2$s: packages, quoted. "$@": command and options of the package manager. */
#define DEPENDENCY_CODE                                                                                                \
    "kestra_env=%1$s\n"                                                                                                \
    "if [ ! -d \"$kestra_env\" ]; then\n"                                                                              \
    "    kestra_new=$(mktemp -d \"$kestra_env.XXXXXX\" 2>/dev/null) || kestra_new=$WORKING_DIR/" DIRECTORY             \
    "/packages\n"                                                                                                      \
    "    \"$@\" --quiet --target \"$kestra_new\" %2$s 2>&1 || { kestra_code=$?; rm -rf \"$kestra_new\"; exit "         \
    "$kestra_code; "                                                                                                   \
    "}\n"                                                                                                              \
    "    mv -T \"$kestra_new\" \"$kestra_env\" 2>/dev/null || kestra_env=$kestra_new\n"                                \
    "fi\n"                                                                                                             \
    "touch \"$kestra_env\" 2>/dev/null || :\n"                                                                         \
    "export PYTHONPATH=\"$kestra_env:$PYTHONPATH\" PATH=\"$kestra_env/bin:$PATH\"\n"

#define UV_OR_PIP                                                                                                      \
    "if command -v uv >/dev/null; then set -- uv pip install --python python3; "                                       \
    "else set -- env PIP_USER=0 python3 -m pip install; fi\n"
#define PIP "set -- env PIP_USER=0 python3 -m pip install\n"

static void append_quoted(Buffer *text, const char *word)
{
    buffer_append_char(text, '\'');
    for (const char *c = word; *c; c++)
        if (*c == '\'')
            buffer_append(text, "'\\''");
        else
            buffer_append_char(text, *c);
    buffer_append_char(text, '\'');
}

static int write_module(RunContext *run)
{
    int fd;
    _cleanup_free_ char *bin = xasprintf("%s/" DIRECTORY "/bin", run->working_directory);
    int r = script_files_create(run, DIRECTORY "/kestra/kestra.py", &fd);
    if (r != 0)
        return r;
    _as_(IDENTITY_TASK);
    ssize_t n = write(fd, module, sizeof module - 1);
    close_fd(fd);
    if (n != (ssize_t)sizeof module - 1 || (mkdir(bin, 0750) < 0 && errno != EEXIST))
        return run_fail(run, "The working directory cannot be written: %m");
    return 0;
}

static int append_version(RunContext *run, Buffer *text, char **ret_version)
{
    int r = run_text(run, "pythonVersion", ret_version);
    if (r != 0 || !*ret_version)
        return r;
    if (strspn(*ret_version, "0123456789.") != strlen(*ret_version) || !**ret_version)
        return run_fail(run, "Property 'pythonVersion' is not a version: '%s'", *ret_version);
    buffer_printf(text, VERSION_CODE, *ret_version);
    return 0;
}

/* Of other people's packages nobody can make up the name. Caller frees. */
static char *hash_of(const Buffer *identity)
{
    uint8_t hash[SHA256_BYTES];
    char *text = xnew_n(char, 2 * SHA256_BYTES + 1);
    digest_sha256(buffer_text(identity), identity->length, hash);
    digest_hex(hash, sizeof hash, text);
    return text;
}

static int append_dependencies(RunContext *run, Buffer *text, const char *version)
{
    _cleanup_json_ json_t *packages = NULL;
    _cleanup_free_ char *manager = NULL;
    _cleanup_buffer_ Buffer words = {}, identity = {};
    bool is_kept;
    int r = run_texts(run, "dependencies", &packages);
    if (r == 0)
        r = run_boolean(run, "dependencyCacheEnabled", true, &is_kept);
    if (r == 0)
        r = run_text(run, "packageManager", &manager);
    if (r != 0 || json_array_size(packages) == 0)
        return r;
    buffer_printf(&identity, "%s\n", version ? version : "");
    for (size_t i = 0; i < json_array_size(packages); i++) {
        const char *package = json_string_value(json_array_get(packages, i));
        if (*package == '-')
            return run_fail(run, "Property 'dependencies': '%s' is not a package", package);
        buffer_printf(&identity, "%s\n", package);
        append_quoted(&words, package);
        buffer_append_char(&words, ' ');
    }
    _cleanup_free_ char *hash = hash_of(&identity);
    _cleanup_free_ char *place =
        is_kept ? xasprintf("\"${WORKING_DIR%%/*}/python-%s-$(python3 -V 2>&1 | tr -dc 0-9.)\"", hash)
                : xstrdup("\"$WORKING_DIR/" DIRECTORY "/packages\"");
    buffer_append(text, manager && streq(manager, "PIP") ? PIP : UV_OR_PIP);
    buffer_printf(text, DEPENDENCY_CODE, place, buffer_text(&words));
    buffer_append(text, "set --\n");
    return 0;
}

int python_begin(RunContext *run, Buffer *text)
{
    _cleanup_free_ char *version = NULL;
    int r = write_module(run);
    if (r != 0)
        return r;
    buffer_append(text, usual);
    r = append_version(run, text, &version);
    return r == 0 ? append_dependencies(run, text, version) : r;
}
