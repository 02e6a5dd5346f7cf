/* SPDX-License-Identifier: Apache-2.0 */
/*
 * yescrypt is slow on purpose, and a browser sends the credentials with every request. So the credentials that passed
 * last are remembered as a keyed hash together with the stored hash they passed against: a changed password is never
 * outlived by the memory, and nothing in this process can be turned back into a password.
 *
 * The row is read again after a second, because another webserver may have changed it.
 *
 * Failures are counted by address and name in a small table of leaky buckets (some may share one): after a burst each
 * further attempt waits before it is hashed, twice as long as the one before, up to DELAY_MAX. Nobody is refused, so
 * nobody can be locked out; who guesses is slow, and one attempt is hashed at a time (login_queue.c). Remembered
 * credentials pass at once.
 */
#include "web/auth.h"

#include <crypt.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <pthread.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "store/setting_store.h"

#define SETTING_KEY    "kestra.server.basic-auth"
#define FIRST_USERNAME "admin"
#define ROW_BELIEVED   (1 * USEC_PER_SEC)
#define LENGTH_MAX     256
#define BUCKETS        256
#define BURST          10
#define FAILURES_MAX   20
#define DELAY_FIRST    (100 * USEC_PER_MSEC)
#define DELAY_MAX      (1600 * USEC_PER_MSEC)
#define LEAK_EVERY     (2 * USEC_PER_SEC)
#define DIGEST_BYTES   32

typedef struct Bucket {
    unsigned failures;
    usec_t leaked;
} Bucket;

struct Auth {
    const WebSettings *settings;
    pthread_mutex_t lock;
    char *username, *hash; /* of the row; NULL: nobody can log in */
    usec_t read;           /* when the row was read; 0: never */
    unsigned char key[DIGEST_BYTES], passed[DIGEST_BYTES];
    bool has_passed;
    Bucket buckets[BUCKETS];
};

Auth *auth_new(const WebSettings *settings)
{
    Auth *auth = xnew(Auth);
    auth->settings = settings;
    pthread_mutex_init(&auth->lock, NULL);
    for (size_t i = 0; i < sizeof(auth->key); i += sizeof(uint64_t)) {
        uint64_t bits = random_bits();
        memcpy(auth->key + i, &bits, sizeof(bits));
    }
    return auth;
}

Auth *auth_free(Auth *auth)
{
    if (!auth)
        return NULL;
    pthread_mutex_destroy(&auth->lock);
    free(auth->username);
    free(auth->hash);
    OPENSSL_cleanse(auth, sizeof(*auth));
    free(auth);
    return NULL;
}

bool auth_is_enabled(const Auth *auth)
{
    return !auth->settings->auth_disabled;
}

const char *auth_realm(const Auth *auth)
{
    return auth->settings->auth_realm ? auth->settings->auth_realm : "Kestra";
}

/* NULL when the system cannot hash. Caller frees. */
static char *hash_password(const char *password, const char *setting)
{
    struct crypt_data *data = xnew(struct crypt_data);
    const char *hash = crypt_r(password, setting, data);
    char *copy = hash && hash[0] != '*' ? xstrdup(hash) : NULL;
    OPENSSL_cleanse(data, sizeof(*data));
    free(data);
    return copy;
}

static char *new_hash(const char *password)
{
    char setting[CRYPT_GENSALT_OUTPUT_SIZE];
    if (!crypt_gensalt_rn("$y$", 0, NULL, 0, setting, sizeof(setting)))
        return NULL;
    return hash_password(password, setting);
}

static bool password_fits(const char *password, const char *hash)
{
    _cleanup_free_ char *computed = hash_password(password, hash);
    size_t length = strlen(hash);
    return computed && strlen(computed) == length && CRYPTO_memcmp(computed, hash, length) == 0;
}

/* Called with the lock held. */
static void take_row(Auth *auth, const json_t *row)
{
    free(auth->username);
    free(auth->hash);
    bool usable = row && json_get_boolean(row, "enabled", true);
    auth->username = usable ? xstrdup_null(json_get_text(row, "username", NULL)) : NULL;
    auth->hash = usable ? xstrdup_null(json_get_text(row, "password", NULL)) : NULL;
    auth->read = clock_monotonic();
}

static json_t *new_row(const Auth *auth, const char *username, const char *hash)
{
    json_t *row = json_object();
    json_object_set_new(row, "enabled", json_true());
    json_set_text(row, "username", username);
    json_set_text(row, "password", hash);
    json_set_text(row, "realm", auth_realm(auth));
    json_object_set_new(row, "openUrls", json_array());
    return row;
}

/* The row, at most ROW_BELIEVED old. Copies for the caller, NULL when there is nobody. */
static int current_row(Auth *auth, Pg *pg, char **ret_username, char **ret_hash)
{
    pthread_mutex_lock(&auth->lock);
    bool fresh = auth->read != 0 && clock_monotonic() - auth->read < ROW_BELIEVED;
    pthread_mutex_unlock(&auth->lock);
    _cleanup_json_ json_t *row = NULL;
    int r = fresh ? 0 : store_setting_get(pg, SETTING_KEY, &row);
    if (r < 0)
        return trace(r);
    pthread_mutex_lock(&auth->lock);
    if (!fresh)
        take_row(auth, row);
    *ret_username = xstrdup_null(auth->username);
    *ret_hash = xstrdup_null(auth->hash);
    pthread_mutex_unlock(&auth->lock);
    return 0;
}

static int store_row(Auth *auth, Pg *pg, const char *username, const char *password)
{
    _cleanup_free_ char *hash = new_hash(password);
    if (!hash)
        return outage(-ENOTSUP);
    _cleanup_json_ json_t *row = new_row(auth, username, hash);
    int r = store_setting_set(pg, SETTING_KEY, row);
    if (r < 0)
        return trace(r);
    pthread_mutex_lock(&auth->lock);
    take_row(auth, row);
    pthread_mutex_unlock(&auth->lock);
    return fold(r);
}

/* Several webservers may start at once: the first to store wins, and only its password is shown. */
static int store_first(Auth *auth, Pg *pg, char **ret_password)
{
    const char *given = auth->settings->auth_password, *username = auth->settings->auth_username;
    char random[ID_BYTES];
    id_new(random);
    _cleanup_free_ char *hash = new_hash(given ? given : random);
    if (!hash)
        return outage(-ENOTSUP);
    _cleanup_json_ json_t *row = new_row(auth, username ? username : FIRST_USERNAME, hash), *stored = NULL;
    int r = store_setting_get_or_set(pg, SETTING_KEY, row, &stored);
    if (r != 0)
        return fold(r);
    if (!given && streq(json_get_text(stored, "password", ""), hash))
        *ret_password = xstrdup(random);
    pthread_mutex_lock(&auth->lock);
    take_row(auth, stored);
    pthread_mutex_unlock(&auth->lock);
    OPENSSL_cleanse(random, sizeof(random));
    return 0;
}

int auth_prepare(Auth *auth, Pg *pg, char **ret_password)
{
    _cleanup_free_ char *username = NULL, *hash = NULL;
    *ret_password = NULL;
    if (!auth_is_enabled(auth))
        return 0;
    int r = current_row(auth, pg, &username, &hash);
    if (r < 0)
        return trace(r);
    return hash ? 0 : store_first(auth, pg, ret_password);
}

/* --- one request --- */

/* "user:password" of an Authorization header, or NULL. Caller frees. */
static char *credentials_of(const HttpRequest *request)
{
    const char *header = http_header(request, "Authorization");
    if (!header || strncasecmp(header, "Basic ", 6) != 0)
        return NULL;
    const char *encoded = header + 6 + strspn(header + 6, " ");
    size_t length = strcspn(encoded, " \t\r\n");
    if (length == 0 || length % 4 != 0 || length > 2 * LENGTH_MAX * 2)
        return NULL;
    char *text = xnew_n(char, length);
    int decoded = EVP_DecodeBlock((unsigned char *)text, (const unsigned char *)encoded, (int)length);
    for (size_t i = length; decoded > 0 && i > 0 && encoded[i - 1] == '='; i--)
        decoded--;
    if (decoded <= 0 || memchr(text, 0, (size_t)decoded)) {
        free(text);
        return NULL;
    }
    text[decoded] = '\0';
    return text;
}

static void digest_of(const Auth *auth, const char *credentials, const char *hash,
                      unsigned char ret[static DIGEST_BYTES])
{
    _cleanup_free_ char *both = xasprintf("%s\n%s", credentials, hash);
    unsigned length = DIGEST_BYTES;
    HMAC(EVP_sha256(), auth->key, sizeof(auth->key), (const unsigned char *)both, strlen(both), ret, &length);
    OPENSSL_cleanse(both, strlen(both));
}

/* By address and name: who guesses one name, or from one place, slows down nobody else. */
static Bucket *bucket_of(Auth *auth, const char *peer, const char *credentials)
{
    uint32_t sum = 2166136261U;
    for (; *peer; peer++)
        sum = (sum ^ (unsigned char)*peer) * 16777619U;
    for (; *credentials && *credentials != ':'; credentials++)
        sum = (sum ^ (unsigned char)*credentials) * 16777619U;
    return &auth->buckets[sum % BUCKETS];
}

/* Called with the lock held. */
static usec_t delay_of(Bucket *bucket)
{
    usec_t now = clock_monotonic();
    usec_t leaks = bucket->leaked ? (now - bucket->leaked) / LEAK_EVERY : BURST;
    if (leaks > 0) {
        bucket->failures -= (unsigned)MIN(leaks, (usec_t)bucket->failures);
        bucket->leaked = now;
    }
    if (bucket->failures < BURST)
        return 0;
    usec_t delay = DELAY_FIRST << (bucket->failures - BURST); /* of FAILURES_MAX at most */
    return MIN(delay, (usec_t)DELAY_MAX);
}

static bool names_match(const char *credentials, const char *username)
{
    size_t length = strlen(username);
    const char *colon = strchr(credentials, ':');
    return colon && (size_t)(colon - credentials) == length && CRYPTO_memcmp(credentials, username, length) == 0;
}

static int check_credentials(Auth *auth, const HttpRequest *request, const char *credentials, const char *username,
                             const char *hash, AuthTurn *turn)
{
    unsigned char digest[DIGEST_BYTES];
    digest_of(auth, credentials, hash, digest);
    pthread_mutex_lock(&auth->lock);
    Bucket *bucket = bucket_of(auth, request->peer, credentials);
    bool passed = auth->has_passed && CRYPTO_memcmp(digest, auth->passed, sizeof(digest)) == 0;
    turn->delay = passed ? 0 : delay_of(bucket);
    pthread_mutex_unlock(&auth->lock);
    if (passed)
        return 0;
    if (!turn->may_hash)
        return AUTH_E_HASH;
    const char *colon = strchr(credentials, ':');
    /* The hash is computed for a wrong name too, so that the time does not tell which half was wrong. */
    bool right = password_fits(colon ? colon + 1 : "", hash);
    right &= names_match(credentials, username);
    pthread_mutex_lock(&auth->lock);
    if (right) {
        memcpy(auth->passed, digest, sizeof(digest));
        auth->has_passed = true;
        bucket->failures = 0;
    } else {
        bucket->failures += bucket->failures < FAILURES_MAX;
    }
    pthread_mutex_unlock(&auth->lock);
    if (!right)
        log_event(LOGIN_REFUSED, "Login from %s was refused", request->peer);
    return right ? 0 : AUTH_E_DENIED;
}

int auth_check(Auth *auth, Pg *pg, const HttpRequest *request, AuthTurn *turn)
{
    if (request->trusted || !auth_is_enabled(auth))
        return 0;
    char *credentials = credentials_of(request);
    if (!credentials)
        return AUTH_E_DENIED;
    _cleanup_free_ char *username = NULL, *hash = NULL;
    int r = current_row(auth, pg, &username, &hash);
    if (r == 0)
        r = username && hash ? check_credentials(auth, request, credentials, username, hash, turn) : AUTH_E_DENIED;
    OPENSSL_cleanse(credentials, strlen(credentials));
    free(credentials);
    return r;
}

static bool is_mail_address(const char *text)
{
    const char *at = strchr(text, '@');
    return at && at > text && at[1] && !strchr(at + 1, '@') && !strpbrk(text, " \t\r\n:<>\",;");
}

int auth_set(Auth *auth, Pg *pg, const char *username, const char *password, Diag *diag)
{
    _cleanup_free_ char *present = NULL, *hash = NULL;
    int r = current_row(auth, pg, &present, &hash);
    if (r < 0)
        return trace(r);
    if (!username)
        username = present ? present : FIRST_USERNAME;
    /* The name of the first start needs to be no address. */
    if ((!streq_null(username, present) && !is_mail_address(username)) || strlen(username) > LENGTH_MAX)
        diag_error(diag, "username", 0, 0,
                   "Invalid username for Basic Authentication. Please provide a valid email address.");
    if (!password || !*password || strlen(password) > LENGTH_MAX)
        diag_error(diag, "password", 0, 0,
                   "Invalid password for Basic Authentication. It must have 1 to %d characters.", LENGTH_MAX);
    if (diag->errors > 0)
        return AUTH_E_INVALID;
    return store_row(auth, pg, username, password);
}
