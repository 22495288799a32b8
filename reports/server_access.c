#include "reports/server_access.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture/limits.h"
#include "dissect/base64.h"

#define FILE_OCTETS_MOST (1u << 20) /* chains of certificates have some kilobytes */
#define WINDOW_SECONDS 60

static int refuse(char error[SERVER_ERROR], int code, const char *format, ...) PRINTF_LIKE(3, 4);

static int refuse(char error[SERVER_ERROR], int code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(error, SERVER_ERROR, format, args);
    va_end(args);
    return code;
}

/* ---- where ---- */

static bool parse_port(const char *text, in_port_t *ret)
{
    unsigned long port = 0;
    size_t len = strlen(text);
    if (len == 0 || len > 5 || text[strspn(text, "0123456789")] != '\0' ||
        (port = strtoul(text, NULL, 10)) > UINT16_MAX) {
        return false;
    }
    *ret = htons((uint16_t)port);
    return true;
}

bool access_place(const char *text, struct server_place *ret)
{
    char host[INET6_ADDRSTRLEN] = "";
    const char *colon = strrchr(text, ':');
    bool bracketed = *text == '[';
    const char *end = bracketed ? strchr(text, ']') : colon;
    text += bracketed;
    *ret = (struct server_place){0};
    if (colon == NULL || end == NULL || (bracketed && end + 1 != colon) || end <= text ||
        (size_t)(end - text) >= sizeof host) {
        return false;
    }
    memcpy(host, text, (size_t)(end - text));
    if (bracketed) {
        struct sockaddr_in6 *six = (struct sockaddr_in6 *)&ret->at;
        six->sin6_family = AF_INET6;
        ret->len = sizeof *six;
        bool good = inet_pton(AF_INET6, host, &six->sin6_addr) == 1;
        ret->loopback = good && IN6_IS_ADDR_LOOPBACK(&six->sin6_addr);
        return good && parse_port(colon + 1, &six->sin6_port);
    }
    struct sockaddr_in *four = (struct sockaddr_in *)&ret->at;
    four->sin_family = AF_INET;
    ret->len = sizeof *four;
    bool good = inet_pton(AF_INET, strcmp(host, "localhost") == 0 ? "127.0.0.1" : host,
                          &four->sin_addr) == 1;
    ret->loopback = good && ntohl(four->sin_addr.s_addr) >> 24 == 127;
    return good && parse_port(colon + 1, &four->sin_port);
}

/* ---- files ---- */

/* The file as text; one that holds a secret must not be readable by everybody. */
static int read_file(const char *option, const char *path, bool secret, char error[SERVER_ERROR],
                     char **ret)
{
    struct stat about;
    FILE *f = fopen(path, "re");
    if (f == NULL || fstat(fileno(f), &about) != 0) {
        int code = -errno;
        if (f != NULL) {
            (void)fclose(f);
        }
        return refuse(error, code, "%s %s: cannot read: %s", option, path, strerror(-code));
    }
    int status = 0;
    char *text = NULL;
    size_t len = 0;
    if (secret && S_ISREG(about.st_mode) && (about.st_mode & S_IROTH) != 0) {
        status = refuse(error, -EPERM, "%s %s: everybody can read it; 'chmod o-r %s' mends it",
                        option, path, path);
    } else if ((text = calloc(1, FILE_OCTETS_MOST + 1)) == NULL) {
        status = refuse(error, -ENOMEM, "out of memory");
    } else if ((len = fread(text, 1, FILE_OCTETS_MOST + 1, f)) > FILE_OCTETS_MOST || ferror(f)) {
        status = refuse(error, -EFBIG, "%s %s: too large, or cannot be read", option, path);
    }
    (void)fclose(f);
    if (status < 0) {
        free(text);
        return status;
    }
    text[len] = '\0';
    *ret = text;
    return 0;
}

static void wipe(char *text)
{
    if (text != NULL) {
        OPENSSL_cleanse(text, strlen(text));
        free(text);
    }
}

static bool digest(struct bytes octets, uint8_t ret[ACCESS_DIGEST])
{
    return EVP_Digest(octets.at, octets.len, ret, NULL, EVP_sha256(), NULL) == 1;
}

static int read_token(const char *path, char error[SERVER_ERROR], struct server_access *a)
{
    char *text = NULL;
    int failed = read_file("--token-file", path, true, error, &text);
    if (failed < 0) {
        return failed;
    }
    size_t len = strcspn(text, "\r\n");
    bool one_line = text[len + strspn(text + len, "\r\n")] == '\0';
    if (len < ACCESS_TOKEN_LEAST || !one_line || strcspn(text, " \t") < len) {
        failed = refuse(error, -EINVAL,
                        "--token-file %s: expected one line of %d characters or more without "
                        "spaces; 'openssl rand -hex 32' makes a good one",
                        path, ACCESS_TOKEN_LEAST);
    } else if (!digest(bytes_of(text, len), a->token)) {
        failed = refuse(error, -EIO, "--token-file %s: no SHA-256 here", path);
    }
    wipe(text);
    a->has_token = failed == 0;
    return failed;
}

/* A key with a pass phrase is refused, not asked for. */
static int no_phrase(char *buffer, int size, int writing, void *user)
{
    (void)buffer;
    (void)size;
    (void)writing;
    (void)user;
    return -1;
}

static int read_certificate(const struct server_options *o, char error[SERVER_ERROR],
                            struct server_access *a)
{
    int failed = read_file("--certificate", o->certificate_file, false, error, &a->certificate);
    failed = failed < 0 ? failed : read_file("--key", o->key_file, true, error, &a->key);
    if (failed < 0) {
        return failed;
    }
    BIO *certificate = BIO_new_mem_buf(a->certificate, -1), *text = BIO_new_mem_buf(a->key, -1);
    EVP_PKEY *key = text == NULL ? NULL : PEM_read_bio_PrivateKey(text, NULL, no_phrase, NULL);
    a->names = certificate == NULL ? NULL : PEM_read_bio_X509(certificate, NULL, no_phrase, NULL);
    if (a->names == NULL) {
        failed = refuse(error, -EINVAL, "--certificate %s: holds no certificate in PEM form",
                        o->certificate_file);
    } else if (key == NULL) {
        failed = refuse(error, -EINVAL,
                        "--key %s: holds no private key in PEM form without a "
                        "pass phrase",
                        o->key_file);
    } else if (X509_check_private_key(a->names, key) != 1) {
        failed = refuse(error, -EINVAL, "--key %s: is not the key of the certificate in %s",
                        o->key_file, o->certificate_file);
    }
    EVP_PKEY_free(key);
    BIO_free(certificate);
    BIO_free(text);
    return failed;
}

static int check_options(const struct server_options *o, char error[SERVER_ERROR],
                         struct server_access *a)
{
    if (!access_place(o->listen, &a->place)) {
        return refuse(error, -EINVAL,
                      "--listen %s: expected ADDRESS:PORT, such as 127.0.0.1:8080 or [::1]:8080",
                      o->listen);
    }
    if ((o->certificate_file == NULL) != (o->key_file == NULL)) {
        return refuse(error, -EINVAL, "--certificate and --key belong together: add --%s FILE",
                      o->key_file == NULL ? "key" : "certificate");
    }
    if (!a->place.loopback && (o->certificate_file == NULL || o->token_file == NULL)) {
        return refuse(error, -EPERM,
                      "--listen %s: others could read the report there; add --token-file, "
                      "--certificate and --key, or listen on 127.0.0.1",
                      o->listen);
    }
    return 0;
}

int access_open(const struct server_options *o, const char *style, char error[SERVER_ERROR],
                struct server_access *ret)
{
    uint8_t octets[ACCESS_DIGEST];
    int failed = check_options(o, error, ret);
    if (failed == 0 && o->token_file != NULL) {
        failed = read_token(o->token_file, error, ret);
    }
    if (failed == 0 && o->certificate_file != NULL) {
        failed = read_certificate(o, error, ret);
    }
    if (failed == 0 && (RAND_bytes(ret->session_key, sizeof ret->session_key) != 1 ||
                        !digest(bytes_text(style), octets))) {
        failed = refuse(error, -EIO, "--listen %s: the system gives no random numbers", o->listen);
    }
    if (failed == 0) {
        const struct sockaddr_in *four = (const struct sockaddr_in *)&ret->place.at;
        (void)snprintf(ret->cookie_name, sizeof ret->cookie_name, "%srolecall-%u",
                       ret->certificate == NULL ? "" : "__Host-", ntohs(four->sin_port));
        base64_encode(bytes_of(octets, sizeof octets), ret->style);
    }
    return failed;
}

void access_close(struct server_access *a)
{
    wipe(a->certificate);
    wipe(a->key);
    X509_free(a->names);
    OPENSSL_cleanse(a->session_key, sizeof a->session_key);
}

/* ---- names ---- */

/* An address in digits cannot have been made to point here by somebody's name server; a name only
 * counts where the certificate proves it, or on this machine. */
bool access_host(const struct server_access *a, const char *host)
{
    char name[256];
    uint8_t address[16];
    in_port_t port = 0;
    bool bracketed = *host == '[';
    host += bracketed;
    size_t len = strcspn(host, bracketed ? "]" : ":");
    const char *after = host + len;
    if (len == 0 || len >= sizeof name || (bracketed && *after++ != ']') ||
        (*after != '\0' && (*after != ':' || !parse_port(after + 1, &port)))) {
        return false;
    }
    memcpy(name, host, len);
    name[len] = '\0';
    if (inet_pton(bracketed ? AF_INET6 : AF_INET, name, address) == 1) {
        return true;
    }
    if (bracketed) {
        return false;
    }
    return (a->place.loopback && strcasecmp(name, "localhost") == 0) ||
           (a->names != NULL && X509_check_host(a->names, name, len, 0, NULL) == 1);
}

/* ---- tokens ---- */

static bool is_token(const struct server_access *a, struct bytes given)
{
    uint8_t octets[ACCESS_DIGEST];
    return digest(given, octets) && CRYPTO_memcmp(octets, a->token, sizeof octets) == 0;
}

bool access_bearer(const struct server_access *a, const char *authorization)
{
    static const char scheme[] = "Bearer ";
    if (authorization == NULL || strncasecmp(authorization, scheme, sizeof scheme - 1) != 0) {
        return false;
    }
    authorization += sizeof scheme - 1;
    return is_token(a, bytes_text(authorization + strspn(authorization, " ")));
}

static int hex_value(char c)
{
    return isdigit((unsigned char)c)    ? c - '0'
           : isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10
                                        : -1;
}

/* application/x-www-form-urlencoded, of the one field. */
bool access_form(const struct server_access *a, struct bytes body)
{
    static const char field[] = "token=";
    uint8_t value[LIMIT_WEB_FORM];
    size_t len = 0;
    if (body.len < sizeof field - 1 || body.len > sizeof value ||
        memcmp(body.at, field, sizeof field - 1) != 0) {
        return false;
    }
    for (size_t i = sizeof field - 1; i < body.len && body.at[i] != '&'; i++) {
        int high = 0, low = 0;
        if (body.at[i] != '%') {
            value[len++] = body.at[i] == '+' ? ' ' : body.at[i];
        } else if (i + 2 < body.len && (high = hex_value((char)body.at[i + 1])) >= 0 &&
                   (low = hex_value((char)body.at[i + 2])) >= 0) {
            value[len++] = (uint8_t)(high << 4 | low);
            i += 2;
        } else {
            return false;
        }
    }
    return is_token(a, bytes_of(value, len));
}

/* ---- cookies ---- */

static bool sign(const struct server_access *a, const char *what, char ret[ACCESS_DIGEST * 2 + 1])
{
    uint8_t code[ACCESS_DIGEST];
    if (HMAC(EVP_sha256(), a->session_key, sizeof a->session_key, (const uint8_t *)what,
             strlen(what), code, NULL) == NULL) {
        return false;
    }
    for (size_t i = 0; i < sizeof code; i++) {
        (void)snprintf(ret + 2 * i, 3, "%02x", code[i]);
    }
    return true;
}

static bool is_session(const struct server_access *a, struct bytes value, time_t now)
{
    char end[24], code[ACCESS_DIGEST * 2 + 1];
    const uint8_t *dot = value.len == 0 ? NULL : memchr(value.at, '.', value.len);
    size_t len = dot == NULL ? 0 : (size_t)(dot - value.at);
    if (len == 0 || len >= sizeof end || value.len - len - 1 != sizeof code - 1) {
        return false;
    }
    memcpy(end, value.at, len);
    end[len] = '\0';
    return sign(a, end, code) && CRYPTO_memcmp(code, dot + 1, sizeof code - 1) == 0 &&
           strtoll(end, NULL, 10) > now;
}

bool access_cookie(const struct server_access *a, const char *cookies, time_t now)
{
    size_t name = strlen(a->cookie_name);
    while (cookies != NULL && *cookies != '\0') {
        cookies += strspn(cookies, "; ");
        size_t len = strcspn(cookies, ";");
        if (len > name && cookies[name] == '=' && strncmp(cookies, a->cookie_name, name) == 0) {
            return is_session(a, bytes_of(cookies + name + 1, len - name - 1), now);
        }
        cookies += len;
    }
    return false;
}

void access_make_cookie(const struct server_access *a, time_t now, char ret[ACCESS_COOKIE])
{
    char end[24], code[ACCESS_DIGEST * 2 + 1] = "";
    (void)snprintf(end, sizeof end, "%lld", (long long)now + LIMIT_WEB_SESSION_SECONDS);
    (void)sign(a, end, code); /* without a code it opens nothing */
    (void)snprintf(ret, ACCESS_COOKIE, "%s=%s.%s; Path=/; Max-Age=%d; HttpOnly; SameSite=Lax%s",
                   a->cookie_name, end, code, LIMIT_WEB_SESSION_SECONDS,
                   a->certificate == NULL ? "" : "; Secure");
}

/* ---- wrong ones ---- */

static const struct access_failure *failure_of(const struct access_failures *f,
                                               const uint8_t address[16])
{
    for (size_t i = 0; i < sizeof f->rows / sizeof *f->rows; i++) {
        if (f->rows[i].count > 0 && memcmp(f->rows[i].address, address, 16) == 0) {
            return &f->rows[i];
        }
    }
    return NULL;
}

bool access_must_wait(const struct access_failures *f, const uint8_t address[16], time_t now)
{
    const struct access_failure *row = failure_of(f, address);
    return row != NULL && row->count >= LIMIT_WEB_WRONG_TOKENS && now - row->since < WINDOW_SECONDS;
}

void access_failed(struct access_failures *f, const uint8_t address[16], time_t now)
{
    struct access_failure *row = (struct access_failure *)failure_of(f, address);
    if (row == NULL) { /* the oldest makes room */
        row = &f->rows[0];
        for (size_t i = 1; i < sizeof f->rows / sizeof *f->rows; i++) {
            row = f->rows[i].since < row->since ? &f->rows[i] : row;
        }
        row->count = 0;
    }
    if (row->count == 0 || now - row->since >= WINDOW_SECONDS) {
        memcpy(row->address, address, sizeof row->address);
        row->since = now;
        row->count = 0;
    }
    row->count++;
}
