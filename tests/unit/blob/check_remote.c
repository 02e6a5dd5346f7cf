/* SPDX-License-Identifier: Apache-2.0 */
/* What drivers for object stores compute: signatures against published examples, checksums, lists. No server is asked.
 */
#include <check.h>

#include <openssl/rsa.h>

#include "base/clock.h"
#include "blob/azure.h"
#include "blob/digest.h"
#include "blob/gcs.h"
#include "blob/gcs_token.h"
#include "blob/remote_list.h"
#include "blob/s3.h"
#include "blob/s3_sign.h"

/* --- AWS Signature Version 4: the examples of Amazon's manual and of its test suite --- */

static const struct {
    const char *method, *base, *path, *query, *headers[4], *body, *signature;
    bool is_suite; /* of the test suite: service "service", no hash header */
} signatures[] = {
    {"GET",
     "https://examplebucket.s3.amazonaws.com",
     "/test.txt",
     NULL,
     {"range: bytes=0-9"},
     "",
     "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
    {"PUT",
     "https://examplebucket.s3.amazonaws.com",
     "/test%24file.text",
     NULL,
     {"x-amz-storage-class: REDUCED_REDUNDANCY", "date: Fri, 24 May 2013 00:00:00 GMT"},
     "Welcome to Amazon S3.",
     "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"},
    {"GET",
     "https://examplebucket.s3.amazonaws.com",
     "/",
     "lifecycle=",
     {},
     "",
     "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
    {"GET",
     "https://examplebucket.s3.amazonaws.com",
     "/",
     "max-keys=2&prefix=J",
     {},
     "",
     "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"},
    {"GET",
     "https://example.amazonaws.com",
     "/",
     NULL,
     {},
     "",
     "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
     .is_suite = true},
};

static const char *signature_of(const RemoteRequest *request)
{
    for (size_t i = 0; i < request->signature.count; i++) {
        const char *found = strstr(request->signature.items[i], "Signature=");
        if (found)
            return found + strlen("Signature=");
    }
    return "";
}

START_TEST(test_s3_signature)
{
    const S3Key manual = {"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", NULL, "us-east-1", "s3"};
    const S3Key suite = {"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", NULL, "us-east-1", "service"};
    bool is_suite = signatures[_i].is_suite;
    RemoteRequest request = {.method = signatures[_i].method,
                             .base = signatures[_i].base,
                             .path = xstrdup(signatures[_i].path),
                             .query = xstrdup_null(signatures[_i].query),
                             .body = signatures[_i].body,
                             .length = strlen(signatures[_i].body)};
    for (const char *const *header = signatures[_i].headers; *header; header++)
        remote_add_header(&request.headers, "%s", *header);
    usec_t now;
    ck_assert_int_eq(instant_parse(is_suite ? "2015-08-30T12:36:00Z" : "2013-05-24T00:00:00Z", &now), 0);
    s3_sign(is_suite ? &suite : &manual, &request, now, !is_suite);
    ck_assert_str_eq(signature_of(&request), signatures[_i].signature);
    remote_request_done(&request);
}
END_TEST

/* --- Azure: the example of Microsoft's manual --- */

START_TEST(test_azure_string_to_sign)
{
    RemoteRequest request = {.method = "GET",
                             .path = xstrdup("/mycontainer"),
                             .query = xstrdup("comp=metadata&restype=container&timeout=20")};
    remote_add_header(&request.signature, "x-ms-date: Fri, 26 Jun 2015 23:39:12 GMT");
    remote_add_header(&request.signature, "x-ms-version: 2015-02-21");
    _cleanup_free_ char *text = azure_string_to_sign("myaccount", &request);
    ck_assert_str_eq(text,
                     "GET\n\n\n\n\n\n\n\n\n\n\n\nx-ms-date:Fri, 26 Jun 2015 23:39:12 GMT\nx-ms-version:2015-02-21\n"
                     "/myaccount/mycontainer\ncomp:metadata\nrestype:container\ntimeout:20");
    remote_request_done(&request);
    RemoteRequest put = {.method = "PUT",
                         .path = xstrdup("/c/a%20b"),
                         .query = xstrdup("blockid=YQ%3D%3D&comp=block"),
                         .body = "hello",
                         .length = 5};
    remote_add_header(&put.headers, "content-type: application/octet-stream");
    remote_add_header(&put.headers, "content-md5: XUFAKrxLKna5cZ2REBfFkg==");
    remote_add_header(&put.signature, "x-ms-date: now");
    _cleanup_free_ char *put_text = azure_string_to_sign("acc", &put);
    ck_assert_str_eq(put_text,
                     "PUT\n\n\n5\nXUFAKrxLKna5cZ2REBfFkg==\napplication/octet-stream\n\n\n\n\n\n\nx-ms-date:now\n"
                     "/acc/c/a%20b\nblockid:YQ==\ncomp:block");
    remote_request_done(&put);
}
END_TEST

/* --- JWT --- */

START_TEST(test_jwt)
{
    EVP_PKEY *key = EVP_RSA_gen(2048);
    _cleanup_free_ char *jwt = gcs_token_jwt(key, "{\"alg\":\"RS256\"}", "{\"iss\":\"joe\"}");
    const char *head = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UifQ."; /* RFC 7515, appendix A.2, for the header */
    ck_assert(starts_with(jwt, head));
    char *dot = strrchr(jwt, '.');
    ck_assert_ptr_null(strpbrk(dot, "+/="));
    _cleanup_buffer_ Buffer text = {};
    for (const char *c = dot + 1; *c; c++)
        buffer_append_char(&text, *c == '-' ? '+' : *c == '_' ? '/' : *c);
    while (text.length % 4 != 0)
        buffer_append_char(&text, '=');
    _cleanup_free_ uint8_t *signature = NULL;
    size_t length;
    ck_assert_int_eq(digest_from_base64(text.text, &signature, &length), 0);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    ck_assert_int_eq(EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, key), 1);
    ck_assert_int_eq(EVP_DigestVerify(context, signature, length, (const uint8_t *)jwt, (size_t)(dot - jwt)), 1);
    jwt[3] ^= 1;
    ck_assert_int_ne(EVP_DigestVerify(context, signature, length, (const uint8_t *)jwt, (size_t)(dot - jwt)), 1);
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
}
END_TEST

static const char *const wrong_keys[] = {"", "{}", "[]", "{\"client_email\":\"a\",\"private_key\":\"-----BEGIN\"}",
                                         "no"};

START_TEST(test_wrong_service_account)
{
    GcsToken *token;
    ck_assert_int_eq(gcs_token_new(wrong_keys[_i], &token), BLOB_E_INVALID);
    ck_assert_ptr_nonnull(strstr(blob_reason(), "service account's key"));
}
END_TEST

/* --- checksums --- */

START_TEST(test_crc32c)
{
    uint8_t bytes[32] = {};
    ck_assert_uint_eq(digest_crc32c(0, "123456789", 9), 0xe3069283);      /* the check value of the catalogue */
    ck_assert_uint_eq(digest_crc32c(0, bytes, sizeof bytes), 0x8a9136aa); /* RFC 3720, B.4 */
    memset(bytes, 0xff, sizeof bytes);
    ck_assert_uint_eq(digest_crc32c(0, bytes, sizeof bytes), 0x62a8ab43);
    for (uint8_t i = 0; i < sizeof bytes; i++)
        bytes[i] = i;
    ck_assert_uint_eq(digest_crc32c(0, bytes, sizeof bytes), 0x46dd794e);
    for (size_t cut = 0; cut <= sizeof bytes; cut++) {
        ck_assert_uint_eq(digest_crc32c(digest_crc32c(0, bytes, cut), bytes + cut, sizeof bytes - cut), 0x46dd794e);
        ck_assert_uint_eq(
            digest_crc32c_by_tables(digest_crc32c_by_tables(0, bytes, cut), bytes + cut, sizeof bytes - cut),
            0x46dd794e);
    }
    _cleanup_free_ char *text = digest_crc32c_base64(0xe3069283);
    ck_assert_str_eq(text, "4waSgw==");
}
END_TEST

START_TEST(test_digest)
{
    Digest digest;
    digest_begin(&digest, true);
    digest_add(&digest, "12345", 5);
    digest_add(&digest, "6789", 4);
    ck_assert_uint_eq(digest.crc32c, 0xe3069283);
    _cleanup_free_ char *md5 = digest_take_md5(&digest);
    ck_assert_str_eq(md5, "JfnnlDI7RTiF9RgfG2JNCw==");
    digest_done(&digest);
}
END_TEST

/* --- lists --- */

#define S3_HEAD                                                                                                        \
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"

START_TEST(test_s3_list)
{
    const char *page = S3_HEAD "<Name>b</Name><IsTruncated>true</IsTruncated>"
                               "<Contents><Key>a%2Fb+c</Key><LastModified>2024-05-01T10:00:00.000Z</LastModified>"
                               "<ETag>&quot;x&quot;</ETag><Size>42</Size><Owner><ID>1</ID></Owner></Contents>"
                               "<Contents><Size>0</Size><Key>d/</Key></Contents>"
                               "<NextContinuationToken>t&amp;o&#x6b;en==</NextContinuationToken>"
                               "<EncodingType>url</EncodingType></ListBucketResult>\n";
    BlobEntries entries = {};
    char *next;
    ck_assert_int_eq(s3_parse_list(page, strlen(page), &entries, &next), 0);
    ck_assert_uint_eq(entries.count, 2);
    ck_assert_str_eq(entries.items[0].uri, "kestra:///a/b c");
    ck_assert_int_eq(entries.items[0].size_bytes, 42);
    ck_assert_uint_eq(entries.items[0].modified, UINT64_C(1714557600) * USEC_PER_SEC);
    ck_assert_str_eq(entries.items[1].uri, "kestra:///d/");
    ck_assert_str_eq(next, "t&oken==");
    free(next);
    blob_drop_hidden(&entries);
    ck_assert_uint_eq(entries.count, 1);
    blob_entries_done(&entries);
}
END_TEST

static const char *const wrong_lists[] = {
    "",
    " ",
    "text",
    "<ListBucketResult>",
    "<ListBucketResult></Other>",
    "<Other></Other>",
    "<a><b></a></b>",
    "<ListBucketResult></ListBucketResult><x/>",
    "<ListBucketResult>&unknown;</ListBucketResult>",
    "<!DOCTYPE x [<!ENTITY e \"x\">]><ListBucketResult/>",
    "<ListBucketResult>&#0;</ListBucketResult>",
    "<ListBucketResult>&#xd800;</ListBucketResult>",
    "<ListBucketResult a=\"></ListBucketResult>",
    "<a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a>",
    "<ListBucketResult><![CDATA[x</ListBucketResult>",
};

START_TEST(test_wrong_list)
{
    BlobEntries entries = {};
    char *next;
    const char *text = wrong_lists[_i];
    ck_assert_int_eq(s3_parse_list(text, strlen(text), &entries, &next), BLOB_E_INVALID);
    ck_assert_int_eq(azure_parse_list(text, strlen(text), &entries, &next), BLOB_E_INVALID);
    ck_assert_int_eq(gcs_parse_list(text, strlen(text), &entries, &next), BLOB_E_INVALID);
    blob_entries_done(&entries);
}
END_TEST

START_TEST(test_azure_list)
{
    const char *page =
        "\xef\xbb\xbf<?xml version=\"1.0\"?><EnumerationResults ServiceEndpoint='http://x/'><Prefix>a</Prefix><Blobs>"
        "<!-- none --><Blob><Name>a/&lt;b&gt;</Name><Properties><Content-Length>7</Content-Length>"
        "<Last-Modified>Fri, 24 May 2013 00:00:00 GMT</Last-Modified></Properties></Blob></Blobs>"
        "<NextMarker /></EnumerationResults>";
    BlobEntries entries = {};
    char *next;
    ck_assert_int_eq(azure_parse_list(page, strlen(page), &entries, &next), 0);
    ck_assert_ptr_null(next);
    ck_assert_uint_eq(entries.count, 1);
    ck_assert_str_eq(entries.items[0].uri, "kestra:///a/<b>");
    ck_assert_int_eq(entries.items[0].size_bytes, 7);
    char date[REMOTE_DATE_BYTES];
    remote_format_date(entries.items[0].modified, date);
    ck_assert_str_eq(date, "Fri, 24 May 2013 00:00:00 GMT");
    blob_entries_done(&entries);
}
END_TEST

START_TEST(test_gcs_list)
{
    const char *page =
        "{\"nextPageToken\":\"n\",\"items\":[{\"name\":\"a/b\",\"size\":\"12\",\"updated\":\"2024-05-01T10:00:00Z\"}]}";
    BlobEntries entries = {};
    char *next;
    ck_assert_int_eq(gcs_parse_list(page, strlen(page), &entries, &next), 0);
    ck_assert_str_eq(next, "n");
    free(next);
    ck_assert_uint_eq(entries.count, 1);
    ck_assert_int_eq(entries.items[0].size_bytes, 12);
    blob_entries_done(&entries);
}
END_TEST

#define PART(status) "--b\r\nContent-Type: application/http\r\n\r\nHTTP/1.1 " status "\r\nServer: HTTP/1.1 200\r\n\r\n"
static const struct {
    const char *text;
    size_t gone;
} batches[] = {
    {"", 0},
    {PART("202 Accepted") PART("404 The specified blob does not exist.") "--b--\r\n", 2},
    {PART("202 Accepted") PART("412 HTTP/1.1 202") PART("403 Forbidden") "--b--\r\n",
     1}, /* words elsewhere count for nothing */
    {"HTTP/ceHTTP/ 204\nHTTP/1.1 20\nHTTP/1.1\nHTTP/", 1},
    {"HTTP/1.1 204", 1},
};

START_TEST(test_batch)
{
    ck_assert_uint_eq(remote_batch_gone(batches[_i].text), batches[_i].gone);
}
END_TEST

#define ERROR(key, code) "<Error><Key>" key "</Key><Code>" code "</Code><Message>m</Message></Error>"
static const struct {
    const char *text, *key, *code; /* code NULL: all are gone */
} deletions[] = {
    {"", NULL, NULL},
    {"<DeleteResult/>", NULL, NULL},
    {"<DeleteResult><Deleted><Key>a</Key></Deleted>" ERROR("b", "NoSuchKey") "</DeleteResult>", NULL, NULL},
    {"<DeleteResult>" ERROR("a", "NoSuchKey") ERROR("b", "AccessDenied") ERROR("c", "Busy") "</DeleteResult>", "b",
     "AccessDenied"},
    {"<DeleteResult>" ERROR("a", "NoSuchKey") "<Error><Code>InternalError</Code></Error></DeleteResult>", NULL,
     "InternalError"},
    {"<DeleteResult>" ERROR("b", "AccessDenied"), "b", "AccessDenied"}, /* cut off: what came counts */
};

START_TEST(test_deletion)
{
    _cleanup_free_ char *key = NULL, *code = NULL;
    const char *text = deletions[_i].text;
    ck_assert_int_eq(s3_parse_deletion(text, strlen(text), &key, &code), deletions[_i].code != NULL);
    ck_assert_pstr_eq(key, deletions[_i].key);
    ck_assert_pstr_eq(code, deletions[_i].code);
}
END_TEST

START_TEST(test_encode)
{
    _cleanup_buffer_ Buffer text = {};
    remote_encode(&text, "a/b c+\xc3\xa4~", true);
    ck_assert_str_eq(text.text, "a/b%20c%2B%C3%A4~");
    remote_decode(text.text);
    ck_assert_str_eq(text.text, "a/b c+\xc3\xa4~");
    RemoteHeaders headers = {};
    remote_add_header(&headers, "x: %s", "1\r\ny: 2");
    ck_assert_str_eq(headers.items[0], "x: 1  y: 2"); /* a value brings no header along */
    remote_drop_header(&headers, "x");
    ck_assert_uint_eq(headers.count, 0);
    vec_free(&headers);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("remote");
    TCase *tests = tcase_create("remote");
    tcase_add_loop_test(tests, test_s3_signature, 0, ELEMENTS(signatures));
    tcase_add_test(tests, test_azure_string_to_sign);
    tcase_add_test(tests, test_jwt);
    tcase_add_loop_test(tests, test_wrong_service_account, 0, ELEMENTS(wrong_keys));
    tcase_add_test(tests, test_crc32c);
    tcase_add_test(tests, test_digest);
    tcase_add_test(tests, test_s3_list);
    tcase_add_loop_test(tests, test_wrong_list, 0, ELEMENTS(wrong_lists));
    tcase_add_test(tests, test_azure_list);
    tcase_add_test(tests, test_gcs_list);
    tcase_add_loop_test(tests, test_deletion, 0, ELEMENTS(deletions));
    tcase_add_loop_test(tests, test_batch, 0, ELEMENTS(batches));
    tcase_add_test(tests, test_encode);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
