/* SPDX-License-Identifier: Apache-2.0 */
/* io.kestra.plugin.core.http.Request: one request; its answer becomes outputs. */
#include "base/buffer.h"
#include "doc/json.h"
#include "model/encryption.h"
#include "plugin/core/http/http.h"

static bool take(void *userdata, const char *bytes, size_t length)
{
    buffer_append_n(userdata, bytes, length);
    return true;
}

/* As body, or sealed as encryptedBody. Steals value. */
static int give_body(RunContext *run, json_t *value)
{
    _cleanup_json_ json_t *body = value;
    _cleanup_free_ char *sealed = NULL;
    bool encrypts;
    int r = run_boolean(run, "encryptBody", false, &encrypts);
    if (r != 0)
        return r;
    if (!encrypts) {
        run_output(run, "body", json_incref(body));
        return 0;
    }
    if (!run->encryption_key || encryption_seal(run->encryption_key, json_string_value(body), &sealed) != 0)
        return run_fail(run, "encryptBody needs an encryption key: set kestra.encryption.secret-key");
    run_output(run, "encryptedBody", json_pack("{s:s,s:s}", "type", "io.kestra.datatype:aes_encrypted", "value", sealed));
    return 0;
}

static int run_request(RunContext *run)
{
    _cleanup_buffer_ Buffer body = {}, text = {};
    _cleanup_(http_answer_done) HttpAnswer answer = {};
    int r = http_exchange(run, &(HttpBodySink){.take = take, .userdata = &body, .limited = true}, &answer);
    if (r != 0)
        return r;
    run_output(run, "uri", json_string(answer.uri));
    run_output(run, "code", json_integer(answer.code));
    run_output(run, "headers", json_incref(answer.headers));
    json_t *value = json_stringn(buffer_text(&body), body.length);
    if (!value) { /* not UTF-8: what is not text becomes U+FFFD */
        buffer_append_json(&text, buffer_text(&body));
        if (json_parse(text.text, text.length, 0, &value, NULL) != 0)
            return run_fail(run, "The answer is not text");
    }
    return give_body(run, value);
}

static const Field fields[] = {
    HTTP_FIELDS,
    {"encryptBody", FIELD_BOOLEAN, FIELD_DYNAMIC, .fallback = "false", .doc = "Give the body as encryptedBody."},
    {},
};

static const Field outputs[] = {
    {"uri", FIELD_STRING, .doc = "Address that answered, after redirects."},
    {"code", FIELD_INTEGER, .doc = "Status."},
    {"headers", FIELD_MAP, .item = FIELD_LIST, .doc = "Headers of the answer; each a list."},
    {"body", FIELD_ANY, .doc = "Body of the answer, as text."},
    {"encryptedBody", FIELD_ANY, .doc = "The body, encrypted, when encryptBody is set."},
    {},
};

const Type task_core_http_request = {
    .name = "io.kestra.plugin.core.http.Request",
    .aliases = (const char *const[]){"io.kestra.plugin.fs.http.Request", NULL},
    .kind = TYPE_TASK,
    .where = RUN_CHILD,
    .title = "Send an HTTP request and return the answer.",
    .examples = (const char *const[]){"id: probe\n"
                                      "type: io.kestra.plugin.core.http.Request\n"
                                      "uri: http://127.0.0.1:8081/health\n"
                                      "retry:\n"
                                      "  type: constant\n"
                                      "  interval: PT5S\n"
                                      "  maxAttempt: 3\n",
                                      NULL},
    .fields = fields,
    .outputs = outputs,
    .run = run_request,
};
