/*
 * rdp.c - Remote Desktop: how the connection is to be protected, and what standard security tells.
 *
 * Spec: [MS-RDPBCGR] 2.2.1.1 to 2.2.1.4 (X.224 connection, MCS connect), 5.3, 5.4.
 *
 * After TLS or CredSSP was chosen the stream is TLS, and read as such: carrier "rdp". What CredSSP
 * says lies inside it. With standard security the record waits for the server's choice of a cipher.
 */
#include "dissect/signature.h"

enum { TPKT = 4, X224 = 7, NEGOTIATION = 8, NAME_OCTETS = 32, TLS_HANDSHAKE = 0x16 };
enum { CONNECTION_REQUEST = 0xe0, CONNECTION_CONFIRM = 0xd0, DATA = 0xf0 };
enum { NEG_REQUEST = 1, NEG_RESPONSE = 2, NEG_FAILURE = 3 };
enum { RESTRICTED_ADMIN = 0x01, REDIRECTED_AUTHENTICATION = 0x02 };
/* T.125 7: application tags of the connect PDUs; choices of the domain PDUs, with two flag bits. */
enum {
    CONNECT_INITIAL = 0x65,
    CONNECT_RESPONSE = 0x66,
    SEND_REQUEST = 0x64,
    SEND_INDICATION = 0x68
};
/* Every answer fits well; a ConferenceCreateRequest with 31 channels has some 800 octets. */
enum { CONNECT_MOST = 4096, SHORTEST_PROBED = TPKT + X224 + 8 };

struct rdp {
    struct observation *o;
    uint32_t requested;
    bool asked, answered;
};

/* [MS-RDPBCGR] 2.2.1.1.1 requestedProtocols, and what security it means (5.4.5). */
static const struct {
    uint32_t bit;
    const char *name, *security;
} protocols[] = {
    {0x01, "ssl", "tls"},         {0x02, "hybrid", "credssp"},
    {0x04, "rdstls", "rdstls"},   {0x08, "hybrid_ex", "credssp-early"},
    {0x10, "rdsaad", "azure-ad"},
};
#define PROTOCOLS (sizeof protocols / sizeof *protocols)

struct named {
    uint32_t code;
    const char *name;
};

static const char *name_of(const struct named *names, size_t count, uint32_t code)
{
    for (size_t i = 0; i < count; i++) {
        if (names[i].code == code) {
            return names[i].name;
        }
    }
    return NULL;
}

/* ---- recognition ---- */

struct x224 {
    uint16_t len; /* of the whole packet */
    uint8_t type;
    struct bytes rest; /* what follows the fixed part, as far as it is there */
};

/* [MS-RDPBCGR] 2.2.1.1: TPKT (T.123 8), then X.224 13.3 to 13.7. False when it is no such packet.
 */
static bool read_x224(struct bytes in, struct x224 *ret)
{
    struct cursor c = cursor_of(in);
    uint16_t version = cursor_be16(&c);
    struct x224 x = {.len = cursor_be16(&c)};
    uint8_t indicator = cursor_u8(&c);
    x.type = cursor_u8(&c);
    if (c.failed || version != 0x0300 || x.len < X224) {
        return false;
    }
    if (x.type == DATA) { /* X.224 13.7: end of transport data */
        bool ends = cursor_u8(&c) == 0x80;
        x.rest = c.rest;
        *ret = x;
        return indicator == 2 && ends;
    }
    cursor_skip(&c, 5); /* references, class */
    x.rest = c.rest;
    *ret = x;
    return !c.failed && indicator + 5 == x.len && indicator >= 6;
}

/* What an RDP client puts into its request; other users of X.224 (S7, MMS) name their ends there.
 */
static bool is_request(const struct x224 *x)
{
    return x->len == TPKT + X224 || signature_text(x->rest, "Cookie: ") == PROBE_EITHER ||
           signature_text(x->rest, "tsv:") == PROBE_EITHER ||
           (x->rest.len >= 4 && x->rest.at[0] == NEG_REQUEST && x->rest.at[2] == NEGOTIATION &&
            x->rest.at[3] == 0);
}

static bool is_confirm(const struct x224 *x)
{
    bool negotiation = x->rest.len >= 4 &&
                       (x->rest.at[0] == NEG_RESPONSE || x->rest.at[0] == NEG_FAILURE) &&
                       x->rest.at[2] == NEGOTIATION && x->rest.at[3] == 0;
    return x->len == TPKT + X224 || (x->len == TPKT + X224 + NEGOTIATION && negotiation);
}

/* T.125 7: connect PDUs in BER; sends in PER, whose length is that of the packet. */
static enum probe probe_data(const struct x224 *x)
{
    struct cursor c = cursor_of(x->rest);
    uint8_t first = cursor_u8(&c);
    if (first == 0x7f) {
        uint8_t tag = cursor_u8(&c);
        return tag == CONNECT_INITIAL    ? PROBE_CLIENT
               : tag == CONNECT_RESPONSE ? PROBE_SERVER
                                         : PROBE_NO;
    }
    cursor_skip(&c, 2); /* initiator */
    uint16_t channel = cursor_be16(&c);
    uint8_t segmentation = cursor_u8(&c);
    uint16_t len = cursor_u8(&c);
    size_t before = TPKT + 3 + 7;
    if ((len & 0x80) != 0) {
        len = (uint16_t)((len & 0x7f) << 8 | cursor_u8(&c));
        before++;
    }
    if (c.failed || channel < 1001 || (segmentation & 0x0f) != 0 || before + len != x->len) {
        return PROBE_NO;
    }
    return first == SEND_REQUEST      ? PROBE_CLIENT
           : first == SEND_INDICATION ? PROBE_SERVER
                                      : PROBE_NO;
}

/* As far as it is there. */
static bool may_be_x224(struct bytes head)
{
    static const uint8_t begins[] = {3, 0};
    if (memcmp(head.at, begins, head.len < 2 ? head.len : 2) != 0 ||
        (head.len >= TPKT && head.at[2] == 0 && head.at[3] < X224)) {
        return false;
    }
    uint8_t type = head.len > TPKT + 1 ? head.at[TPKT + 1] : DATA;
    return type == CONNECTION_REQUEST || type == CONNECTION_CONFIRM || type == DATA;
}

static enum probe rdp_probe(struct bytes head)
{
    struct x224 x = {0};
    if (head.len == 0 || !may_be_x224(head)) {
        return PROBE_NO;
    }
    if (head.len < SHORTEST_PROBED && (head.len < TPKT || head.at[3] > head.len)) {
        return PROBE_MORE;
    }
    if (!read_x224(head, &x)) {
        return PROBE_NO;
    }
    switch (x.type) {
    case CONNECTION_REQUEST:
        return is_request(&x) ? PROBE_CLIENT : PROBE_NO;
    case CONNECTION_CONFIRM:
        return is_confirm(&x) ? PROBE_SERVER : PROBE_NO;
    case DATA:
        return probe_data(&x);
    default:
        return PROBE_NO;
    }
}

/* ---- the connection ---- */

static void begin(struct dissection *dx, struct rdp *s)
{
    if (s->o == NULL) {
        s->o = dissection_begin(dx, RECORD_RDP);
    }
}

static void send(struct dissection *dx, struct rdp *s, enum dir dir)
{
    dissection_send(dx, s->o, dir);
    s->o = NULL;
}

/* [MS-RDPBCGR] 2.2.1.1: a routing token or a cookie, in a line. Returns what follows it. */
static struct bytes read_cookie(struct observation *o, struct bytes rest)
{
    const char *end = rest.len == 0 ? NULL : memmem(rest.at, rest.len, "\r\n", 2);
    if (end == NULL) {
        return rest;
    }
    struct bytes line = bytes_of(rest.at, (size_t)((const uint8_t *)end - rest.at));
    struct bytes user = bytes_from(line, strlen("Cookie: mstshash="));
    if (signature_text(line, "Cookie: mstshash=") == PROBE_EITHER) {
        observation_utf8(o, FACT_RDP_USER, user);
    } else {
        observation_utf8(o, FACT_RDP_ROUTING_TOKEN, line);
    }
    return bytes_from(rest, line.len + 2);
}

/* [MS-RDPBCGR] 2.2.1.1.1; without it only standard security is known to the client. */
static void read_request(struct dissection *dx, struct rdp *s, struct bytes rest)
{
    struct cursor c;
    begin(dx, s);
    s->asked = true;
    if (s->o == NULL) {
        return;
    }
    observation_stamp(s->o, FACT_RDP_REQUEST_PACKET, dissection_at(dx));
    c = cursor_of(read_cookie(s->o, rest));
    uint8_t type = cursor_u8(&c), flags = cursor_u8(&c);
    uint16_t len = cursor_le16(&c);
    uint32_t requested = cursor_le32(&c);
    if (c.failed || type != NEG_REQUEST || len != NEGOTIATION) {
        observation_string(s->o, FACT_RDP_REQUESTED, "rdp");
        return;
    }
    s->requested = requested;
    if (requested == 0) {
        observation_string(s->o, FACT_RDP_REQUESTED, "rdp");
    }
    for (size_t i = 0; i < PROTOCOLS; i++) {
        if ((requested & protocols[i].bit) != 0) {
            observation_string(s->o, FACT_RDP_REQUESTED, protocols[i].name);
        }
    }
    if ((flags & RESTRICTED_ADMIN) != 0) {
        observation_bool(s->o, FACT_RDP_RESTRICTED_ADMIN, true);
    }
    if ((flags & REDIRECTED_AUTHENTICATION) != 0) {
        observation_bool(s->o, FACT_RDP_REDIRECTED_AUTHENTICATION, true);
    }
}

static void state_security(struct rdp *s, uint32_t selected)
{
    const char *name = selected == 0 ? "rdp" : NULL, *security = selected == 0 ? "standard" : NULL;
    for (size_t i = 0; i < PROTOCOLS; i++) {
        if (selected == protocols[i].bit) {
            name = protocols[i].name;
            security = protocols[i].security;
        }
    }
    observation_string(s->o, FACT_RDP_SELECTED, name);
    observation_string(s->o, FACT_RDP_SECURITY, security);
}

/* [MS-RDPBCGR] 2.2.1.2.2 */
static void state_failure(struct rdp *s, uint32_t code)
{
    static const struct named failures[] = {
        {1, "SSL_REQUIRED_BY_SERVER"},    {2, "SSL_NOT_ALLOWED_BY_SERVER"},
        {3, "SSL_CERT_NOT_ON_SERVER"},    {4, "INCONSISTENT_FLAGS"},
        {5, "HYBRID_REQUIRED_BY_SERVER"}, {6, "SSL_WITH_USER_AUTH_REQUIRED_BY_SERVER"},
    };
    const char *name = name_of(failures, sizeof failures / sizeof *failures, code);
    if (name != NULL) {
        observation_string(s->o, FACT_RDP_FAILURE, name);
    } else {
        observation_format(s->o, FACT_RDP_FAILURE, "%u", code);
    }
    observation_num(s->o, FACT_RDP_FAILURE_CODE, code);
}

/* [MS-RDPBCGR] 2.2.1.2.1, 2.2.1.2.2; without either the server knows only standard security. */
static struct fed read_confirm(struct dissection *dx, struct rdp *s, const struct x224 *x)
{
    struct cursor c = cursor_of(x->rest);
    uint8_t type = cursor_u8(&c);
    cursor_skip(&c, 3);
    uint32_t value = cursor_le32(&c);
    begin(dx, s);
    s->answered = true;
    if (s->o != NULL) {
        observation_stamp(s->o, FACT_RDP_RESPONSE_PACKET, dissection_at(dx));
    }
    if (!c.failed && type == NEG_FAILURE) {
        if (s->o != NULL) {
            state_failure(s, value);
        }
        send(dx, s, DIR_SERVER);
        return fed_done();
    }
    uint32_t selected = c.failed || type != NEG_RESPONSE ? 0 : value;
    if (s->o != NULL) {
        state_security(s, selected);
    }
    if (selected != 0) {
        send(dx, s, DIR_SERVER);
        dissection_hand_over(dx, &tls_dissector, "rdp");
    }
    return fed_ok(x->len);
}

/* ---- standard security ---- */

/* T.124 8.7: the settings follow the key of the one who sends them, and their length in PER. */
static struct cursor settings_of(struct bytes message, const char *key)
{
    const uint8_t *found = message.len == 0 ? NULL : memmem(message.at, message.len, key, 4);
    struct cursor c = {.failed = true};
    if (found != NULL) {
        c = cursor_of(bytes_from(message, (size_t)(found - message.at) + 4));
        if ((cursor_u8(&c) & 0x80) != 0) {
            cursor_skip(&c, 1);
        }
    }
    return c;
}

/* [MS-RDPBCGR] 2.2.1.3.1: a block of settings by its type; empty when it is not there. */
static struct cursor block_of(struct cursor settings, uint16_t type)
{
    while (settings.rest.len >= 4) {
        uint16_t found = cursor_le16(&settings), len = cursor_le16(&settings);
        struct cursor block = cursor_sub(&settings, len < 4 ? 0 : len - 4u);
        if (found == type || len < 4) {
            return found == type ? block : (struct cursor){.failed = true};
        }
    }
    return (struct cursor){.failed = true};
}

/* [MS-RDPBCGR] 2.2.1.3.2: the client's name, in UTF-16 and ended by a zero. */
static void read_client_core(struct rdp *s, struct bytes message)
{
    struct cursor core = block_of(settings_of(message, "Duca"), 0xc001);
    cursor_skip(&core, 16);
    uint32_t build = cursor_le32(&core);
    struct bytes name = cursor_take(&core, NAME_OCTETS);
    size_t len = 0;
    while (len < name.len && (name.at[len] != 0 || name.at[len + 1] != 0)) {
        len += 2;
    }
    if (!core.failed && s->o != NULL) {
        observation_num(s->o, FACT_RDP_CLIENT_BUILD, build);
        observation_utf16le(s->o, FACT_RDP_CLIENT_NAME, bytes_slice(name, 0, len));
    }
}

/* [MS-RDPBCGR] 2.2.1.4.3 */
static void read_server_security(struct rdp *s, struct bytes message)
{
    static const struct named methods[] = {
        {0, "none"}, {1, "40bit"}, {2, "128bit"}, {8, "56bit"}, {16, "fips"}};
    static const struct named levels[] = {
        {0, "none"}, {1, "low"}, {2, "client-compatible"}, {3, "high"}, {4, "fips"}};
    struct cursor security = block_of(settings_of(message, "McDn"), 0x0c02);
    uint32_t method = cursor_le32(&security), level = cursor_le32(&security);
    if (!security.failed && s->o != NULL) {
        observation_string(s->o, FACT_RDP_ENCRYPTION_METHOD,
                           name_of(methods, sizeof methods / sizeof *methods, method));
        observation_string(s->o, FACT_RDP_ENCRYPTION_LEVEL,
                           name_of(levels, sizeof levels / sizeof *levels, level));
    }
}

/* MCS outside of TLS: standard security, whether or not the negotiation was captured. */
static struct fed read_data(struct dissection *dx, struct rdp *s, enum dir dir,
                            const struct x224 *x)
{
    begin(dx, s);
    if (s->o != NULL && observation_get(s->o, FACT_RDP_SECURITY) == NULL) {
        observation_string(s->o, FACT_RDP_SECURITY, "standard");
    }
    bool connect = x->rest.len >= 2 && x->rest.at[0] == 0x7f;
    if (connect && dir == DIR_CLIENT) {
        read_client_core(s, x->rest);
        return fed_ok(x->len);
    }
    if (connect) {
        read_server_security(s, x->rest);
    }
    send(dx, s, dir);
    return fed_done();
}

static struct fed rdp_feed(struct dissection *dx, void *state, enum dir dir, struct bytes in)
{
    struct rdp *s = state;
    struct x224 x = {0};
    if (in.len < TPKT + X224 && (in.len < TPKT || in.at[3] != in.len)) {
        return fed_more(TPKT + X224);
    }
    if (in.at[0] == TLS_HANDSHAKE && s->requested != 0) { /* the answer was not captured */
        send(dx, s, dir);
        dissection_hand_over(dx, &tls_dissector, "rdp");
        return fed_ok(0);
    }
    if (!read_x224(in, &x) || x.len > CONNECT_MOST) {
        return fed_bad();
    }
    if (in.len < x.len) {
        return fed_more(x.len);
    }
    size_t before = in.len - x.rest.len;
    x.rest = bytes_slice(in, before, before > x.len ? 0 : x.len - before);
    if (x.type == CONNECTION_REQUEST && dir == DIR_CLIENT && !s->asked && is_request(&x)) {
        read_request(dx, s, x.rest);
        return fed_ok(x.len);
    }
    if (x.type == CONNECTION_CONFIRM && dir == DIR_SERVER && !s->answered && is_confirm(&x)) {
        return read_confirm(dx, s, &x);
    }
    return x.type == DATA ? read_data(dx, s, dir, &x) : fed_bad();
}

static void rdp_end(struct dissection *dx, void *state, const struct outcome *outcome)
{
    (void)outcome;
    send(dx, state, DIR_CLIENT);
}

const struct dissector rdp_dissector = {
    .name = "rdp",
    .ports = PORTS(3389),
    .tcp = true,
    .records = 1u << RECORD_RDP | 1u << RECORD_TLS,
    .state_size = sizeof(struct rdp),
    .probe = rdp_probe,
    .feed = rdp_feed,
    .end = rdp_end,
};
