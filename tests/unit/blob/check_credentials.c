/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials that are found: how long they are kept, and what is said when there are none. tests/storage has the
 * clouds. */
#include <check.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "blob/credentials.h"

#define MINUTES(n) ((int64_t)(n)*60 * (int64_t)USEC_PER_SEC)

/* --- a server that gives keys for an hour, until it does not --- */

static struct {
    int fd;
    pthread_t thread;
    atomic_bool is_broken;
    atomic_uint asked;
    char url[64];
} server;

static void answer_one(int fd)
{
    char request[4096], ends[INSTANT_BYTES];
    size_t used = 0;
    while (used < sizeof request && !memmem(request, used, "\r\n\r\n", 4)) {
        ssize_t n = read(fd, request + used, sizeof request - used);
        if (n <= 0)
            return;
        used += (size_t)n;
    }
    unsigned number = atomic_fetch_add(&server.asked, 1) + 1;
    instant_format(clock_realtime() + (usec_t)MINUTES(60), ends);
    _cleanup_free_ char *body =
        xasprintf("{\"AccessKeyId\":\"key-%u\",\"SecretAccessKey\":\"secret\",\"Token\":\"token\","
                  "\"Expiration\":\"%s\"}",
                  number, ends);
    _cleanup_free_ char *answer = xasprintf("HTTP/1.1 %s\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
                                            server.is_broken ? "403 Forbidden" : "200 OK", strlen(body), body);
    ck_assert_int_eq(send(fd, answer, strlen(answer), MSG_NOSIGNAL), (ssize_t)strlen(answer));
}

static void *serve(void *userdata)
{
    for (int fd; (fd = accept4(server.fd, NULL, NULL, SOCK_CLOEXEC)) >= 0; close(fd))
        answer_one(fd);
    return NULL;
}

static void start_server(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    server.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(server.fd, (const struct sockaddr *)&address, length), 0);
    ck_assert_int_eq(listen(server.fd, 8), 0);
    ck_assert_int_eq(getsockname(server.fd, (struct sockaddr *)&address, &length), 0);
    (void)snprintf(server.url, sizeof server.url, "http://127.0.0.1:%u/keys", ntohs(address.sin_port)); /* fits */
    server.is_broken = false;
    server.asked = 0;
    ck_assert_int_eq(pthread_create(&server.thread, NULL, serve, NULL), 0);
}

static void stop_server(void)
{
    ck_assert_int_eq(shutdown(server.fd, SHUT_RDWR), 0); /* ends accept */
    ck_assert_int_eq(pthread_join(server.thread, NULL), 0);
    close(server.fd);
}

/* --- */

static void explain_nothing(const RemoteAnswer *answer, char **ret_code, char **ret_message)
{
}

static const RemoteOps storage_ops = {.name = "storage", .explain = explain_nothing};
static const RemoteSettings http = {
    .connect_timeout_usec = 10 * USEC_PER_SEC, .timeout_usec = 10 * USEC_PER_SEC, .attempts_max = 1};

static void expect_key(Credentials *credentials, Remote *storage, const char *access_key)
{
    Credential credential = {};
    ck_assert_int_eq(credentials_get(credentials, storage, &credential), 0);
    ck_assert_str_eq(credential.access_key, access_key);
    ck_assert_str_eq(credential.session_token, "token");
    credential_done(&credential);
}

static void clear_environment(void)
{
    static const char *const names[] = {"AWS_ACCESS_KEY_ID",
                                        "AWS_SECRET_ACCESS_KEY",
                                        "AWS_SESSION_TOKEN",
                                        "AWS_WEB_IDENTITY_TOKEN_FILE",
                                        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
                                        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
                                        "AWS_CONTAINER_AUTHORIZATION_TOKEN",
                                        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"};
    for (size_t i = 0; i < ELEMENTS(names); i++)
        unsetenv(names[i]);
    setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
}

START_TEST(test_kept)
{
    clear_environment();
    start_server();
    setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", server.url, 1);
    Remote *storage = remote_new(&storage_ops, &http, NULL);
    Credentials *credentials =
        credentials_new(&(CredentialSettings){.kind = CREDENTIAL_AWS, .region = "eu-1", .http = http});
    expect_key(credentials, storage, "key-1");
    remote_shift_clock(storage, MINUTES(50));
    expect_key(credentials, storage, "key-1");
    remote_shift_clock(storage, MINUTES(56)); /* they end in four minutes */
    server.is_broken = true;
    expect_key(credentials, storage, "key-1"); /* they serve while there are no others */
    expect_key(credentials, storage, "key-1");
    ck_assert_uint_eq(server.asked, 2); /* not with every request */
    remote_shift_clock(storage, MINUTES(57));
    server.is_broken = false;
    expect_key(credentials, storage, "key-3");
    credentials_drop(credentials);
    expect_key(credentials, storage, "key-4");
    credentials_drop(credentials);
    server.is_broken = true;
    Credential credential = {};
    ck_assert_int_lt(credentials_get(credentials, storage, &credential), 0);
    ck_assert_ptr_nonnull(strstr(blob_reason(), "container: the server refused GET /keys: 403"));
    credentials_free(credentials);
    remote_free(storage);
    stop_server();
}
END_TEST

START_TEST(test_nothing)
{
    clear_environment();
    setenv("AWS_ACCESS_KEY_ID", "only-half", 1);
    setenv("AWS_WEB_IDENTITY_TOKEN_FILE", "/nowhere/token", 1);
    setenv("AWS_ROLE_ARN", "arn", 1);
    Remote *storage = remote_new(&storage_ops, &http, NULL);
    Credentials *credentials =
        credentials_new(&(CredentialSettings){.kind = CREDENTIAL_AWS, .region = "eu-1", .http = http});
    Credential credential = {};
    ck_assert_int_lt(credentials_get(credentials, storage, &credential), 0);
    ck_assert_str_eq(blob_reason(),
                     "No credentials are set, nor found; environment: AWS_SECRET_ACCESS_KEY is not set; web identity: "
                     "/nowhere/token: No such file or directory; container: AWS_CONTAINER_CREDENTIALS_RELATIVE_URI and "
                     "_FULL_URI are not set; EC2 instance: AWS_EC2_METADATA_DISABLED is set");
    setenv("AWS_SECRET_ACCESS_KEY", "other-half", 1);
    ck_assert_int_eq(credentials_get(credentials, storage, &credential), 0);
    ck_assert_str_eq(credential.access_key, "only-half");
    ck_assert_str_eq(credential.secret_key, "other-half");
    ck_assert_ptr_null(credential.session_token);
    credential_done(&credential);
    credentials_free(credentials);
    remote_free(storage);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("credentials");
    TCase *tests = tcase_create("credentials");
    tcase_add_test(tests, test_kept);
    tcase_add_test(tests, test_nothing);
    tcase_set_timeout(tests, 60);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
