#include "dissect/http_head.h"

#include <strings.h>

/* ---- characters ---- */

/* RFC 9110 5.6.2 */
static bool is_token_char(uint8_t c)
{
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')) {
        return true;
    }
    return c != 0 && strchr("!#$%&'*+-.^_`|~", c) != NULL;
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool http_equal(struct bytes text, const char *word)
{
    size_t len = strlen(word);
    return text.len == len && strncasecmp((const char *)text.at, word, len) == 0;
}

struct bytes http_trim(struct bytes text)
{
    while (text.len > 0 && is_blank(text.at[0])) {
        text = bytes_from(text, 1);
    }
    while (text.len > 0 && is_blank(text.at[text.len - 1])) {
        text.len--;
    }
    return text;
}

/* The octets before the first `c`; all of them when there is none. */
static struct bytes before(struct bytes text, char c)
{
    const uint8_t *at = text.len == 0 ? NULL : memchr(text.at, c, text.len);
    return at == NULL ? text : bytes_of(text.at, (size_t)(at - text.at));
}

/* The next line without its end; `text` moves past it. */
static struct bytes take_line(struct bytes *text)
{
    struct bytes line = before(*text, '\n');
    *text = bytes_from(*text, line.len + 1);
    if (line.len > 0 && line.at[line.len - 1] == '\r') {
        line.len--;
    }
    return line;
}

/* ---- the first line ---- */

/* RFC 9112 2.3 */
static bool is_version(struct bytes text)
{
    return text.len == 8 && bytes_has_prefix(text, "HTTP/", 5) && is_digit(text.at[5]) &&
           text.at[6] == '.' && is_digit(text.at[7]);
}

/* RFC 9112 4 */
static bool read_status_line(struct bytes line, struct http_head *head)
{
    head->version = bytes_slice(line, 0, 8);
    if (!is_version(head->version) || line.len < 12 || line.at[8] != ' ') {
        return false;
    }
    if (line.len > 12 && line.at[12] != ' ') {
        return false;
    }
    head->status = 0;
    for (size_t i = 9; i < 12; i++) {
        if (!is_digit(line.at[i])) {
            return false;
        }
        head->status = head->status * 10 + (unsigned)(line.at[i] - '0');
    }
    return head->status >= 100;
}

/* RFC 9112 3. A target with spaces in it ends at the last one. */
static bool read_request_line(struct bytes line, struct http_head *head)
{
    head->method = before(line, ' ');
    for (size_t i = 0; i < head->method.len; i++) {
        if (!is_token_char(head->method.at[i])) {
            return false;
        }
    }
    line = http_trim(line);
    if (head->method.len == 0 || line.len < head->method.len + 8 + 2) {
        return false;
    }
    head->version = bytes_slice(line, line.len - 8, 8);
    size_t start = head->method.len + 1, end = line.len - 9;
    if (!is_version(head->version) || line.at[end] != ' ' || end <= start) {
        return false;
    }
    head->target = http_trim(bytes_slice(line, start, end - start));
    return head->target.len > 0;
}

/* ---- the fields ---- */

/* The fields that matter by their length: at most two are equally long. */
static const struct {
    const char *name;
    enum http_field id;
} fields_by_length[][2] = {
#define FIELD(id, text)                                                                            \
    {                                                                                              \
        text, HTTP_FIELD_##id                                                                      \
    }
#define ONE(id, text) [sizeof(text) - 1] = {FIELD(id, text)}
    ONE(HOST, "Host"),
    ONE(SERVER, "Server"),
    ONE(UPGRADE, "Upgrade"),
    ONE(LOCATION, "Location"),
    [10] = {FIELD(USER_AGENT, "User-Agent"), FIELD(SOAP_ACTION, "SOAPAction")},
    [11] = {FIELD(CCM_CLIENT_ID, "CCMClientID"), FIELD(CLIENT_TOKEN, "ClientToken")},
    ONE(CONTENT_TYPE, "Content-Type"),
    ONE(AUTHORIZATION, "Authorization"),
    ONE(CONTENT_LENGTH, "Content-Length"),
    [16] = {FIELD(WWW_AUTHENTICATE, "WWW-Authenticate"),
            FIELD(BITS_PACKET_TYPE, "BITS-Packet-Type")},
    ONE(TRANSFER_ENCODING, "Transfer-Encoding"),
    ONE(PROXY_AUTHENTICATE, "Proxy-Authenticate"),
    ONE(PROXY_AUTHORIZATION, "Proxy-Authorization"),
#undef ONE
#undef FIELD
};

static enum http_field find_field(struct bytes name)
{
    if (name.len >= sizeof(fields_by_length) / sizeof(fields_by_length[0])) {
        return HTTP_FIELD_COUNT;
    }
    for (size_t i = 0; i < 2; i++) {
        const char *known = fields_by_length[name.len][i].name;
        if (known == NULL) {
            break;
        }
        /* The first letter rules out most, without a call. */
        if (((name.at[0] ^ (uint8_t)known[0]) & 0xdf) == 0 &&
            strncasecmp((const char *)name.at, known, name.len) == 0) {
            return fields_by_length[name.len][i].id;
        }
    }
    return HTTP_FIELD_COUNT;
}

/* RFC 9110 8.6; a list of equal numbers counts as one. */
static void read_length(struct bytes value, struct http_head *head)
{
    while (value.len > 0) {
        struct bytes item = before(value, ',');
        value = bytes_from(value, item.len + 1);
        item = http_trim(item);
        uint64_t number = 0;
        bool good = item.len > 0 && item.len <= 18;
        for (size_t i = 0; i < item.len && good; i++) {
            good = is_digit(item.at[i]);
            number = number * 10 + (uint64_t)(item.at[i] - '0');
        }
        if (!good) {
            head->bad_length = true;
        } else if (head->body == HTTP_BODY_LENGTH && number != head->length) {
            head->ambiguous_length = true;
        } else if (head->body != HTTP_BODY_LENGTH) {
            head->body = HTTP_BODY_LENGTH;
            head->length = number;
        }
    }
}

/* RFC 9112 6.3: the last coding decides, and Transfer-Encoding wins over Content-Length. */
static void apply_transfer_encoding(struct http_head *head)
{
    struct bytes value = head->fields[HTTP_FIELD_TRANSFER_ENCODING];
    if (value.len == 0) {
        return;
    }
    struct bytes last = value;
    for (struct bytes rest = value; rest.len > 0;) {
        last = before(rest, ',');
        rest = bytes_from(rest, last.len + 1);
    }
    last = http_trim(last);
    if (http_equal(last, "identity")) {
        return;
    }
    if (head->body == HTTP_BODY_LENGTH) {
        head->ambiguous_length = true;
    }
    head->body = http_equal(last, "chunked") ? HTTP_BODY_CHUNKED : HTTP_BODY_UNTIL_CLOSE;
}

static void add_field(struct http_head *head, struct bytes name, struct bytes value)
{
    enum http_field id = find_field(name);
    if (id == HTTP_FIELD_COUNT) {
        return;
    }
    value = http_trim(value);
    if (id == HTTP_FIELD_CONTENT_LENGTH) {
        read_length(value, head);
    } else if ((id == HTTP_FIELD_WWW_AUTHENTICATE || id == HTTP_FIELD_PROXY_AUTHENTICATE) &&
               head->challenge_count < HTTP_CHALLENGES) {
        head->challenges[head->challenge_count++] = value;
    }
    /* The last Transfer-Encoding field ends the list that all of them make up. */
    if (head->fields[id].at == NULL || id == HTTP_FIELD_TRANSFER_ENCODING) {
        head->fields[id] = value;
    }
}

/* RFC 9112 5. `rest` is behind the first line. */
static void read_fields(struct bytes rest, struct http_head *head)
{
    while (rest.len > 0) {
        struct bytes start = rest;
        struct bytes line = take_line(&rest);
        if (line.len == 0) {
            break;
        }
        /* RFC 9112 5.2 */
        while (rest.len > 0 && (rest.at[0] == ' ' || rest.at[0] == '\t')) {
            (void)take_line(&rest);
            line = bytes_of(start.at, start.len - rest.len);
        }
        struct bytes name = before(line, ':');
        if (name.len == 0 || name.len == line.len) {
            continue;
        }
        struct bytes value = bytes_from(line, name.len + 1);
        if (is_blank(name.at[name.len - 1])) {
            head->space_before_colon = true;
            name = http_trim(name);
        }
        add_field(head, name, value);
    }
}

size_t http_head_size(struct bytes in, size_t from)
{
    for (size_t i = from; i < in.len; i++) {
        const uint8_t *at = memchr(in.at + i, '\n', in.len - i);
        if (at == NULL) {
            return 0;
        }
        i = (size_t)(at - in.at);
        if (i + 1 < in.len && in.at[i + 1] == '\n') {
            return i + 2;
        }
        if (i + 2 < in.len && in.at[i + 1] == '\r' && in.at[i + 2] == '\n') {
            return i + 3;
        }
    }
    return 0;
}

bool http_head_read(struct bytes in, bool reply, struct http_head *ret_head)
{
    struct http_head head = {.reply = reply};
    struct bytes line = take_line(&in);
    if (!(reply ? read_status_line(line, &head) : read_request_line(line, &head))) {
        return false;
    }
    read_fields(in, &head);
    apply_transfer_encoding(&head);
    *ret_head = head;
    return true;
}

/* ---- recognition ---- */

/* Methods whose first octets are enough, with the target's first: RFC 9110 9, RFC 4918, RFC 3253,
 * RFC 3744, RFC 5323, [MS-RPCH], [MC-BUP] and Configuration Manager's own. */
static const char *const known_methods[] = {
    "GET",       "POST",    "HEAD",        "PUT",          "DELETE",       "OPTIONS",
    "CONNECT",   "TRACE",   "PATCH",       "PROPFIND",     "PROPPATCH",    "MKCOL",
    "COPY",      "MOVE",    "LOCK",        "UNLOCK",       "SEARCH",       "REPORT",
    "SUBSCRIBE", "POLL",    "BMOVE",       "RPC_IN_DATA",  "RPC_OUT_DATA", "CCM_POST",
    "BITS_POST", "CCM_GET", "RDG_IN_DATA", "RDG_OUT_DATA",
};

enum {
    METHOD_MOST = 24, /* octets of an unknown method */
    REQUEST_LINE_MOST =
        8192 /* octets waited for before an unknown method is given up; IIS's own limit is 16384 */
};

/* A method, then '/': only HTTP. Otherwise the whole line must be seen, for SIP and RTSP share the
 * methods. */
static bool is_known_start(struct bytes head, struct bytes method)
{
    if (head.len < method.len + 2 || head.at[method.len + 1] != '/') {
        return false;
    }
    for (size_t i = 0; i < sizeof(known_methods) / sizeof(known_methods[0]); i++) {
        if (bytes_is(method, known_methods[i], strlen(known_methods[i]))) {
            return true;
        }
    }
    return false;
}

static enum probe probe_request(struct bytes head)
{
    struct bytes method =
        before(bytes_slice(head, 0, head.len < METHOD_MOST ? head.len : METHOD_MOST), ' ');
    for (size_t i = 0; i < method.len; i++) {
        uint8_t c = method.at[i];
        if (!(c >= 'A' && c <= 'Z') && !(i > 0 && (c == '_' || c == '-'))) {
            return PROBE_NO;
        }
    }
    if (method.len == METHOD_MOST || method.len == 0) {
        return PROBE_NO;
    }
    if (is_known_start(head, method)) {
        return PROBE_CLIENT;
    }
    struct bytes line = before(head, '\n');
    for (size_t i = method.len; i < line.len; i++) {
        if (line.at[i] < ' ' && line.at[i] != '\r') {
            return PROBE_NO;
        }
    }
    if (line.len == head.len) {
        return head.len < REQUEST_LINE_MOST ? PROBE_MORE : PROBE_NO;
    }
    struct http_head parsed = {0};
    return read_request_line(line, &parsed) ? PROBE_CLIENT : PROBE_NO;
}

/* RFC 9112 4: "HTTP/1.1 200" */
static enum probe probe_reply(struct bytes head)
{
    static const char pattern[] = "HTTP/0.0 000";
    for (size_t i = 0; i < sizeof(pattern) - 1; i++) {
        if (i == head.len) {
            return PROBE_MORE;
        }
        bool same = pattern[i] == '0' ? is_digit(head.at[i]) : head.at[i] == (uint8_t)pattern[i];
        if (!same) {
            return PROBE_NO;
        }
    }
    return PROBE_SERVER;
}

enum probe http_probe(struct bytes head)
{
    enum probe reply = probe_reply(head);
    return reply == PROBE_NO ? probe_request(head) : reply;
}
