/* SPDX-License-Identifier: Apache-2.0 */
/* Models that answer over HTTP in OpenAI's form. */
#include "plugin/service/service.h"

/* Literals in SERVICE_JSON must stay in one piece. */
/* clang-format off */

static const Field function_parameter_fields[] = {
    SERVICE_NEEDED("name", "Name."),
    SERVICE_NEEDED("description", "What it is."),
    SERVICE_NEEDED("type", "Its type, as JSON Schema names it."),
    {"enumValues", FIELD_LIST, FIELD_DYNAMIC, .item = FIELD_STRING, .doc = "The allowed values."},
    {"required", FIELD_BOOLEAN, FIELD_DYNAMIC, .doc = "Whether the model must give it."},
    {},
};
static const Field function_fields[] = {
    SERVICE_NEEDED("name", "Name."),
    SERVICE_TEXT("description", "What it does."),
    {"parameters", FIELD_LIST, FIELD_DYNAMIC, .item = FIELD_OBJECT, .fields = function_parameter_fields,
     .doc = "What it is called with."},
    {},
};

static const Field chat_fields[] = {
    SERVICE_NEEDED("apiKey", "Key of the API."),
    SERVICE_NEEDED("model", "Name of the model."),
    {"messages", FIELD_ANY, FIELD_DYNAMIC, .doc = "What was said: a list of {role, content}, or the JSON of one."},
    SERVICE_TEXT("prompt", "What the user says at last."),
    {"functions", FIELD_LIST, FIELD_DYNAMIC, .item = FIELD_OBJECT, .fields = function_fields,
     .doc = "Functions that the model may ask for."},
    {"functionCall", FIELD_STRING, FIELD_DYNAMIC, .fallback = "\"auto\"", .doc = "auto, none, or the name of one."},
    {"temperature", FIELD_NUMBER, FIELD_DYNAMIC, .fallback = "1.0", .doc = "How much is left to chance, 0 to 2."},
    {"topP", FIELD_NUMBER, FIELD_DYNAMIC, .doc = "The share of likely words that is chosen from."},
    {"n", FIELD_INTEGER, FIELD_DYNAMIC, .fallback = "1", .doc = "How many answers."},
    {"stop", FIELD_LIST, FIELD_DYNAMIC, .item = FIELD_STRING, .doc = "Texts at which the answer ends."},
    {"maxTokens", FIELD_INTEGER, FIELD_DYNAMIC, .doc = "Longest answer, in tokens."},
    {"presencePenalty", FIELD_NUMBER, FIELD_DYNAMIC, .doc = "Against what was said already, -2 to 2."},
    {"frequencyPenalty", FIELD_NUMBER, FIELD_DYNAMIC, .doc = "Against what was said often, -2 to 2."},
    {"logitBias", FIELD_MAP, FIELD_DYNAMIC, .item = FIELD_ANY, .doc = "Token to bias."},
    SERVICE_TEXT("jsonResponseSchema", "JSON Schema that the answer must fit."),
    {"promptCaching", FIELD_BOOLEAN, FIELD_DYNAMIC, .doc = "Whether the service keeps the prompt for a day."},
    SERVICE_TEXT("user", "Who asks, for the service's statistics."),
    {"clientTimeout", FIELD_INTEGER, FIELD_DYNAMIC, .fallback = "10", .doc = "Seconds until the answer begins."},
    {"endpointOverride", FIELD_STRING, FIELD_DYNAMIC, .fallback = "\"https://api.openai.com/v1\"",
     .doc = "Address of a service that speaks the same; an addition to Kestra."},
    SERVICE_OPTIONS,
    {},
};

static const Field chat_outputs[] = {
    {"id", FIELD_STRING, .doc = "Identifier of the answer."},
    {"object", FIELD_STRING, .doc = "Kind of the answer."},
    {"model", FIELD_STRING, .doc = "The model that has answered."},
    {"choices", FIELD_LIST, .item = FIELD_ANY, .doc = "The answers: {index, message {role, content}, finish_reason}."},
    {"usage", FIELD_ANY, .doc = "How many tokens it has cost."},
    {},
};

static const char chat_body[] = SERVICE_JSON({
    "if": "{{ own.messages is not empty or own.prompt is not empty }}",
    "model": "{{ own.model }}",
    "messages": [
        {"for": "{{ own.messages is empty ? [] : (own.messages is iterable ? own.messages : fromJson(own.messages)) }}",
         "role": "{{ item.role | lower }}", "content": "{{ item.content }}", "name": "{{ item.name ?? null }}"},
        {"if": "{{ own.prompt is not empty }}", "role": "user", "content": "{{ own.prompt }}"}],
    "tools": "{{ own.functions is empty ? null : (own.functions | jq('map({type: \"function\", function: {name, description, parameters: {type: \"object\", properties: ((.parameters // []) | map({key: .name, value: ({type, description} + (if .enumValues then {enum: .enumValues} else {} end))}) | from_entries), required: [(.parameters // [])[] | select(.required == true or .required == \"true\") | .name]}}})') | first) }}",
    "tool_choice": "{{ own.functions is empty ? null : (own.functionCall == 'auto' or own.functionCall == 'none' ? own.functionCall : {'type': 'function', 'function': {'name': own.functionCall}}) }}",
    "temperature": "{{ own.temperature }}",
    "top_p": "{{ own.topP }}",
    "n": "{{ own.n }}",
    "stop": "{{ own.stop }}",
    "max_completion_tokens": "{{ own.maxTokens }}",
    "presence_penalty": "{{ own.presencePenalty }}",
    "frequency_penalty": "{{ own.frequencyPenalty }}",
    "logit_bias": "{{ own.logitBias }}",
    "prompt_cache_retention": "{{ own.promptCaching == true ? '24h' : null }}",
    "user": "{{ own.user }}",
    "response_format": {"if": "{{ own.jsonResponseSchema is not empty }}", "type": "json_schema",
                        "json_schema": {"name": "kestra_schema", "strict": true,
                                        "schema": "{{ own.jsonResponseSchema is empty ? null : fromJson(own.jsonResponseSchema) }}"}}
});

const Type task_openai_chat_completion = {
    SERVICE_TYPE,
    .name = "io.kestra.plugin.openai.ChatCompletion",
    .title = "Let a model of OpenAI, or one that speaks the same, answer.",
    EXAMPLES("id: summary\n"
             "type: io.kestra.plugin.openai.ChatCompletion\n"
             "apiKey: \"{{ secret('OPENAI_KEY') }}\"\n"
             "model: gpt-4o-mini\n"
             "messages:\n"
             "  - role: system\n"
             "    content: You answer in one sentence.\n"
             "prompt: \"What is in {{ inputs.text }}?\"\n"),
    .fields = chat_fields,
    .outputs = chat_outputs,
    SERVICE_ROW(.uri = "{{ own.endpointOverride }}/chat/completions", .timeout_seconds = "{{ own.clientTimeout }}",
                .headers = SERVICE_JSON({"Authorization": "Bearer {{ own.apiKey }}"}), .body = chat_body,
                .nothing = "Either `messages` or `prompt` must be set",
                .outputs = SERVICE_JSON({"id": "{{ answer.id ?? null }}", "object": "{{ answer.object ?? null }}",
                                         "model": "{{ answer.model ?? null }}", "choices": "{{ answer.choices ?? null }}",
                                         "usage": "{{ answer.usage ?? null }}"}),
                .counters = SERVICE_JSON({"usage.prompt.tokens": "{{ answer.usage.prompt_tokens ?? null }}",
                                          "usage.completion.tokens": "{{ answer.usage.completion_tokens ?? null }}",
                                          "usage.total.tokens": "{{ answer.usage.total_tokens ?? null }}"})),
};
