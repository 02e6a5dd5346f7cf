/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/kestractl.h"

#include <getopt.h>
#include <locale.h>
#include <signal.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/command.h"
#include "when/duration.h"

#define DEFAULT_SERVER "/run/kestra/webserver.sock"

static const Command *const groups[] = {commands_other, commands_flow, commands_execution, commands_trigger,
                                        commands_poison};

/* One row an option: what it is called, whether it takes a value, what it is for. */
static const struct {
    const char *name;
    char letter;
    const char *value;
    const char *doc;
} option_rows[] = {
    {"server", 's', "URL|SOCKET", "where the webserver is (" DEFAULT_SERVER "; environment KESTRA_URL)"},
    {"user", 'u', "NAME", "basic authentication; the password comes from KESTRA_PASSWORD"},
    {"output", 'o', "text|json", "json for machines"},
    {"namespace", 'n', "NAMESPACE", "only this namespace and those below it"},
    {"query", 'q', "TEXT", "only what matches these words"},
    {"state", 'S', "STATE", "only executions in this state"},
    {"limit", 'l', "N", "at most so many (100)"},
    {"input", 'i', "NAME=VALUE", "an input of run; VALUE @FILE sends a file"},
    {"label", 'L', "KEY:VALUE", "a label of run"},
    {"revision", 'r', "N", "not the latest revision"},
    {"wait", 'w', NULL, "run: until the execution has ended; its state is the exit code"},
    {"follow", 'f', NULL, "run, logs: print log lines as they come, until the execution has ended"},
    {"timeout", 't', "DURATION",
     "run --wait, --follow, logs --follow: exit with 4 after that time (seconds, or PT10M)"},
    {"level", 'V', "LEVEL", "logs: this level and above (TRACE)"},
    {"context", 'c', "FILE", "expression eval: variables as JSON"},
    {"config", 'C', "FILE", "config check: another kestra.yaml"},
    {"all", 'a', NULL, "poison replay, discard: all of them"},
    {"body", 'b', "FILE", "poison replay: another body for the message"},
    {"help", 'h', NULL, "this text"},
    {"version", 'v', NULL, "the version"},
};

static void print_help(FILE *to)
{
    (void)fprintf(to, "kestractl VERB [ARGUMENT…] [OPTION…]\n\nVerbs\n");
    for (size_t i = 0; i < ELEMENTS(groups); i++)
        for (const Command *command = groups[i]; command->verb; command++) {
            _cleanup_free_ char *left = xasprintf("%s %s", command->verb, command->arguments);
            (void)fprintf(to, "  %-32s %s\n", left, command->doc);
        }
    (void)fprintf(to, "\nOptions\n");
    for (size_t i = 0; i < ELEMENTS(option_rows); i++) {
        _cleanup_free_ char *left = xasprintf("--%s%s%s", option_rows[i].name, option_rows[i].value ? " " : "",
                                              option_rows[i].value ? option_rows[i].value : "");
        (void)fprintf(to, "  %-32s %s\n", left, option_rows[i].doc);
    }
    (void)fprintf(to, "\nExit codes: 0 success, 1 failed, 2 warning, 3 killed or down, 4 timed out, 64 usage, "
                      "69 no answer\n");
}

static int usage(const char *format, const char *what)
{
    (void)fprintf(stderr, "kestractl: ");
    (void)fprintf(stderr, format, what);
    (void)fprintf(stderr, "\nTry: kestractl --help\n");
    return EXIT_USAGE;
}

static bool parse_count(const char *text, int64_t *ret)
{
    int64_t value = 0;
    for (; *text >= '0' && *text <= '9'; text++)
        if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, *text - '0', &value))
            return false;
    *ret = value;
    return !*text && value > 0;
}

static int set_timeout(Options *options, const char *value)
{
    usec_t timeout;
    if (duration_parse(value, &timeout) != 0 || !timeout)
        return usage("%s is no duration: seconds, or as in ISO 8601 (PT10M)", value);
    options->deadline = clock_monotonic() + timeout;
    return EXIT_OK;
}

/* 0, or an exit code after the message. */
static int set_option(Options *options, char letter, const char *value)
{
    const char **const texts[] = {['s'] = &options->server, ['u'] = &options->user,  ['n'] = &options->namespace,
                                  ['q'] = &options->query,  ['S'] = &options->state, ['c'] = &options->context,
                                  ['C'] = &options->config, ['V'] = &options->level, ['b'] = &options->body};
    bool *const flags[] = {['w'] = &options->wait, ['f'] = &options->follow, ['a'] = &options->all};
    size_t index = (unsigned char)letter;
    if (index < ELEMENTS(texts) && texts[index])
        *texts[index] = value;
    else if (index < ELEMENTS(flags) && flags[index])
        *flags[index] = true;
    else if (letter == 'i')
        vec_push(&options->fields, value);
    else if (letter == 'L')
        vec_push(&options->labels, value);
    else if (letter == 'o' && (streq(value, "json") || streq(value, "text")))
        options->json = streq(value, "json");
    else if (letter == 'l' && parse_count(value, &options->limit))
        return 0;
    else if (letter == 'r' && parse_count(value, &options->revision))
        return 0;
    else if (letter == 't')
        return set_timeout(options, value);
    else
        return usage("%s is not a value for this option", value);
    return 0;
}

static int parse_options(int argc, char **argv, Options *options, bool *ret_done)
{
    struct option longs[ELEMENTS(option_rows) + 1] = {};
    for (size_t i = 0; i < ELEMENTS(option_rows); i++)
        longs[i] = (struct option){.name = option_rows[i].name,
                                   .val = option_rows[i].letter,
                                   .has_arg = option_rows[i].value ? required_argument : no_argument};
    for (int letter; (letter = getopt_long(argc, argv, "s:u:o:n:q:l:i:r:wft:hv", longs, NULL)) != -1;) {
        if (letter == '?')
            return EXIT_USAGE;
        *ret_done = letter == 'h' || letter == 'v';
        if (letter == 'h')
            print_help(stdout);
        if (letter == 'v')
            (void)puts("kestractl " PACKAGE_VERSION);
        if (*ret_done)
            return EXIT_OK;
        int code = set_option(options, (char)letter, optarg);
        if (code)
            return code;
    }
    return EXIT_OK;
}

/* The row whose verb the arguments begin with; *ret_words: how many they take. */
static const Command *find_command(char *const *words, int count, int *ret_words)
{
    for (size_t i = 0; i < ELEMENTS(groups); i++)
        for (const Command *command = groups[i]; command->verb; command++) {
            _cleanup_free_ char *two = count > 1 ? xasprintf("%s %s", words[0], words[1]) : xstrdup("");
            *ret_words = strchr(command->verb, ' ') ? 2 : 1;
            if (streq(command->verb, *ret_words == 2 ? two : words[0]))
                return command;
        }
    return NULL;
}

static int run_command(Options *options, char *const *words, int count)
{
    int taken;
    const Command *command = count ? find_command(words, count, &taken) : NULL;
    if (!command)
        return usage("no such verb: %s", count ? words[0] : "(none)");
    options->arguments = words + taken;
    options->argument_count = count - taken;
    if (options->argument_count < command->minimum ||
        (command->maximum >= 0 && options->argument_count > command->maximum)) {
        _cleanup_free_ char *form = xasprintf("%s %s", command->verb, command->arguments);
        return usage("expected: kestractl %s", form);
    }
    _cleanup_(client_freep) Client *client = client_new(
        &(ClientSettings){.server = options->server, .user = options->user, .password = getenv("KESTRA_PASSWORD")});
    return command->run(client, options);
}

int kestractl_main(int argc, char **argv)
{
    setlocale(LC_CTYPE, "C.UTF-8");
    struct sigaction by_default = {.sa_handler = SIG_DFL};
    (void)sigaction(SIGPIPE, &by_default, NULL); /* `kestractl logs … | head` ends quietly */
    const char *server = getenv("KESTRA_URL");
    Options options = {.server = server && *server ? server : DEFAULT_SERVER,
                       .user = getenv("KESTRA_USER"),
                       .limit = 100,
                       .level = "TRACE"};
    bool done = false;
    int code = parse_options(argc, argv, &options, &done);
    if (code == EXIT_OK && !done)
        code = run_command(&options, argv + optind, argc - optind);
    vec_free(&options.fields);
    vec_free(&options.labels);
    if (fflush(stdout) != 0 && code == EXIT_OK)
        code = EXIT_FAILED;
    return code;
}
