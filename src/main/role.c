/* SPDX-License-Identifier: Apache-2.0 */
#include "main/role.h"

#include <getopt.h>
#include <locale.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/log.h"
#include "base/private_env.h"

#define SOCKET_DIRECTORY "/run/kestra"

typedef struct Arguments {
    const char *config; /* NULL: the default, if it is there */
    const char *socket;
    int log_level; /* -1: as the settings say */
    bool check;
    int64_t takes_over; /* with check: what a running program would leave; -1: it is not asked */
} Arguments;

static void print_help(const Role *role)
{
    (void)printf("Usage: kestra-%1$s [OPTION…]\n\n"
                 "Runs the role %1$s of kestra. systemd starts it: kestra-%1$s.service.\n\n"
                 "  --config FILE      settings; default " CONF_FILE "; the directory kestra.d beside it is read too\n"
                 "  --check            say whether the settings are right, and end\n"
                 "  --takes-over N     with --check: also whether a running program that leaves format N can be taken "
                 "over from\n"
                 "  --socket PATH      listen here when systemd passes no socket; default " SOCKET_DIRECTORY
                 "/%1$s.sock\n"
                 "  --log-level LEVEL  error, warning, notice, info or debug\n"
                 "  --version\n"
                 "  --help\n",
                 role->name);
}

static bool parse_format(const char *text, int64_t *ret)
{
    *ret = 0;
    for (const char *p = text; *p; p++) {
        if (*p < '0' || *p > '9' || *ret > 1000 * 1000)
            return false;
        *ret = *ret * 10 + (*p - '0');
    }
    return *text != '\0';
}

/* -1: go on; otherwise the exit status. */
static int parse_arguments(int argc, char **argv, const Role *role, Arguments *ret)
{
    enum { CONFIG = 256, CHECK, TAKES_OVER, SOCKET, LEVEL, VERSION_, HELP };
    static const struct option options[] = {
        {"config", required_argument, NULL, CONFIG},
        {"check", no_argument, NULL, CHECK},
        {"takes-over", required_argument, NULL, TAKES_OVER},
        {"socket", required_argument, NULL, SOCKET},
        {"log-level", required_argument, NULL, LEVEL},
        {"version", no_argument, NULL, VERSION_},
        {"help", no_argument, NULL, HELP},
        {},
    };
    *ret = (Arguments){.log_level = -1, .takes_over = -1};
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) >= 0;) {
        if (c == CONFIG)
            ret->config = optarg;
        else if (c == SOCKET)
            ret->socket = optarg;
        else if (c == CHECK)
            ret->check = true;
        else if (c == TAKES_OVER && parse_format(optarg, &ret->takes_over))
            continue;
        else if (c == LEVEL && (ret->log_level = log_level_parse(optarg)) >= 0)
            continue;
        else if (c == VERSION_)
            return printf("kestra-%s %s\n", role->name, PACKAGE_VERSION) < 0;
        else if (c == HELP) {
            print_help(role);
            return 0;
        } else {
            (void)fprintf(stderr, "kestra-%s: wrong arguments; see --help\n", role->name);
            return EX_USAGE;
        }
    }
    if (optind < argc) {
        (void)fprintf(stderr, "kestra-%s: %s: no such argument; see --help\n", role->name, argv[optind]);
        return EX_USAGE;
    }
    return -1;
}

static int load_settings(const char *config, Conf **ret, Diag *diag)
{
    if (!config && access(CONF_FILE, F_OK) == 0)
        config = CONF_FILE;
    if (!config)
        return conf_load(NULL, CONF_DIRECTORY, ret, diag);
    const char *slash = strrchr(config, '/');
    _cleanup_free_ char *directory = xasprintf("%.*skestra.d", slash ? (int)(slash - config + 1) : 0, config);
    return conf_load(config, directory, ret, diag);
}

/* 0, or the exit status. */
static int read_settings(const Role *role, const Arguments *arguments, Conf **ret)
{
    _cleanup_diag_ Diag diag = DIAG_INIT;
    int r = load_settings(arguments->config, ret, &diag);
    if (r < 0) {
        errno = -r;
        (void)fprintf(stderr, "kestra-%s: settings cannot be read: %m\n", role->name);
        return EXIT_FAILURE;
    }
    if (r == CONF_E_INVALID) {
        _cleanup_free_ char *text = diag_format(&diag, NULL);
        (void)fprintf(stderr, "%s\n", text);
        return EX_CONFIG;
    }
    return 0;
}

static int prepare_process(void)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    if (sigaction(SIGPIPE, &ignore, NULL) < 0) /* a peer that hangs up is an error of its write, not our end */
        return outage(-errno);
    (void)prctl(PR_SET_DUMPABLE,
                0);               /* whoever has our user, a task above all, must not read our memory, nor trace us */
    (void)setlocale(LC_ALL, "C"); /* numbers and messages must not depend on who starts us; "C" always exists */
    mem_use_for_jansson(json_set_alloc_funcs);
    mem_return_large();
    return 0;
}

int role_main(int argc, char **argv, const Role *role)
{
    Arguments arguments;
    _cleanup_(conf_freep) Conf *conf = NULL;
    int status = parse_arguments(argc, argv, role, &arguments);
    if (status >= 0)
        return status;
    log_open(role->name, LOG_INFO);
    private_env_take();
    int r = prepare_process();
    status = r < 0 ? EXIT_FAILURE : read_settings(role, &arguments, &conf);
    if (status)
        return status;
    if (arguments.check && arguments.takes_over >= 0 && arguments.takes_over != role->handover_format) {
        (void)fprintf(stderr, "kestra-%s %s cannot take over from the running program; it has to be restarted\n",
                      role->name, PACKAGE_VERSION);
        return EXIT_FAILURE;
    }
    if (arguments.check)
        return puts("The settings are right.") < 0;
    if (conf_exposed(conf))
        log_warning("%s", conf_exposed(conf));
    log_set_level(arguments.log_level >= 0 ? arguments.log_level : log_level_parse(conf_text(conf, "log.level")));
    _cleanup_free_ char *socket =
        arguments.socket ? xstrdup(arguments.socket) : xasprintf(SOCKET_DIRECTORY "/%s.sock", role->name);
    r = role->run(conf, socket);
    if (r < 0) {
        errno = -r;
        log_error("Role ended: %m");
    }
    return r ? EXIT_FAILURE : EXIT_SUCCESS;
}
