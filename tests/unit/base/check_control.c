/* SPDX-License-Identifier: Apache-2.0 */
/* The small server of roles and those who only hold connections to it. */
#include <check.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/control.h"

enum { MANY = 900 };

static char directory[] = "/tmp/kestra-control-XXXXXX";
static char path[64];
static Loop *loop;
static Control *control;

static void answer(void *userdata, ControlReply *reply)
{
    reply->status = 200;
    reply->type = "text/plain";
    buffer_append(&reply->body, "here\n");
}

static const ControlRoute routes[] = {{.method = "GET", .path = "/health", .answer = answer}, {}};

static int connect_one(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

typedef struct Reader {
    int fd;
    char text[512];
    ssize_t length; /* of the last read; 0: the end */
    bool read;
} Reader;

static int on_readable(void *userdata, uint32_t events)
{
    Reader *reader = userdata;
    reader->length = recv(reader->fd, reader->text, sizeof reader->text - 1, 0);
    reader->text[MAX(reader->length, (ssize_t)0)] = '\0';
    reader->read = true;
    return 0;
}

/* Runs the loop until something, or the end, comes. */
static void wait_for(Reader *reader)
{
    LoopSource *source;
    reader->read = false;
    ck_assert_int_eq(loop_add_io(loop, reader->fd, EPOLLIN, on_readable, reader, &source), 0);
    ck_assert_int_ge(sd_event_run(loop_event(loop), 0), 0);
    while (!reader->read)
        ck_assert_int_ge(sd_event_run(loop_event(loop), UINT64_MAX), 0);
    loop_source_free(source);
}

static void ask(int fd)
{
    static const char request[] = "GET /health HTTP/1.1\r\nHost: x\r\n\r\n";
    ck_assert_int_eq(send(fd, request, sizeof request - 1, MSG_NOSIGNAL), (ssize_t)sizeof request - 1);
}

START_TEST(test_idle_ones_keep_nobody_out)
{
    int held[MANY];
    for (unsigned i = 0; i < MANY; i++) {
        held[i] = connect_one();
        (void)sd_event_run(loop_event(loop), 0); /* it is accepted, or soon */
    }
    Reader reader = {.fd = connect_one()};
    ask(reader.fd);
    wait_for(&reader);
    ck_assert_msg(strstr(reader.text, "200 OK") != NULL, "%s", reader.text);
    ask(reader.fd); /* it is the one that was heard last: it stays */
    wait_for(&reader);
    ck_assert_msg(strstr(reader.text, "200 OK") != NULL, "%s", reader.text);
    close_fd(reader.fd);
    for (unsigned i = 0; i < MANY; i++)
        close_fd(held[i]);
}
END_TEST

static const struct {
    const char *sent; /* and no more */
    usec_t request_usec, idle_usec;
} silent[] = {
    {"", 20 * USEC_PER_MSEC, USEC_PER_SEC * 3600},
    {"GET /hea", 20 * USEC_PER_MSEC, USEC_PER_SEC * 3600},
    {"GET /health HTTP/1.1\r\nContent-Length: 100\r\n\r\nhalf", 20 * USEC_PER_MSEC, USEC_PER_SEC * 3600},
    {"GET /health HTTP/1.1\r\n\r\n", USEC_PER_SEC * 3600, 20 * USEC_PER_MSEC},
    {"GET /health HTTP/1.1\r\n\r\nGET /hea", 20 * USEC_PER_MSEC, USEC_PER_SEC * 3600},
};

START_TEST(test_silence_ends)
{
    control_set_times(control, silent[_i].request_usec, silent[_i].idle_usec);
    Reader reader = {.fd = connect_one()};
    size_t length = strlen(silent[_i].sent);
    ck_assert_int_eq(send(reader.fd, silent[_i].sent, length, MSG_NOSIGNAL), (ssize_t)length);
    do
        wait_for(&reader); /* an answer, if any; then the end */
    while (reader.length > 0);
    ck_assert_int_eq(reader.length, 0);
    close_fd(reader.fd);
}
END_TEST

static void setup(void)
{
    int fd;
    memcpy(directory + sizeof directory - 7, "XXXXXX", 6);
    ck_assert_ptr_nonnull(mkdtemp(directory));
    (void)snprintf(path, sizeof path, "%s/sock", directory);
    ck_assert_int_eq(loop_new(&loop), 0);
    ck_assert_int_eq(control_listen(path, &fd), 0);
    ck_assert_int_eq(control_new(loop, fd, routes, NULL, &control), 0);
}

static void teardown(void)
{
    control = control_free(control);
    loop_free(loop);
    (void)unlink(path);
    (void)rmdir(directory);
}

int main(void)
{
    Suite *suite = suite_create("control");
    TCase *tests = tcase_create("control");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, test_idle_ones_keep_nobody_out);
    tcase_add_loop_test(tests, test_silence_ends, 0, ELEMENTS(silent));
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
