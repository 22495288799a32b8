#include "dissect/ccm_message.h"

#include <zlib.h>

#include "capture/limits.h"
#include "dissect/http_head.h"
#include "dissect/http_text.h"
#include "dissect/text.h"

/* ---- parts: RFC 2046 5.1.1 ---- */

struct bytes ccm_boundary(struct bytes content_type)
{
    size_t end = http_find(content_type, ';');
    if (!http_equal(http_trim(bytes_slice(content_type, 0, end)), "multipart/mixed")) {
        return (struct bytes){0};
    }
    for (struct bytes rest = bytes_from(content_type, end + 1); rest.len > 0;) {
        struct bytes parameter = bytes_slice(rest, 0, http_find(rest, ';'));
        rest = bytes_from(rest, parameter.len + 1);
        size_t equals = http_find(parameter, '=');
        struct bytes value = http_trim(bytes_from(parameter, equals + 1));
        if (value.len >= 2 && value.at[0] == '"' && value.at[value.len - 1] == '"') {
            value = bytes_slice(value, 1, value.len - 2);
        }
        if (http_equal(http_trim(bytes_slice(parameter, 0, equals)), "boundary") &&
            value.len <= CCM_BOUNDARY_MOST) {
            return value;
        }
    }
    return (struct bytes){0};
}

/* Octets before `what`; all of them when it is not there. */
static size_t size_before(struct bytes text, struct bytes what)
{
    const uint8_t *at = text.len == 0 ? NULL : memmem(text.at, text.len, what.at, what.len);
    return at == NULL ? text.len : (size_t)(at - text.at);
}

/* The next part's content; `rest` moves behind it. False: no part begins in what is there. */
static bool take_part(struct bytes *rest, struct bytes boundary, struct bytes *ret_part)
{
    char line[CCM_BOUNDARY_MOST + 4] = "\r\n--";
    memcpy(line + 4, boundary.at, boundary.len);
    struct bytes delimiter = bytes_of(line, boundary.len + 4);
    struct bytes first = bytes_from(delimiter, 2); /* the body may begin with it */
    size_t start = bytes_has_prefix(*rest, first.at, first.len)
                       ? first.len
                       : size_before(*rest, delimiter) + delimiter.len;
    struct bytes part = bytes_from(*rest, start);
    size_t head = http_head_size(part, 0);
    if (head == 0) {
        return false;
    }
    *rest = bytes_from(*rest, start + head); /* nothing, and nowhere, when the head is all */
    *ret_part = bytes_slice(*rest, 0, size_before(*rest, delimiter));
    return true;
}

/* ---- text ---- */

/* XML 1.0, appendix F: a byte order mark, or the first character, tells the encoding. */
static struct bytes xml_text(struct bytes in, char *out, size_t room)
{
    if (bytes_has_prefix(in, "\xff\xfe", 2)) {
        return bytes_of(out, text_from_utf16le(bytes_from(in, 2), out, room));
    }
    if (bytes_has_prefix(in, "<\0", 2)) {
        return bytes_of(out, text_from_utf16le(in, out, room));
    }
    size_t mark = bytes_has_prefix(in, "\xef\xbb\xbf", 3) ? 3 : 0;
    return bytes_of(out, text_from_utf8(bytes_from(in, mark), out, room));
}

/* ---- elements: XML 1.0 3.1 ---- */

struct tag {
    struct bytes name, attributes;
    bool closes, empty; /* </name>, <name/> */
};

static bool is_name_char(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == ':' || c == '-' || c == '.' || c >= 0x80;
}

static size_t name_size(struct bytes text)
{
    size_t len = 0;
    while (len < text.len && is_name_char(text.at[len])) {
        len++;
    }
    return len;
}

/* Octets before the '>' that ends a tag: one in quotes does not. */
static size_t tag_size(struct bytes text)
{
    uint8_t quote = 0;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.at[i];
        if (quote != 0) {
            quote = c == quote ? 0 : quote;
        } else if (c == '>') {
            return i;
        } else if (c == '"' || c == '\'') {
            quote = c;
        }
    }
    return text.len;
}

/* The next tag and the text before it. Comments, declarations and the like are passed over. */
static bool take_tag(struct bytes *rest, struct bytes *ret_text, struct tag *ret_tag)
{
    struct bytes text = bytes_slice(*rest, 0, http_find(*rest, '<'));
    struct bytes tag = bytes_from(*rest, text.len + 1);
    while (tag.len > 0 && (tag.at[0] == '?' || tag.at[0] == '!')) {
        tag = bytes_from(tag, tag_size(tag) + 1);
        tag = bytes_from(tag, http_find(tag, '<') + 1);
    }
    size_t size = tag_size(tag);
    if (size == tag.len) {
        return false;
    }
    *rest = bytes_from(tag, size + 1);
    *ret_text = text;
    tag.len = size;
    bool closes = tag.at[0] == '/', empty = size > 0 && tag.at[size - 1] == '/';
    tag = bytes_from(tag, closes ? 1 : 0);
    size_t name = name_size(tag);
    *ret_tag = (struct tag){.name = bytes_slice(tag, 0, name),
                            .attributes = bytes_from(tag, name),
                            .closes = closes,
                            .empty = !closes && empty};
    return true;
}

static struct bytes attribute(const struct tag *tag, const char *wanted)
{
    for (struct bytes rest = tag->attributes; rest.len > 0;) {
        struct bytes name = http_trim(bytes_slice(rest, 0, http_find(rest, '=')));
        rest = http_trim(bytes_from(rest, http_find(rest, '=') + 1));
        char quote = rest.len > 0 ? (char)rest.at[0] : '\0';
        if (quote != '"' && quote != '\'') {
            break;
        }
        struct bytes value = bytes_from(rest, 1);
        value = bytes_slice(value, 0, http_find(value, quote));
        if (bytes_is(name, wanted, strlen(wanted))) {
            return value;
        }
        rest = bytes_from(rest, value.len + 2);
    }
    return (struct bytes){0};
}

/* ---- the header ---- */

enum { DEPTH = 4 }; /* Msg, Hooks, Hook2, Property */

struct header {
    struct bytes open[DEPTH]; /* names of the elements that are open */
    unsigned depth;
    struct bytes hook, property; /* their Name attributes */
    bool is_signed;
};

static const struct {
    const char *name;
    enum fact_id id;
} elements[] = {
    {"ID", FACT_HTTP_CCM_MESSAGE_ID},          {"SourceID", FACT_HTTP_CCM_SOURCE_ID},
    {"SourceHost", FACT_HTTP_CCM_SOURCE_HOST}, {"TargetEndpoint", FACT_HTTP_CCM_TARGET_ENDPOINT},
    {"TargetHost", FACT_HTTP_CCM_TARGET_HOST},
};

/* RFC 8017 A.2.4, RFC 3279 2.2.1 */
static void state_algorithm(struct observation *o, struct bytes oid)
{
    static const struct {
        const char *oid, *name;
    } algorithms[] = {
        {"1.2.840.113549.1.1.4", "md5WithRSAEncryption"},
        {"1.2.840.113549.1.1.5", "sha1WithRSAEncryption"},
        {"1.2.840.113549.1.1.11", "sha256WithRSAEncryption"},
        {"1.2.840.113549.1.1.12", "sha384WithRSAEncryption"},
        {"1.2.840.113549.1.1.13", "sha512WithRSAEncryption"},
        {"1.3.14.3.2.26", "sha1"},
        {"2.16.840.1.101.3.4.2.1", "sha256"},
    };
    struct bytes name = oid;
    for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++) {
        if (http_equal(oid, algorithms[i].oid)) {
            name = bytes_text(algorithms[i].name);
        }
    }
    observation_utf8(o, FACT_HTTP_CCM_HASH_ALGORITHM, name);
    observation_utf8(o, FACT_HTTP_CCM_HASH_OID, oid);
}

static bool is_open(const struct header *h, unsigned depth, const char *name)
{
    return h->depth > depth && bytes_is(h->open[depth], name, strlen(name));
}

static void begin_element(struct observation *o, struct header *h, const struct tag *tag)
{
    if (h->depth < DEPTH) {
        h->open[h->depth] = tag->name;
    }
    if (h->depth == 2 && is_open(h, 1, "Hooks")) {
        h->hook = attribute(tag, "Name");
        observation_utf8(o, FACT_HTTP_CCM_HOOKS, h->hook);
    } else if (h->depth == 3) {
        h->property = attribute(tag, "Name");
    }
    h->depth += tag->empty ? 0 : 1;
}

/* `h->depth` is the element's own. */
static void end_element(struct observation *o, struct header *h, struct bytes text)
{
    if (h->depth == 3 && is_open(h, 1, "Hooks") && bytes_is(h->hook, "clientauth", 10)) {
        if (bytes_is(h->property, "HashAlgorithm", 13) && text.len > 0) {
            state_algorithm(o, text);
        }
        h->is_signed =
            h->is_signed || (bytes_is(h->property, "PayloadSignature", 16) && text.len > 0);
        h->property = (struct bytes){0};
    }
    for (size_t i = 0; h->depth == 1 && i < sizeof(elements) / sizeof(elements[0]); i++) {
        if (bytes_is(h->open[1], elements[i].name, strlen(elements[i].name))) {
            observation_utf8(o, elements[i].id, text);
        }
    }
}

/* False: not a message's header. */
static bool state_header(struct observation *o, struct bytes xml)
{
    struct header h = {0};
    struct bytes text = {0};
    struct tag tag = {0};
    while (take_tag(&xml, &text, &tag)) {
        if (!tag.closes) {
            begin_element(o, &h, &tag);
        } else if (h.depth > 0) {
            h.depth--;
            end_element(o, &h, http_trim(text));
        }
        if (!bytes_is(h.open[0], "Msg", 3)) {
            return false;
        }
    }
    if (h.depth == 0) { /* nothing of it is missing */
        observation_bool(o, FACT_HTTP_CCM_SIGNED, h.is_signed);
    }
    return true;
}

/* ---- the body ---- */

/* zlib's state and window for one inflation, so that none is allocated per message. */
struct workspace {
    _Alignas(16) uint8_t room[48 << 10];
    size_t used;
};

static void *workspace_alloc(void *workspace, unsigned items, unsigned size)
{
    struct workspace *w = workspace;
    size_t want = ((size_t)items * size + 15) & ~(size_t)15;
    if (want > sizeof(w->room) - w->used) {
        return NULL;
    }
    w->used += want;
    return w->room + w->used - want;
}

static void workspace_free(void *workspace, void *at)
{
    (void)workspace;
    (void)at;
}

/* RFC 1950: the beginning of what was compressed; 0 octets when it was not. The checksum at the end
 * is not asked for. */
static size_t inflate_some(struct bytes in, uint8_t *out, size_t room)
{
    struct workspace workspace;
    bool is_zlib = in.len > 2 && (in.at[0] & 0x0f) == Z_DEFLATED &&
                   (in.at[0] << 8 | in.at[1]) % 31 == 0 && (in.at[1] & 0x20) == 0;
    in = bytes_from(in, 2);
    workspace.used = 0;
    z_stream z = {.zalloc = workspace_alloc,
                  .zfree = workspace_free,
                  .opaque = &workspace,
                  .next_in = (z_const Bytef *)(uintptr_t)in.at,
                  .avail_in = (uInt)in.len,
                  .next_out = out,
                  .avail_out = (uInt)room};
    if (!is_zlib || inflateInit2(&z, -MAX_WBITS) != Z_OK) {
        return 0;
    }
    int answer = inflate(&z, Z_SYNC_FLUSH);
    (void)inflateEnd(&z);
    return answer == Z_OK || answer == Z_STREAM_END ? room - z.avail_out : 0;
}

static struct bytes root_element(struct bytes xml)
{
    struct bytes text = {0};
    struct tag tag = {0};
    bool is_xml = xml.len > 0 && xml.at[0] == '<' && take_tag(&xml, &text, &tag) && !tag.closes;
    bool is_name = tag.name.len > 0 && !(tag.name.at[0] >= '0' && tag.name.at[0] <= '9') &&
                   tag.name.at[0] < 0x80;
    return is_xml && is_name ? tag.name : (struct bytes){0};
}

/* What a registration and a report say of the client that made them; of discovery records the
 * addresses as well. */
static void state_client(struct observation *o, struct bytes xml, bool discovery)
{
    struct bytes text = {0};
    struct tag tag = {0};
    while (take_tag(&xml, &text, &tag)) {
        if (tag.closes && bytes_is(tag.name, "NetBIOSName", 11)) {
            observation_utf8(o, FACT_HTTP_CCM_COMPUTER, http_trim(text));
        } else if (tag.closes && bytes_is(tag.name, "ClientVersion", 13)) {
            observation_utf8(o, FACT_HTTP_CCM_VERSION, http_trim(text));
        } else if (!tag.closes && bytes_is(tag.name, "AgentInformation", 16)) {
            observation_utf8(o, FACT_HTTP_CCM_VERSION, attribute(&tag, "AgentVersion"));
        }
        if (tag.closes && bytes_is(tag.name, "ReportHeader", 12)) {
            break; /* what follows is the inventory itself */
        }
    }
    for (unsigned n = 0; discovery && n < LIMIT_CCM_ADDRESSES && take_tag(&xml, &text, &tag);) {
        if (tag.closes && bytes_is(tag.name, "IPAddress", 9)) {
            observation_utf8(o, FACT_HTTP_CCM_ADDRESSES, http_trim(text));
            n++;
        }
    }
}

static void state_body(struct observation *o, struct bytes part)
{
    uint8_t inflated[LIMIT_CCM_DISCOVERY];
    char text[LIMIT_CCM_DISCOVERY * 2];
    const char *endpoint = observation_text(o, FACT_HTTP_CCM_TARGET_ENDPOINT);
    bool discovery = endpoint != NULL && strcmp(endpoint, "MP_DdrEndpoint") == 0;
    size_t room = discovery ? LIMIT_CCM_DISCOVERY : LIMIT_CCM_BODY;
    struct bytes plain = bytes_of(inflated, inflate_some(part, inflated, room));
    if (plain.len == 0) {
        plain = bytes_slice(part, 0, part.len < room ? part.len : room);
    }
    struct bytes xml = http_trim(xml_text(plain, text, sizeof(text)));
    struct bytes root = root_element(xml);
    observation_bool(o, FACT_HTTP_CCM_BODY_READABLE, root.len > 0);
    observation_utf8(o, FACT_HTTP_CCM_BODY_KIND, root);
    if (root.len > 0) {
        state_client(o, xml, discovery);
    }
}

void ccm_message_state(struct observation *o, struct bytes boundary, struct bytes message)
{
    char text[LIMIT_CCM_MESSAGE];
    struct bytes part = {0};
    if (boundary.len > CCM_BOUNDARY_MOST || !take_part(&message, boundary, &part) ||
        !state_header(o, xml_text(part, text, sizeof(text)))) {
        return;
    }
    if (take_part(&message, boundary, &part) && part.len > 0) {
        state_body(o, part);
    }
}
