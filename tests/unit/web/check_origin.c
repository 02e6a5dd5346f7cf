/* SPDX-License-Identifier: Apache-2.0 */
/* Whose page asks, and who asks behind a proxy. */
#include <check.h>

#include "web/origin.h"
#include "web/peer.h"

static const struct {
    const char *method, *host, *origin, *referer, *site;
    bool login, passes;
} cases[] = {
    /* clients that are no browsers */
    {"POST", "kestra:8080", NULL, NULL, NULL, true, true},
    {"DELETE", NULL, NULL, NULL, NULL, false, true},
    /* our own pages */
    {"POST", "kestra:8080", "http://kestra:8080", NULL, "same-origin", true, true},
    {"POST", "Kestra.Example", "https://kestra.example:443", NULL, NULL, true, true},
    {"PUT", "[::1]:8080", "http://[::1]:8080", NULL, NULL, false, true},
    {"POST", "10.0.0.1:3000", "https://ui.example.org", NULL, "same-origin", true, true}, /* the name of server.url */
    {"POST", "10.0.0.1:3000", "https://also.example.org:8443", NULL, NULL, true, true},   /* server.names */
    {"POST", "kestra:8080", NULL, "http://kestra:8080/ui/flows", NULL, true, true},
    {"POST", "kestra:8080", NULL, NULL, "none", true, true},
    /* pages of others */
    {"POST", "kestra:8080", "http://evil.example", NULL, NULL, true, false},
    {"POST", "kestra:8080", "http://evil.example", NULL, "same-site", true, false},
    {"POST", "kestra:8080", "http://kestra:8081", NULL, "same-site", true, false},
    {"POST", "kestra:8080", "http://kestra:8080.evil.example", NULL, NULL, true, false},
    {"POST", "kestra:8080", "http://kestra:8080@evil.example", NULL, NULL, true, false},
    {"POST", "kestra:8080", "null", NULL, NULL, true, false},
    {"POST", "kestra:8080", "", NULL, NULL, true, false},
    {"POST", "kestra:8080", NULL, "http://evil.example/kestra:8080", NULL, true, false},
    {"DELETE", "kestra:8080", NULL, NULL, "cross-site", true, false},
    {"PUT", "kestra:8080", NULL, NULL, "same-site", true, false},
    {"OPTIONS", "kestra:8080", "http://evil.example", NULL, NULL, true, false},
    {"GET", "kestra:8080", "http://evil.example", NULL, "cross-site", true, true}, /* cannot read the answer */
    /* a name that points at us, where nobody logs in */
    {"GET", "evil.example:8080", NULL, NULL, "same-origin", false, false},
    {"HEAD", "evil.example", NULL, NULL, NULL, false, false},
    {"POST", "evil.example:8080", "http://evil.example:8080", NULL, "same-origin", false, false},
    {"POST", "localhost.evil.example", "http://localhost.evil.example", NULL, NULL, false, false},
    {"GET", "127.0.0.1.evil.example", NULL, NULL, NULL, false, false},
    {"GET", "localhost:8080", NULL, NULL, NULL, false, true},
    {"GET", "kestra.localhost:8080", NULL, NULL, NULL, false, true},
    {"GET", "localhost.:8080", NULL, NULL, NULL, false, true},
    {"GET", "127.0.0.1:8080", NULL, NULL, NULL, false, true},
    {"GET", "[::1]", NULL, NULL, NULL, false, true},
    {"GET", "UI.example.org", NULL, NULL, NULL, false, true},
    {"GET", "also.example.org:1", NULL, NULL, NULL, false, true},
    {"GET", "evil.example:8080", NULL, NULL, "same-origin", true,
     true}, /* asks for the login, which the browser keeps */
};

static void add(HttpRequest *request, const char *name, const char *value)
{
    if (value)
        http_request_header(request, name, strlen(name), value, strlen(value));
}

START_TEST(only_our_own_pages_change_something)
{
    _cleanup_json_ json_t *names = json_pack("[s]", "also.example.org");
    OriginRules rules = {.url = "https://ui.example.org/kestra", .names = names, .login = cases[_i].login};
    _cleanup_(http_request_freep) HttpRequest *request = http_request_new(cases[_i].method, "/api/v1/flows");
    add(request, "Host", cases[_i].host);
    add(request, "Origin", cases[_i].origin);
    add(request, "Referer", cases[_i].referer);
    add(request, "Sec-Fetch-Site", cases[_i].site);
    const char *refusal = origin_refusal(&rules, request);
    ck_assert_msg((refusal == NULL) == cases[_i].passes, "%s", refusal ? refusal : "passes");
}
END_TEST

START_TEST(a_name_on_the_unix_socket_is_a_form)
{
    OriginRules rules = {};
    _cleanup_(http_request_freep) HttpRequest *request = http_request_new("POST", "/reload");
    request->local = request->trusted = true;
    add(request, "Host", "x");
    ck_assert_ptr_null(origin_refusal(&rules, request));
    add(request, "Origin", "http://x");
    ck_assert_ptr_nonnull(origin_refusal(&rules, request)); /* a browser was led through */
}
END_TEST

static const struct {
    const char *peer, *first, *second, *address;
} proxied[] = {
    {"192.0.2.1", "1.1.1.1", NULL, "192.0.2.1"}, /* no proxy of ours: not believed */
    {"10.0.0.9", NULL, NULL, "10.0.0.9"},
    {"10.0.0.9", "1.1.1.1", NULL, "1.1.1.1"},
    {"10.0.0.9", "9.9.9.9, 1.1.1.1", NULL, "1.1.1.1"}, /* what the client wrote itself stands before */
    {"10.0.0.9", "9.9.9.9, 1.1.1.1, 10.2.3.4", NULL, "1.1.1.1"},
    {"10.0.0.9", "9.9.9.9", "1.1.1.1", "1.1.1.1"},
    {"10.0.0.9", "10.1.1.1", NULL, "10.1.1.1"},
    {"10.0.0.9", "unknown", NULL, "10.0.0.9"},
    {"10.0.0.9", ", ,", NULL, "10.0.0.9"},
    {"11.0.0.9", "1.1.1.1", NULL, "11.0.0.9"},
    {"fd00::7", "2001:db8::1", NULL, "2001:db8::1"},
    {"fd01::7", "2001:db8::1", NULL, "fd01::7"},
    {"::ffff:10.0.0.9", "1.1.1.1", NULL, "1.1.1.1"},
    {"unix", "1.1.1.1", NULL, "1.1.1.1"},
};

START_TEST(the_address_behind_proxies_is_found)
{
    _cleanup_json_ json_t *list = json_pack("[s,s,s]", "10.0.0.0/8", "fd00::/16", "unix");
    _cleanup_(http_request_freep) HttpRequest *request = http_request_new("GET", "/");
    request->peer = proxied[_i].peer;
    add(request, "X-Forwarded-For", proxied[_i].first);
    add(request, "x-forwarded-for", proxied[_i].second);
    ck_assert_str_eq(peer_behind_proxies(list, request), proxied[_i].address);
    ck_assert_str_eq(peer_behind_proxies(NULL, request), proxied[_i].peer);
}
END_TEST

START_TEST(networks_are_compared_by_bits)
{
    _cleanup_json_ json_t *list = json_pack("[s,s,s]", "192.168.4.0/22", "10.1.2.3", "10.0.0.0/99");
    ck_assert(peer_is_listed(list, "192.168.7.255"));
    ck_assert(!peer_is_listed(list, "192.168.8.0"));
    ck_assert(peer_is_listed(list, "10.1.2.3"));
    ck_assert(!peer_is_listed(list, "10.1.2.4"));
    ck_assert(!peer_is_listed(list, "10.0.0.1"));
    ck_assert(!peer_is_listed(list, ""));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("origin");
    TCase *all = tcase_create("all");
    suite_add_tcase(suite, all);
    tcase_add_loop_test(all, only_our_own_pages_change_something, 0, (int)ELEMENTS(cases));
    tcase_add_test(all, a_name_on_the_unix_socket_is_a_form);
    tcase_add_loop_test(all, the_address_behind_proxies_is_found, 0, (int)ELEMENTS(proxied));
    tcase_add_test(all, networks_are_compared_by_bits);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
