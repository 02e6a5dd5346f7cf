/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One row for each place that is looked at. A place that is not there says so and the next one is asked, as in the
 * vendors' libraries; so is one that fails, because a variable may be left over from something else. Sources: "AWS SDKs
 * and Tools Reference Guide" (standardized credential providers), "Application Default Credentials" of Google,
 * "DefaultAzureCredential" and "How to use managed identities on a VM" of Microsoft.
 *
 * New ones are asked for when the last quarter of their life has begun, but at most five minutes before its end. While
 * that fails the old ones serve until their end.
 */
#include "blob/credentials.h"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/private_env.h"
#include "blob/xml.h"

#define MARGIN_MAX (300 * USEC_PER_SEC)
#define AGAIN      (30 * USEC_PER_SEC) /* after a refresh that failed */
#define LIFETIME   3600                /* seconds, of a token that does not say it */
#define BYTES_MAX  ((size_t)1024 * 1024)
enum { FILE_BYTES_MAX = 64 * 1024, NOT_THERE = 1 /* outcome of a source */ };

struct Credentials {
    CredentialSettings settings;
    Remote *near, *far; /* servers of the machine, which no proxy reaches and which answer at once; others */
    pthread_mutex_t lock;
    bool is_known;
    Credential current;
    usec_t refresh_at; /* 0: never */
};

/* One search. */
typedef struct Search {
    const Credentials *credentials;
    Remote *storage;
} Search;

void credential_done(Credential *credential)
{
    free(credential->access_key);
    free(credential->secret_key);
    free(credential->session_token);
    free(credential->token);
    *credential = (Credential){};
}

/* --- what sources are made of --- */

static const char *variable(const char *name)
{
    const char *value = private_env_get(name);
    return value && *value ? value : NULL;
}

static int not_set(const char *names)
{
    blob_set_reason("%s not set", names);
    return NOT_THERE;
}

/* A file of one text, without blanks at its end. */
static int read_text(const char *path, char **ret)
{
    _cleanup_free_ char *text = xmalloc(FILE_BYTES_MAX);
    _cleanup_(close_fdp) int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? -1 : read(fd, text, FILE_BYTES_MAX - 1);
    if (length < 0) {
        int error = errno;
        blob_set_reason("%s: %m", path);
        return outage(-error);
    }
    while (length > 0 && strchr(" \t\r\n", text[length - 1]))
        length--;
    *ret = xstrndup(text, (size_t)length);
    return 0;
}

/* Sends `request`, of which the caller has set all but the address. */
static int ask(Remote *remote, const char *url, RemoteRequest *request, RemoteAnswer *ret)
{
    const char *scheme_end = strstr(url, "://"), *host = scheme_end ? scheme_end + 3 : url;
    size_t base_length = (size_t)(host - url) + strcspn(host, "/?"), path_length = strcspn(url + base_length, "?");
    _cleanup_free_ char *base = xstrndup(url, base_length);
    const char *query = url[base_length + path_length] ? url + base_length + path_length + 1 : NULL;
    request->base = base;
    request->path = path_length > 0 ? xstrndup(url + base_length, path_length) : xstrdup("/");
    request->query = xstrdup_null(query);
    request->is_unsigned = true;
    int r = remote_exchange(remote, request, ret);
    request->base = NULL;
    return fold(r);
}

static void add_parameter(Buffer *form, const char *name, const char *value)
{
    buffer_printf(form, "%s%s=", form->length > 0 ? "&" : "", name);
    remote_encode(form, value, false);
}

static int post_form(Remote *remote, const char *url, const Buffer *form, RemoteAnswer *ret)
{
    _cleanup_(remote_request_done)
        RemoteRequest request = {.method = "POST", .body = form->text, .length = form->length};
    remote_add_header(&request.headers, "content-type: application/x-www-form-urlencoded");
    return ask(remote, url, &request, ret);
}

/* {"access_token", "expires_in"}, the latter as text in Azure */
static int take_token(const RemoteAnswer *answer, usec_t now, Credential *ret)
{
    _cleanup_json_ json_t *body = NULL;
    int r = json_parse(buffer_text(&answer->body), answer->body.length, BYTES_MAX, &body, NULL);
    const char *token = r == 0 ? json_get_text(body, "access_token", NULL) : NULL;
    if (!token || !*token) {
        blob_set_reason("its answer has no access_token");
        return outage(-EPROTO);
    }
    int64_t seconds = json_get_integer(body, "expires_in", LIFETIME);
    const char *text = json_get_text(body, "expires_in", NULL);
    seconds = text ? strtoimax(text, NULL, 10) : seconds;
    *ret = (Credential){.token = xstrdup(token),
                        .ends = now + (usec_t)MIN(MAX(seconds, INT64_C(0)), INT64_C(10000000)) * USEC_PER_SEC};
    return 0;
}

/* --- AWS --- */

static int from_environment(const Search *search, Credential *ret)
{
    const char *access = variable("AWS_ACCESS_KEY_ID"), *secret = variable("AWS_SECRET_ACCESS_KEY");
    if (!access || !secret)
        return not_set(access ? "AWS_SECRET_ACCESS_KEY is" : "AWS_ACCESS_KEY_ID is");
    *ret = (Credential){.access_key = xstrdup(access),
                        .secret_key = xstrdup(secret),
                        .session_token = xstrdup_null(variable("AWS_SESSION_TOKEN"))};
    return 0;
}

/* All texts are new and become the result's, if they are enough. */
static int take_keys(Credential keys, const char *expiration, Credential *ret)
{
    if (!keys.access_key || !keys.secret_key || (expiration && instant_parse(expiration, &keys.ends) != 0)) {
        credential_done(&keys);
        blob_set_reason("its answer has no AccessKeyId, no SecretAccessKey or no date");
        return outage(-EPROTO);
    }
    *ret = keys;
    return 0;
}

static int take_keys_json(const RemoteAnswer *answer, Credential *ret)
{
    _cleanup_json_ json_t *body = NULL;
    if (json_parse(buffer_text(&answer->body), answer->body.length, BYTES_MAX, &body, NULL) != 0) {
        blob_set_reason("its answer is not JSON");
        return outage(-EPROTO);
    }
    return take_keys((Credential){.access_key = xstrdup_null(json_get_text(body, "AccessKeyId", NULL)),
                                  .secret_key = xstrdup_null(json_get_text(body, "SecretAccessKey", NULL)),
                                  .session_token = xstrdup_null(json_get_text(body, "Token", NULL))},
                     json_get_text(body, "Expiration", NULL), ret);
}

static int from_web_identity(const Search *search, Credential *ret)
{
#define RESULT "AssumeRoleWithWebIdentityResponse/AssumeRoleWithWebIdentityResult/Credentials/"
    const char *file = variable("AWS_WEB_IDENTITY_TOKEN_FILE"), *role = variable("AWS_ROLE_ARN");
    const char *session = variable("AWS_ROLE_SESSION_NAME"), *endpoint = variable("AWS_ENDPOINT_URL_STS");
    const char *region = search->credentials->settings.region;
    _cleanup_free_ char *amazon =
        xasprintf("https://sts.%s.amazonaws.com%s", region, starts_with(region, "cn-") ? ".cn" : "");
    _cleanup_free_ char *token = NULL;
    _cleanup_buffer_ Buffer form = {};
    _cleanup_(remote_answer_done) RemoteAnswer answer = {};
    if (!file || !role)
        return not_set(file ? "AWS_ROLE_ARN is" : "AWS_WEB_IDENTITY_TOKEN_FILE is");
    int r = read_text(file, &token);
    if (r != 0)
        return r;
    add_parameter(&form, "Action", "AssumeRoleWithWebIdentity");
    add_parameter(&form, "RoleArn", role);
    add_parameter(&form, "RoleSessionName", session ? session : "kestra-worker");
    add_parameter(&form, "Version", "2011-06-15");
    add_parameter(&form, "WebIdentityToken", token);
    r = post_form(search->credentials->far, endpoint ? endpoint : amazon, &form, &answer);
    if (r != 0)
        return r;
    const char *text = buffer_text(&answer.body);
    _cleanup_free_ char *ends = xml_find(text, answer.body.length, RESULT "Expiration");
    return take_keys((Credential){.access_key = xml_find(text, answer.body.length, RESULT "AccessKeyId"),
                                  .secret_key = xml_find(text, answer.body.length, RESULT "SecretAccessKey"),
                                  .session_token = xml_find(text, answer.body.length, RESULT "SessionToken")},
                     ends, ret);
#undef RESULT
}

static int from_container(const Search *search, Credential *ret)
{
    const char *relative = variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    const char *full = variable("AWS_CONTAINER_CREDENTIALS_FULL_URI");
    const char *file = variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    _cleanup_free_ char *url = relative ? xasprintf("http://169.254.170.2%s", relative) : xstrdup_null(full);
    _cleanup_free_ char *token = file ? NULL : xstrdup_null(variable("AWS_CONTAINER_AUTHORIZATION_TOKEN"));
    _cleanup_(remote_request_done) RemoteRequest request = {.method = "GET"};
    _cleanup_(remote_answer_done) RemoteAnswer answer = {};
    if (!url)
        return not_set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI and _FULL_URI are");
    int r = file ? read_text(file, &token) : 0;
    if (r != 0)
        return r;
    if (token)
        remote_add_header(&request.headers, "authorization: %s", token);
    r = ask(search->credentials->near, url, &request, &answer);
    return r == 0 ? take_keys_json(&answer, ret) : r;
}

/* One request to the server of EC2, by its second version: with a token that a forwarded request could not have got. */
static int ask_instance(const Search *search, const char *token, const char *path, RemoteAnswer *ret)
{
    const char *endpoint = variable("AWS_EC2_METADATA_SERVICE_ENDPOINT"),
               *mode = variable("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");
    if (!endpoint)
        endpoint = mode && strcasecmp(mode, "IPv6") == 0 ? "http://[fd00:ec2::254]" : "http://169.254.169.254";
    _cleanup_free_ char *url =
        xasprintf("%.*s/latest/%s", (int)(strlen(endpoint) - ends_with(endpoint, "/")), endpoint, path);
    _cleanup_(remote_request_done) RemoteRequest request = {.method = token ? "GET" : "PUT"};
    if (token)
        remote_add_header(&request.headers, "x-aws-ec2-metadata-token: %s", token);
    else
        remote_add_header(&request.headers, "x-aws-ec2-metadata-token-ttl-seconds: 21600");
    return ask(search->credentials->near, url, &request, ret);
}

static int from_instance(const Search *search, Credential *ret)
{
    const char *disabled = variable("AWS_EC2_METADATA_DISABLED");
    _cleanup_(remote_answer_done) RemoteAnswer token = {}, roles = {}, keys = {};
    if (disabled && strcasecmp(disabled, "true") == 0) {
        blob_set_reason("AWS_EC2_METADATA_DISABLED is set");
        return NOT_THERE;
    }
    int r = ask_instance(search, NULL, "api/token", &token);
    if (r == 0)
        r = ask_instance(search, buffer_text(&token.body), "meta-data/iam/security-credentials/", &roles);
    if (r != 0)
        return r;
    const char *text = buffer_text(&roles.body);
    _cleanup_free_ char *path = xasprintf("meta-data/iam/security-credentials/%.*s", (int)strcspn(text, " \r\n"), text);
    r = ask_instance(search, buffer_text(&token.body), path, &keys);
    return r == 0 ? take_keys_json(&keys, ret) : r;
}

/* --- Google --- */

static int ask_account(const Search *search, const GcsToken *account, Credential *ret)
{
    _cleanup_(remote_answer_done) RemoteAnswer answer = {};
    int r = gcs_token_fetch(account, search->storage, &answer);
    return r == 0 ? take_token(&answer, remote_now(search->storage), ret) : r;
}

static int from_account(const Search *search, Credential *ret)
{
    const GcsToken *account = search->credentials->settings.account;
    return account ? ask_account(search, account, ret) : not_set("it is");
}

static int from_account_file(const Search *search, Credential *ret)
{
    const char *file = variable("GOOGLE_APPLICATION_CREDENTIALS");
    _cleanup_free_ char *text = NULL;
    GcsToken *account = NULL;
    if (!file)
        return not_set("it is");
    int r = read_text(file, &text);
    if (r == 0)
        r = gcs_token_new(text, &account);
    if (r == 0)
        r = ask_account(search, account, ret);
    gcs_token_free(account);
    return fold(r);
}

static int from_google_machine(const Search *search, Credential *ret)
{
    const char *host = variable("GCE_METADATA_HOST"), *flavor;
    _cleanup_free_ char *url = xasprintf("http://%s/computeMetadata/v1/instance/service-accounts/default/token",
                                         host ? host : "169.254.169.254");
    _cleanup_(remote_request_done) RemoteRequest request = {.method = "GET"};
    _cleanup_(remote_answer_done) RemoteAnswer answer = {};
    remote_add_header(&request.headers, "metadata-flavor: Google");
    int r = ask(search->credentials->near, url, &request, &answer);
    if (r == 0 && (!(flavor = remote_header(&answer, "metadata-flavor")) || !streq(flavor, "Google"))) {
        blob_set_reason("what answers is not Google's metadata server");
        return outage(-EPROTO);
    }
    return r == 0 ? take_token(&answer, remote_now(search->storage), ret) : r;
}

/* --- Azure --- */

#define AZURE_RESOURCE "https://storage.azure.com/"

/* A token for the application AZURE_CLIENT_ID by what proves that it is us. */
static int ask_authority(const Search *search, const Buffer *proof, Credential *ret)
{
    const char *authority = variable("AZURE_AUTHORITY_HOST"), *tenant = variable("AZURE_TENANT_ID");
    const char *client = variable("AZURE_CLIENT_ID");
    _cleanup_(remote_answer_done) RemoteAnswer answer = {};
    _cleanup_buffer_ Buffer form = {};
    if (!tenant || !client)
        return not_set(tenant ? "AZURE_CLIENT_ID is" : "AZURE_TENANT_ID is");
    if (!authority)
        authority = "https://login.microsoftonline.com";
    _cleanup_free_ char *url =
        xasprintf("%.*s/%s/oauth2/v2.0/token", (int)(strlen(authority) - ends_with(authority, "/")), authority, tenant);
    add_parameter(&form, "client_id", client);
    add_parameter(&form, "grant_type", "client_credentials");
    add_parameter(&form, "scope", AZURE_RESOURCE ".default");
    buffer_printf(&form, "&%s", proof->text);
    int r = post_form(search->credentials->far, url, &form, &answer);
    return r == 0 ? take_token(&answer, remote_now(search->storage), ret) : r;
}

static int from_client_secret(const Search *search, Credential *ret)
{
    const char *secret = variable("AZURE_CLIENT_SECRET");
    _cleanup_buffer_ Buffer proof = {};
    if (!secret)
        return not_set("AZURE_CLIENT_SECRET is");
    add_parameter(&proof, "client_secret", secret);
    return ask_authority(search, &proof, ret);
}

static int from_federated_token(const Search *search, Credential *ret)
{
    const char *file = variable("AZURE_FEDERATED_TOKEN_FILE");
    _cleanup_free_ char *token = NULL;
    _cleanup_buffer_ Buffer proof = {};
    if (!file)
        return not_set("AZURE_FEDERATED_TOKEN_FILE is");
    int r = read_text(file, &token);
    if (r != 0)
        return r;
    add_parameter(&proof, "client_assertion", token);
    add_parameter(&proof, "client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
    return ask_authority(search, &proof, ret);
}

static int from_managed_identity(const Search *search, Credential *ret)
{
    const char *host = variable("AZURE_POD_IDENTITY_AUTHORITY_HOST"), *client = variable("AZURE_CLIENT_ID");
    _cleanup_(remote_request_done) RemoteRequest request = {.method = "GET"};
    _cleanup_(remote_answer_done) RemoteAnswer answer = {};
    _cleanup_buffer_ Buffer query = {};
    if (!host)
        host = "http://169.254.169.254";
    add_parameter(&query, "api-version", "2018-02-01");
    add_parameter(&query, "resource", AZURE_RESOURCE);
    if (client)
        add_parameter(&query, "client_id", client);
    _cleanup_free_ char *url = xasprintf("%.*s/metadata/identity/oauth2/token?%s",
                                         (int)(strlen(host) - ends_with(host, "/")), host, query.text);
    remote_add_header(&request.headers, "metadata: true");
    int r = ask(search->credentials->near, url, &request, &answer);
    return r == 0 ? take_token(&answer, remote_now(search->storage), ret) : r;
}

/* --- the places, in the order in which they are looked at --- */

static const struct {
    CredentialKind kind;
    const char *name;
    /* 0, or NOT_THERE or an outage, with a reason. */
    int (*get)(const Search *search, Credential *ret);
    bool is_only; /* when it fails nothing else is looked for */
} sources[] = {
    {CREDENTIAL_AWS, "environment", from_environment},
    {CREDENTIAL_AWS, "web identity", from_web_identity},
    {CREDENTIAL_AWS, "container", from_container},
    {CREDENTIAL_AWS, "EC2 instance", from_instance},
    {CREDENTIAL_GOOGLE, "storage.gcs.service-account", from_account, .is_only = true},
    {CREDENTIAL_GOOGLE, "GOOGLE_APPLICATION_CREDENTIALS", from_account_file},
    {CREDENTIAL_GOOGLE, "metadata server", from_google_machine},
    {CREDENTIAL_AZURE, "client secret", from_client_secret},
    {CREDENTIAL_AZURE, "workload identity", from_federated_token},
    {CREDENTIAL_AZURE, "managed identity", from_managed_identity},
};

static int search_all(const Search *search, Credential *ret)
{
    _cleanup_buffer_ Buffer reasons = {};
    for (size_t i = 0; i < ELEMENTS(sources); i++) {
        if (sources[i].kind != search->credentials->settings.kind)
            continue;
        blob_set_reason("%s", "");
        int r = sources[i].get(search, ret);
        if (r == 0 || (r < 0 && sources[i].is_only))
            return r;
        _cleanup_free_ char *reason = blob_explain(r);
        buffer_printf(&reasons, "; %s: %s", sources[i].name, reason);
    }
    blob_set_reason("No credentials are set, nor found%s", buffer_text(&reasons));
    return outage(-EACCES);
}

/* --- once for all --- */

static int refresh(Credentials *credentials, Remote *storage)
{
    const Search search = {.credentials = credentials, .storage = storage};
    Credential *current = &credentials->current, found = {};
    int r = search_all(&search, &found);
    usec_t now = remote_now(storage);
    if (r != 0) {
        credentials->refresh_at = now + AGAIN;
        return credentials->is_known && now < current->ends ? 0 : r;
    }
    credential_done(current);
    *current = found;
    credentials->is_known = true;
    usec_t life = found.ends > now ? found.ends - now : 0;
    credentials->refresh_at = found.ends ? now + life - MIN(life / 4, MARGIN_MAX) : 0;
    return 0;
}

static bool is_due(const Credentials *credentials, usec_t now)
{
    return !credentials->is_known || (credentials->refresh_at > 0 && now >= credentials->refresh_at);
}

int credentials_get(Credentials *credentials, Remote *storage, Credential *ret)
{
    pthread_mutex_lock(&credentials->lock);
    int r = is_due(credentials, remote_now(storage)) ? refresh(credentials, storage) : 0;
    const Credential *current = &credentials->current;
    if (r == 0)
        *ret = (Credential){.access_key = xstrdup_null(current->access_key),
                            .secret_key = xstrdup_null(current->secret_key),
                            .session_token = xstrdup_null(current->session_token),
                            .token = xstrdup_null(current->token),
                            .ends = current->ends};
    pthread_mutex_unlock(&credentials->lock);
    return r;
}

void credentials_drop(Credentials *credentials)
{
    pthread_mutex_lock(&credentials->lock);
    credentials->is_known = false;
    pthread_mutex_unlock(&credentials->lock);
}

/* {"error", "error_description"} of Azure, {"error": {"message"}} of Google, XML of STS */
static void explain(const RemoteAnswer *answer, char **ret_code, char **ret_message)
{
    const char *text = buffer_text(&answer->body);
    _cleanup_json_ json_t *body = NULL;
    *ret_code = xml_find(text, answer->body.length, "ErrorResponse/Error/Code");
    *ret_message = xml_find(text, answer->body.length, "ErrorResponse/Error/Message");
    if (*ret_code || json_parse(text, answer->body.length, BYTES_MAX, &body, NULL) != 0)
        return;
    *ret_code = xstrdup_null(json_get_text(body, "error", NULL));
    free(*ret_message);
    *ret_message = xstrdup_null(json_get_text(body, "error_description", NULL));
}

Credentials *credentials_new(const CredentialSettings *settings)
{
    static const RemoteOps ops = {.name = "the server", .explain = explain};
    RemoteSettings near = settings->http;
    near.has_no_proxy = true;
    near.connect_timeout_usec = MIN(near.connect_timeout_usec, USEC_PER_SEC);
    near.timeout_usec = MIN(near.timeout_usec, 5 * USEC_PER_SEC);
    near.attempts_max = MIN(near.attempts_max, 3u);
    Credentials *credentials = xnew(Credentials);
    credentials->settings = *settings;
    credentials->near = remote_new(&ops, &near, NULL);
    credentials->far = remote_new(&ops, &settings->http, NULL);
    (void)pthread_mutex_init(&credentials->lock, NULL); /* the default kind always succeeds */
    return credentials;
}

Credentials *credentials_free(Credentials *credentials)
{
    if (!credentials)
        return NULL;
    remote_free(credentials->near);
    remote_free(credentials->far);
    credential_done(&credentials->current);
    pthread_mutex_destroy(&credentials->lock);
    free(credentials);
    return NULL;
}
