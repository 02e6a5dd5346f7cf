/* SPDX-License-Identifier: Apache-2.0 */
/* Requests as text: query, headers, dates, multipart. */
#include "web/multipart.h"

#include <check.h>
#include <unistd.h>

START_TEST(a_query_is_decoded_in_order)
{
    _cleanup_(http_request_freep) HttpRequest *request =
        http_request_new("GET", "/api/v1/x?q=a%20b+c&state=FAILED,KILLED&state=SUCCESS&empty=&flag&n=12");
    ck_assert_ptr_nonnull(request);
    ck_assert_str_eq(request->path, "/api/v1/x");
    ck_assert_str_eq(http_query(request, "q"), "a b c");
    ck_assert_str_eq(http_query(request, "empty"), "");
    ck_assert_str_eq(http_query(request, "flag"), "");
    ck_assert_ptr_null(http_query(request, "other"));
    ck_assert_int_eq(http_query_integer(request, "n", 0), 12);
    ck_assert_int_eq(http_query_integer(request, "other", 7), 7);
    json_t *states = http_query_list(request, "state", true);
    ck_assert_uint_eq(json_array_size(states), 3);
    ck_assert_str_eq(json_string_value(json_array_get(states, 1)), "KILLED");
    json_decref(states);
    states = http_query_list(request, "state", false);
    ck_assert_uint_eq(json_array_size(states), 2);
    json_decref(states);
    ck_assert_ptr_null(http_query_list(request, "other", true));
}
END_TEST

START_TEST(a_broken_escape_is_refused)
{
    static const char *const broken[] = {"/x?a=%", "/x?a=%4", "/x?a=%zz", "/x?a=%00", "/x?%00=a"};
    for (size_t i = 0; i < ELEMENTS(broken); i++)
        ck_assert_msg(!http_request_new("GET", broken[i]), "%s", broken[i]);
}
END_TEST

START_TEST(integers_are_those_of_java)
{
    static const struct {
        const char *text;
        int64_t value;
        bool fits;
    } rows[] = {
        {"0", 0, true},
        {"-1", -1, true},
        {"+5", 5, true},
        {"2147483647", INT32_MAX, true},
        {"-2147483648", INT32_MIN, true},
        {"2147483648", 0, false},
        {"", 0, false},
        {"-", 0, false},
        {"1.0", 0, false},
        {" 1", 0, false},
        {"99999999999999999999", 0, false},
    };
    for (size_t i = 0; i < ELEMENTS(rows); i++) {
        int64_t value = 0;
        ck_assert_int_eq(http_parse_integer(rows[i].text, &value) == 0, rows[i].fits);
        ck_assert_int_eq(value, rows[i].value);
    }
}
END_TEST

START_TEST(dates_may_leave_out_seconds_and_offset)
{
    static const char *const same[] = {"2024-05-01T10:00:00Z", "2024-05-01T10:00:00.000Z", "2024-05-01T10:00",
                                       "2024-05-01T12:00:00+02:00", "2024-05-01T12:00:00 02:00"};
    usec_t wanted;
    ck_assert_int_eq(http_parse_date(same[0], &wanted), 0);
    for (size_t i = 1; i < ELEMENTS(same); i++) {
        usec_t date = 0;
        ck_assert_msg(http_parse_date(same[i], &date) == 0, "%s", same[i]);
        ck_assert_uint_eq(date, wanted);
    }
    ck_assert_int_gt(http_parse_date("yesterday", &wanted), 0);
    ck_assert_int_gt(http_parse_date("", &wanted), 0);
}
END_TEST

START_TEST(an_error_has_message_and_self_link)
{
    _cleanup_(http_request_freep) HttpRequest *request = http_request_new("POST", "/api/v1/flows?x=1");
    HttpResponse response = {};
    http_invalid(request, &response, "flow.id", "Flow id already %s", "exists");
    ck_assert_int_eq(response.status, 422);
    json_t *error = json_loads(buffer_text(&response.body), 0, NULL);
    ck_assert_str_eq(json_get_text(error, "message", ""), "Invalid entity: flow.id: Flow id already exists");
    ck_assert_str_eq(json_string_value(json_at(error, "_links.self.href")), "/api/v1/flows?x=1");
    ck_assert_str_eq(json_string_value(json_at(error, "_embedded.errors[0].path")), "flow.id");
    json_decref(error);
    http_reason(request, &response, 404, "Flow not found");
    ck_assert_ptr_nonnull(strstr(buffer_text(&response.body), "\"Not Found: Flow not found\""));
    http_response_done(&response);
}
END_TEST

static HttpRequest *multipart_request(const char *boundary, const char *body)
{
    HttpRequest *request = http_request_new("POST", "/x");
    char *type = xasprintf("multipart/form-data; boundary=%s", boundary);
    http_request_header(request, "content-type", 12, type, strlen(type));
    http_request_body(request, body, strlen(body));
    free(type);
    return request;
}

START_TEST(multipart_has_fields_and_files)
{
    _cleanup_(http_request_freep) HttpRequest *request = multipart_request(
        "\"b-1\"",
        "--b-1\r\nContent-Disposition: form-data; name=\"na\\\"me\"\r\n\r\nBob\r\nor --b-1 not\r\n"
        "--b-1\r\nContent-Type: text/plain\r\ncontent-disposition: form-data; name=files; filename=\"doc\"\r\n\r\n\r\n"
        "--b-1--\r\n");
    MultipartParts parts;
    ck_assert_int_eq(multipart_parse(request, &parts), 0);
    ck_assert_uint_eq(parts.count, 2);
    ck_assert_str_eq(parts.items[0].name, "na\"me");
    ck_assert_ptr_null(parts.items[0].file_name);
    ck_assert_uint_eq(parts.items[0].length, strlen("Bob\r\nor --b-1 not"));
    ck_assert_int_eq(memcmp(parts.items[0].data, "Bob\r\nor --b-1 not", parts.items[0].length), 0);
    ck_assert_str_eq(parts.items[1].file_name, "doc");
    ck_assert_uint_eq(parts.items[1].length, 0);
    vec_free(&parts);
}
END_TEST

START_TEST(broken_multipart_is_refused)
{
    static const char *const broken[] = {
        "nothing at all",
        "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nno end",
        "--b\r\nContent-Disposition: form-data\r\n\r\nno name\r\n--b--",
        "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n--b--",
        "--b",
        "--bx\r\n\r\n--b--",
    };
    for (size_t i = 0; i < ELEMENTS(broken); i++) {
        _cleanup_(http_request_freep) HttpRequest *request = multipart_request("b", broken[i]);
        MultipartParts parts;
        ck_assert_msg(multipart_parse(request, &parts) == MULTIPART_E_INVALID, "%s", broken[i]);
    }
    _cleanup_(http_request_freep) HttpRequest *none = http_request_new("POST", "/x");
    MultipartParts parts;
    ck_assert_int_eq(multipart_parse(none, &parts), 0);
    ck_assert_uint_eq(parts.count, 0);
}
END_TEST

static const struct {
    const char *name, *header;
} attachments[] = {
    {"a-1.txt", "attachment; filename=\"a-1.txt\"; filename*=utf-8''a-1.txt"},
    {"a b", "attachment; filename=\"a b\"; filename*=utf-8''a%20b"},
    {"\xC3\xA4", "attachment; filename=\"file\"; filename*=utf-8''%C3%A4"},
    {"x\"; y\r\nZ: 1", "attachment; filename=\"file\"; filename*=utf-8''x%22%3B%20y%0D%0AZ%3A%201"},
};

START_TEST(names_of_files_are_safe_in_headers)
{
    HttpRequest *request = http_request_new("GET", "/");
    HttpResponse response = {};
    http_attachment(request, &response, attachments[_i].name);
    ck_assert_str_eq(response.headers.items[0].value, attachments[_i].header);
    http_response_done(&response);
    http_request_free(request);
}
END_TEST

START_TEST(no_line_break_gets_into_a_header)
{
    static const char *const values[] = {"a\r\nX-Injected: yes", "a\nb", "a\rb", "\x7F", "\x01"};
    HttpResponse response = {};
    for (size_t i = 0; i < ELEMENTS(values); i++)
        http_response_header(&response, "Location", values[i]);
    ck_assert_uint_eq(response.headers.count, 0);
    http_response_header(&response, "Location", "/a\tb");
    ck_assert_uint_eq(response.headers.count, 1);
    http_response_done(&response);
}
END_TEST

START_TEST(long_answers_are_spilled)
{
    HttpResponse response = {};
    for (int piece = 0; piece < 2; piece++) {
        buffer_append(&response.body, piece ? "second" : "first");
        ck_assert_int_eq(http_spill(&response), 0);
        ck_assert_uint_eq(response.body.length, 0);
    }
    buffer_append(&response.body, "end");
    ck_assert_int_eq(http_spilled(&response, 200, "text/plain"), 0);
    ck_assert_int_eq(response.file_length, 14);
    char text[32] = "";
    ck_assert_int_eq(read(response.file_fd, text, sizeof(text) - 1), 14);
    ck_assert_str_eq(text, "firstsecondend");
    http_response_done(&response);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("http");
    TCase *all = tcase_create("all");
    suite_add_tcase(suite, all);
    tcase_add_test(all, a_query_is_decoded_in_order);
    tcase_add_test(all, a_broken_escape_is_refused);
    tcase_add_test(all, integers_are_those_of_java);
    tcase_add_test(all, dates_may_leave_out_seconds_and_offset);
    tcase_add_test(all, an_error_has_message_and_self_link);
    tcase_add_test(all, multipart_has_fields_and_files);
    tcase_add_test(all, broken_multipart_is_refused);
    tcase_add_loop_test(all, names_of_files_are_safe_in_headers, 0, (int)ELEMENTS(attachments));
    tcase_add_test(all, no_line_break_gets_into_a_header);
    tcase_add_test(all, long_answers_are_spilled);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
