/* SPDX-License-Identifier: Apache-2.0 */
/* Language models over HTTP that answer with a text: those that speak as OpenAI does, Anthropic, OpenAI with tools. */
#include "doc/json.h"
#include "plugin/service/service.h"

/* Literals in SERVICE_JSON must stay in one piece. */
/* clang-format off */

static const char chat[] = SERVICE_JSON({
    "model": "{{ own.model }}",
    "messages": [
        {"for": "{{ own.messages is empty ? [] : (own.messages is iterable ? own.messages : fromJson(own.messages)) }}", "...": "{{ item }}", "role": "{{ (item.role ?? item.type ?? 'user') | lower }}", "type": null},
        {"if": "{{ own.prompt is not empty }}", "role": "user", "content": "{{ own.prompt }}"}
    ],
    "temperature": "{{ own.temperature }}",
    "top_p": "{{ own.topP }}",
    "top_k": "{{ own.topK }}",
    "n": "{{ own.n }}",
    "stop": "{{ own.stop }}",
    "max_tokens": "{{ own.maxTokens }}",
    "presence_penalty": "{{ own.presencePenalty }}",
    "frequency_penalty": "{{ own.frequencyPenalty }}",
    "logit_bias": "{{ own.logitBias }}",
    "tools": "{{ own.tools }}",
    "tool_choice": "{{ own.toolChoice }}",
    "user": "{{ own.user }}",
    "response_format": {
        "if": "{{ own.jsonResponseSchema is not empty }}",
        "type": "json_schema",
        "json_schema": {"name": "response", "schema": "{{ fromJson(own.jsonResponseSchema) }}"}
    }
});

#define BEARER SERVICE_JSON({"Authorization": "{{ 'Bearer ' ~ own.apiKey }}"})

/* What the plugins for other vendors give. */
static const char text_answer[] = SERVICE_JSON({
    "outputText": "{{ answer.choices[0].message.content ?? null }}",
    "rawResponse": "{{ answer | toJson }}",
    "usage": "{{ answer.usage ?? null }}"
});

static const char anthropic_request[] = SERVICE_JSON({
    "model": "{{ own.model }}",
    "max_tokens": "{{ own.maxTokens }}",
    "system": "{{ own.system }}",
    "messages": [
        {"for": "{{ own.messages is iterable ? own.messages : fromJson(own.messages) }}", "role": "{{ (item.role ?? item.type ?? 'user') | lower }}", "content": "{{ item.content }}"}
    ],
    "temperature": "{{ own.temperature }}",
    "top_p": "{{ own.topP }}",
    "top_k": "{{ own.topK }}"
});

static const char anthropic_answer[] = SERVICE_JSON({
    "outputText": "{{ answer.content[0].text ?? null }}",
    "rawResponse": "{{ answer | toJson }}",
    "usage": "{{ answer.usage ?? null }}"
});

static const char responses[] = SERVICE_JSON({
    "model": "{{ own.model }}",
    "input": "{{ own.input }}",
    "text": "{{ own.text }}",
    "tools": "{{ own.tools }}",
    "tool_choice": "{{ own.toolChoice is empty ? null : own.toolChoice | lower }}",
    "store": "{{ own.store }}",
    "previous_response_id": "{{ own.previousResponseId is empty ? null : own.previousResponseId }}",
    "reasoning": "{{ own.reasoning }}",
    "max_output_tokens": "{{ own.maxOutputTokens }}",
    "temperature": "{{ own.temperature }}",
    "top_p": "{{ own.topP }}",
    "parallel_tool_calls": "{{ own.parallelToolCalls }}",
    "user": "{{ own.user }}"
});

/* clang-format on */

/* The first text among the items of an answer. */
static const char *output_text(const json_t *items)
{
    size_t i, j;
    json_t *item, *part;
    json_array_foreach (items, i, item)
        json_array_foreach (json_object_get(item, "content"), j, part)
            if (json_get_text(part, "text", NULL))
                return json_get_text(part, "text", NULL);
    return NULL;
}

static void count_usage(RunContext *run)
{
    const char *name;
    json_t *value;
    json_object_foreach (json_object_get(run->outputs, "usage"), name, value)
        if (json_is_number(value)) {
            _cleanup_free_ char *metric = xasprintf("usage.%s", name);
            run_counter(run, metric, json_number_value(value), NULL);
        }
}

static int run_chat(RunContext *run)
{
    _cleanup_json_ json_t *prompt = NULL, *messages = NULL;
    int r = run_typed(run, "messages", &messages);
    if (r == 0)
        r = run_typed(run, "prompt", &prompt);
    if (r == 0 && !prompt && !messages)
        return run_fail(run, "Either 'messages' or 'prompt' must be set");
    if (r == 0)
        r = service_run(run);
    if (r == 0)
        count_usage(run);
    return r;
}

static int run_responses(RunContext *run)
{
    int r = service_run(run);
    if (r != 0)
        return r;
    const char *text = output_text(json_object_get(run->outputs, "sources"));
    json_set_text(run->outputs, "outputText", text);
    count_usage(run);
    return 0;
}

#define MODEL_KEY SERVICE_NEEDED("apiKey", "Key of the API.")
#define MODEL_BASE(URL)                                                                                                \
    {                                                                                                                  \
        "baseUrl", FIELD_STRING, FIELD_DYNAMIC, .fallback = "\"" URL "\"",                                             \
                                                .doc = "Where the API is; another server that speaks it."              \
    }
#define MODEL_NUMBER(NAME, DOC)                                                                                        \
    {                                                                                                                  \
        NAME, FIELD_NUMBER, FIELD_DYNAMIC, .doc = (DOC)                                                                \
    }
#define MODEL_ANY(NAME, DOC)                                                                                           \
    {                                                                                                                  \
        NAME, FIELD_ANY, FIELD_DYNAMIC, .doc = (DOC)                                                                   \
    }
#define MODEL_CHAT                                                                                                     \
    MODEL_ANY("messages", "The conversation: list of {role, content}, or the same as JSON."),                          \
        SERVICE_TEXT("prompt", "A message of the user, behind the others."),                                           \
        MODEL_NUMBER("temperature", "Between 0 and 2."), MODEL_NUMBER("topP", "Nucleus sampling."),                    \
        MODEL_NUMBER("topK", "Number of candidates."), MODEL_NUMBER("n", "Number of answers."),                        \
        MODEL_ANY("stop", "Texts that end the answer."), MODEL_NUMBER("maxTokens", "Most tokens of the answer."),      \
        MODEL_NUMBER("presencePenalty", "Between -2 and 2."), MODEL_NUMBER("frequencyPenalty", "Between -2 and 2."),   \
        MODEL_ANY("logitBias", "Token to bias."), MODEL_ANY("tools", "Functions that the model may call."),            \
        MODEL_ANY("toolChoice", "Which of them."), SERVICE_TEXT("user", "Who is behind the request."),                 \
        SERVICE_TEXT("jsonResponseSchema", "JSON Schema that the answer must follow."), SERVICE_OPTIONS

static const Field text_outputs[] = {
    {"outputText", FIELD_STRING, .doc = "The answer."},
    {"rawResponse", FIELD_STRING, .doc = "All that the service answered, as JSON."},
    {"usage", FIELD_MAP, .item = FIELD_ANY, .doc = "Tokens that were used."},
    {},
};

#define MODEL_TYPE .kind = TYPE_TASK, .where = RUN_CHILD, .run = run_chat

static const Field perplexity_fields[] = {
    MODEL_KEY,
    {"model", FIELD_STRING, FIELD_DYNAMIC, .fallback = "\"sonar\"", .doc = "Model."},
    MODEL_BASE("https://api.perplexity.ai"),
    {"stream", FIELD_BOOLEAN, FIELD_DYNAMIC | FIELD_IGNORED, .doc = "The whole answer is waited for."},
    MODEL_CHAT,
    {},
};

const Type task_perplexity_chat_completion = {
    MODEL_TYPE,
    .name = "io.kestra.plugin.perplexity.ChatCompletion",
    .title = "Ask a language model of Perplexity.",
    .fields = perplexity_fields,
    .outputs = text_outputs,
    SERVICE_ROW(.uri = "{{ own.baseUrl }}/chat/completions", .headers = BEARER, .body = chat, .outputs = text_answer),
};

static const Field anthropic_fields[] = {
    MODEL_KEY,
    SERVICE_NEEDED("model", "Model."),
    MODEL_BASE("https://api.anthropic.com/v1"),
    {"messages", FIELD_ANY, FIELD_DYNAMIC | FIELD_REQUIRED, .doc = "List of {type: USER or ASSISTANT, content}."},
    SERVICE_TEXT("system", "What the model is to be."),
    {"maxTokens", FIELD_INTEGER, FIELD_DYNAMIC, .fallback = "1024", .doc = "Most tokens of the answer."},
    MODEL_NUMBER("temperature", "Between 0 and 1."),
    MODEL_NUMBER("topP", "Nucleus sampling."),
    MODEL_NUMBER("topK", "Number of candidates."),
    SERVICE_OPTIONS,
    {},
};

const Type task_anthropic_chat_completion = {
    MODEL_TYPE,
    .name = "io.kestra.plugin.anthropic.ChatCompletion",
    .title = "Ask a language model of Anthropic.",
    .fields = anthropic_fields,
    .outputs = text_outputs,
    SERVICE_ROW(.uri = "{{ own.baseUrl }}/messages",
                .headers = SERVICE_JSON({"x-api-key" : "{{ own.apiKey }}", "anthropic-version" : "2023-06-01"}),
                .body = anthropic_request, .outputs = anthropic_answer),
};

static const Field responses_fields[] = {
    MODEL_KEY,
    SERVICE_NEEDED("model", "Model."),
    MODEL_BASE("https://api.openai.com/v1"),
    {"input", FIELD_ANY, FIELD_DYNAMIC | FIELD_REQUIRED, .doc = "A text, or a list of messages."},
    {"clientTimeout", FIELD_INTEGER, FIELD_DYNAMIC, .fallback = "10",
     .doc = "Accepted; options.readTimeout says how long an answer may take."},
    MODEL_ANY("text", "Form of the answer: {format: {type: json_schema, …}}."),
    MODEL_ANY("tools", "Tools that the model may use."),
    SERVICE_TEXT("toolChoice", "NONE, AUTO or REQUIRED."),
    {"store", FIELD_BOOLEAN, FIELD_DYNAMIC, .fallback = "true", .doc = "OpenAI keeps the answer."},
    SERVICE_TEXT("previousResponseId", "The answer that this one follows."),
    MODEL_ANY("reasoning", "How the model is to think: {effort: low}."),
    MODEL_NUMBER("maxOutputTokens", "Most tokens of the answer."),
    MODEL_NUMBER("temperature", "Between 0 and 2."),
    MODEL_NUMBER("topP", "Nucleus sampling."),
    {"parallelToolCalls", FIELD_BOOLEAN, FIELD_DYNAMIC, .doc = "Several tools at once."},
    SERVICE_TEXT("user", "Who is behind the request."),
    SERVICE_OPTIONS,
    {},
};

static const Field responses_outputs[] = {
    {"responseId", FIELD_STRING, .doc = "For previousResponseId."},
    {"outputText", FIELD_STRING, .doc = "The answer."},
    {"sources", FIELD_LIST, .item = FIELD_ANY, .doc = "The parts of the answer."},
    {"rawResponse", FIELD_ANY, .doc = "All that the service answered."},
    {"usage", FIELD_MAP, .item = FIELD_ANY, .doc = "Tokens that were used."},
    {},
};

const Type task_openai_responses = {
    .kind = TYPE_TASK,
    .where = RUN_CHILD,
    .run = run_responses,
    .name = "io.kestra.plugin.openai.Responses",
    .title = "Ask a language model of OpenAI, with its tools.",
    .fields = responses_fields,
    .outputs = responses_outputs,
    SERVICE_ROW(.uri = "{{ own.baseUrl }}/responses", .headers = BEARER, .body = responses,
                .outputs = SERVICE_JSON({
                    "responseId" : "{{ answer.id ?? null }}",
                    "sources" : "{{ answer.output ?? [] }}",
                    "rawResponse" : "{{ answer }}",
                    "usage" : "{{ answer.usage ?? null }}"
                })),
};
