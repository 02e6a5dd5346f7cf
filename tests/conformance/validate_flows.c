/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parses flows without a server: JSON lines {"id", "source"} from standard input become JSON lines {"id", "flows": […]}
 * in the form of the API's answer to a validation. With file names as arguments it parses those and prints what is
 * wrong, one problem a line; the exit status is 1 when any was refused. -t N parses each file N times and prints the
 * time.
 */
#include <stdio.h>

#include "base/clock.h"
#include "doc/json.h"
#include "model/flow.h"
#include "plugin/registry.h"

static const FlowParse options = {.registry = &plugin_registry};

static json_t *validate(const DocumentPart *part, size_t index)
{
    _cleanup_diag_ Diag diag = DIAG_INIT;
    Flow *flow = NULL;
    int r = flow_parse(part->text, part->length, &options, &flow, &diag);
    json_t *answer = flow_validation(&diag);
    _cleanup_free_ char *namespace = NULL, *id = NULL;
    flow_identify(part->text, part->length, &namespace, &id);
    json_set_text(answer, "flow", r == 0 ? flow->id : id);
    json_set_text(answer, "namespace", r == 0 ? flow->namespace : namespace);
    json_set_present(answer, "index", json_integer((json_int_t)index));
    flow_unref(flow);
    return answer;
}

static json_t *validate_source(const char *source)
{
    json_t *flows = json_array();
    DocumentParts parts = {};
    document_split_literally(source, strlen(source), &parts);
    for (size_t i = 0; i < parts.count; i++)
        json_array_append_new(flows, validate(&parts.items[i], i));
    vec_free(&parts);
    return flows;
}

static int serve(void)
{
    _cleanup_free_ char *line = NULL;
    size_t allocated = 0;
    ssize_t length;
    while ((length = getline(&line, &allocated, stdin)) > 0) {
        _cleanup_json_ json_t *request = NULL;
        if (json_parse(line, (size_t)length, 0, &request, NULL) != 0)
            return EXIT_FAILURE;
        json_t *flows = validate_source(json_get_text(request, "source", ""));
        _cleanup_json_ json_t *answer = json_pack("{s:s,s:o}", "id", json_get_text(request, "id", ""), "flows", flows);
        _cleanup_free_ char *text = json_text(answer);
        puts(text);
    }
    return EXIT_SUCCESS;
}

static char *read_file(const char *path, size_t *ret_length)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return NULL;
    _cleanup_buffer_ Buffer buffer = {};
    char block[65536];
    size_t count;
    while ((count = fread(block, 1, sizeof(block), file)) > 0)
        buffer_append_n(&buffer, block, count);
    fclose(file);
    *ret_length = buffer.length;
    return buffer_take(&buffer);
}

static bool parse_file(const char *path, unsigned rounds)
{
    size_t length;
    _cleanup_free_ char *source = read_file(path, &length);
    if (!source) {
        fprintf(stderr, "%s: %m\n", path);
        return false;
    }
    usec_t begin = clock_monotonic();
    int r = 0;
    for (unsigned i = 0; i < rounds; i++) {
        _cleanup_diag_ Diag diag = DIAG_INIT;
        Flow *flow = NULL;
        r = flow_parse(source, length, &options, &flow, &diag);
        if (r != 0 && i == 0) {
            _cleanup_free_ char *text = diag_format(&diag, path);
            puts(text);
        }
        flow_unref(flow);
    }
    if (rounds > 1)
        printf("%s: %.1f µs\n", path, (double)(clock_monotonic() - begin) / rounds);
    return r == 0;
}

int main(int count, char **arguments)
{
    mem_use_for_jansson(json_set_alloc_funcs);
    if (count == 1)
        return serve();
    unsigned rounds = 1;
    int first = 1;
    if (count > 2 && streq(arguments[1], "-t")) {
        rounds = (unsigned)strtoumax(arguments[2], NULL, 10);
        first = 3;
    }
    bool fine = true;
    for (int i = first; i < count; i++)
        fine = parse_file(arguments[i], rounds) && fine;
    return fine ? EXIT_SUCCESS : EXIT_FAILURE;
}
