/* SPDX-License-Identifier: Apache-2.0 */
/* conf-doc yaml|man: prints etc/kestra/kestra.yaml or man/kestra.yaml.5 from the table of settings. */
#include "doc/conf.h"

static const struct {
    const char *name;
    void (*print)(Buffer *ret);
} forms[] = {{"yaml", conf_print_yaml}, {"man", conf_print_man}};

int main(int argc, char **argv)
{
    _cleanup_buffer_ Buffer text = {};
    for (size_t i = 0; argc == 2 && i < ELEMENTS(forms); i++)
        if (streq(argv[1], forms[i].name))
            forms[i].print(&text);
    if (!text.length || fputs(text.text, stdout) == EOF || fflush(stdout) == EOF) {
        (void)fprintf(stderr, "usage: conf-doc yaml|man\n");
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
