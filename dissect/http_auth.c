#include "dissect/http_auth.h"

#include <strings.h>

#include "capture/limits.h"
#include "dissect/base64.h"
#include "dissect/http_head.h"

#define SCHEME_MOST 32

/* IANA HTTP Authentication Schemes, and NTLM and Kerberos, which never registered. */
static const char *const known_schemes[] = {
    "basic", "bearer",       "digest",      "dpop",
    "gnap",  "hoba",         "mutual",      "negotiate",
    "oauth", "privatetoken", "scram-sha-1", "scram-sha-256",
    "vapid", "ntlm",         "kerberos",    "aws4-hmac-sha256",
};

static bool is_scheme_char(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
}

static struct bytes take_scheme(struct bytes *text)
{
    size_t len = 0;
    while (len < text->len && is_scheme_char(text->at[len])) {
        len++;
    }
    struct bytes scheme = bytes_slice(*text, 0, len);
    *text = bytes_from(*text, len);
    return scheme;
}

static bool is_known(struct bytes scheme)
{
    for (size_t i = 0; i < sizeof(known_schemes) / sizeof(known_schemes[0]); i++) {
        if (http_equal(scheme, known_schemes[i])) {
            return true;
        }
    }
    return false;
}

static bool has_token(struct bytes scheme)
{
    return http_equal(scheme, "ntlm") || http_equal(scheme, "negotiate") ||
           http_equal(scheme, "kerberos");
}

static void state_scheme(struct observation *o, enum fact_id id, struct bytes scheme)
{
    char lower[SCHEME_MOST];
    if (o == NULL || scheme.len == 0 || scheme.len > sizeof(lower)) {
        return;
    }
    for (size_t i = 0; i < scheme.len; i++) {
        uint8_t c = scheme.at[i];
        lower[i] = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    }
    observation_utf8(o, id, bytes_of(lower, scheme.len));
}

/* The end of a list element: a comma outside quotes, or the end of the text. */
static size_t element_size(struct bytes text)
{
    bool quoted = false;
    for (size_t i = 0; i < text.len; i++) {
        if (quoted && text.at[i] == '\\') {
            i++;
        } else if (text.at[i] == '"') {
            quoted = !quoted;
        } else if (text.at[i] == ',' && !quoted) {
            return i;
        }
    }
    return text.len;
}

static struct bytes take_element(struct bytes *text)
{
    size_t size = element_size(*text);
    struct bytes element = http_trim(bytes_slice(*text, 0, size));
    *text = bytes_from(*text, size + 1);
    return element;
}

/* RFC 7617 2 */
static void state_basic_user(struct observation *o, struct bytes credentials)
{
    uint8_t decoded[LIMIT_TEXT];
    size_t len = 0;
    credentials = http_trim(credentials);
    if (credentials.len > sizeof(decoded) ||
        !base64_decode(credentials, decoded, sizeof(decoded), &len)) {
        return;
    }
    const uint8_t *colon = len == 0 ? NULL : memchr(decoded, ':', len);
    if (colon != NULL) {
        observation_utf8(o, FACT_HTTP_USER, bytes_of(decoded, (size_t)(colon - decoded)));
    }
}

/* RFC 9110 5.6.4: a quoted string, or a token. */
static void state_quoted(struct observation *o, enum fact_id id, struct bytes value)
{
    uint8_t plain[LIMIT_TEXT];
    size_t len = 0;
    bool quoted = value.len > 0 && value.at[0] == '"';
    for (size_t i = quoted ? 1 : 0; i < value.len && len < sizeof(plain); i++) {
        if (quoted && value.at[i] == '"') {
            break;
        }
        if (quoted && value.at[i] == '\\' && i + 1 < value.len) {
            i++;
        }
        plain[len++] = value.at[i];
    }
    observation_utf8(o, id, bytes_of(plain, len));
}

/* RFC 7616 3.4 */
static void state_digest_user(struct observation *o, struct bytes parameters)
{
    while (parameters.len > 0) {
        struct bytes element = take_element(&parameters);
        struct bytes name = take_scheme(&element);
        element = http_trim(element);
        if (http_equal(name, "username") && element.len > 0 && element.at[0] == '=') {
            state_quoted(o, FACT_HTTP_USER, http_trim(bytes_from(element, 1)));
            return;
        }
    }
}

struct bytes http_auth_credentials(struct observation *o, struct bytes field)
{
    struct bytes rest = field;
    struct bytes scheme = take_scheme(&rest);
    bool blank = rest.len > 0 && (rest.at[0] == ' ' || rest.at[0] == '\t');
    /* A field without a scheme may hold a bare secret, so a word alone is stated only when it is a
     * known name. */
    if (scheme.len > SCHEME_MOST || !(blank || (rest.len == 0 && is_known(scheme)))) {
        if (o != NULL) {
            observation_string(o, FACT_HTTP_AUTH, "unknown");
        }
        return (struct bytes){0};
    }
    state_scheme(o, FACT_HTTP_AUTH, scheme);
    if (o != NULL && http_equal(scheme, "basic")) {
        state_basic_user(o, rest);
    } else if (o != NULL && http_equal(scheme, "digest")) {
        state_digest_user(o, rest);
    }
    return has_token(scheme) ? http_trim(rest) : (struct bytes){0};
}

/* RFC 9110 11.6.1: elements of one list are schemes, with or without a first parameter, and
 * parameters. */
struct bytes http_auth_challenge(struct observation *o, struct bytes field)
{
    struct bytes token = {0};
    while (field.len > 0) {
        struct bytes element = take_element(&field);
        struct bytes scheme = take_scheme(&element);
        element = http_trim(element);
        if (scheme.len == 0 || (element.len > 0 && element.at[0] == '=')) {
            continue;
        }
        state_scheme(o, FACT_HTTP_AUTH_OFFERED, scheme);
        if (token.len == 0 && has_token(scheme)) {
            token = element;
        }
    }
    return token;
}
