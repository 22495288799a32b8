/*
 * nbns.c - the NetBIOS name service: DNS in form, with names, types and codes of its own.
 *
 * Spec: RFC 1001 14.1 (names), RFC 1002 4.2 (messages).
 */
#include "dissect/dns.h"

enum { ENCODED = 32, NAME_OCTETS = 16 };
enum { NAME_FLAGS_GROUP = 0x80 };

/* RFC 1001 14.1: sixteen octets, each as two letters from A to P. */
static bool is_encoded(struct bytes label)
{
    if (label.len != ENCODED) {
        return false;
    }
    for (size_t i = 0; i < ENCODED; i++) {
        if (label.at[i] < 'A' || label.at[i] > 'P') {
            return false;
        }
    }
    return true;
}

/* A name padded with spaces, and the kind of resource in its last octet: "NAME<1b>". */
static void add_netbios(const uint8_t name[NAME_OCTETS], struct dns_text *text)
{
    size_t len = NAME_OCTETS - 1;
    while (len > 0 && name[len - 1] == ' ') {
        len--;
    }
    for (size_t i = 0; i < len; i++) {
        bool printable = name[i] >= ' ' && name[i] <= '~';
        dns_text_add(text, printable ? "%c" : "<%02x>", name[i]);
    }
    dns_text_add(text, "<%02x>", name[NAME_OCTETS - 1]);
}

static void nbns_name_text(const struct dns_name *name, struct dns_text *text)
{
    uint8_t decoded[NAME_OCTETS];
    struct dns_name scope = {.len = 0};
    if (!is_encoded(bytes_of(name->octets + 1, name->octets[0]))) {
        dns_name_text(name, text);
        return;
    }
    for (size_t i = 0; i < NAME_OCTETS; i++) {
        decoded[i] =
            (uint8_t)((name->octets[1 + 2 * i] - 'A') << 4 | (name->octets[2 + 2 * i] - 'A'));
    }
    add_netbios(decoded, text);
    scope.len = name->len - 1 - ENCODED;
    memcpy(scope.octets, name->octets + 1 + ENCODED, scope.len);
    if (scope.len > 1) { /* RFC 1002 4.1: the NetBIOS scope identifier */
        dns_text_put(text, ".");
        dns_name_text(&scope, text);
    }
}

/* RFC 1002 4.2.1.3 */
static const char *nbns_type_name(uint16_t type)
{
    return type == NBNS_NB ? "NB" : type == NBNS_NBSTAT ? "NBSTAT" : dns_type_name(type);
}

/* RFC 1002 4.2.6, 4.2.11, 4.2.14; it has no name for success */
static const char *nbns_rcode_name(unsigned code)
{
    static const char *const names[] = {"NOERROR", "FMT_ERR", "SRV_ERR", "NAM_ERR",
                                        "IMP_ERR", "RFS_ERR", "ACT_ERR", "CFT_ERR"};
    return code < sizeof names / sizeof names[0] ? names[code] : NULL;
}

/* RFC 1002 4.2.1.1; 15 is [MS-NBTE] 2.2.1 */
static const char *nbns_opcode_name(unsigned code)
{
    switch (code) {
    case NBNS_REGISTRATION:
        return "REGISTRATION";
    case NBNS_RELEASE:
        return "RELEASE";
    case NBNS_WACK:
        return "WACK";
    case NBNS_REFRESH:
    case NBNS_REFRESH_TOO:
        return "REFRESH";
    case NBNS_MULTIHOMED:
        return "MULTIHOMED";
    default:
        return NULL;
    }
}

/* RFC 1002 4.2.18: the n-th of the names that a node has */
static bool add_node_name(const struct dns_record *r, unsigned n, struct dns_text *text)
{
    struct cursor c = cursor_of(r->data);
    unsigned count = cursor_u8(&c);
    cursor_skip(&c, n * (NAME_OCTETS + 2u));
    struct bytes name = cursor_take(&c, NAME_OCTETS);
    uint16_t flags = cursor_be16(&c);
    if (n >= count || c.failed) {
        return false;
    }
    add_netbios(name.at, text);
    dns_text_put(text, (flags >> 8 & NAME_FLAGS_GROUP) != 0 ? " group" : "");
    return true;
}

/* RFC 1002 4.2.13: the n-th of a name's addresses, each with its flags in front */
static bool nbns_answer(const struct dns_message *m, const struct dns_record *r, unsigned n,
                        struct dns_text *text)
{
    char written[ADDRESS_TEXT];
    (void)m;
    if (r->type == NBNS_NBSTAT) {
        return add_node_name(r, n, text);
    }
    struct cursor c = cursor_of(r->data);
    cursor_skip(&c, n * 6u + 2);
    struct bytes octets = cursor_take(&c, 4);
    if (r->type != NBNS_NB || c.failed) {
        return false;
    }
    struct address address = address_v4(octets.at);
    dns_text_put(text, address_format(&address, written));
    return true;
}

static const struct dns_service service = {
    .kind = "nbns",
    .type_name = nbns_type_name,
    .rcode_name = nbns_rcode_name,
    .opcode_name = nbns_opcode_name,
    .name_text = nbns_name_text,
    .answer = nbns_answer,
    .netbios = true,
};

/* RFC 1002 4.2.1: a whole header, and a name of 32 letters first. */
static enum probe nbns_probe(struct bytes head)
{
    struct cursor c = cursor_of(head);
    cursor_skip(&c, 2);
    uint16_t flags = cursor_be16(&c);
    cursor_skip(&c, DNS_HEADER - 4);
    struct bytes label = cursor_take(&c, cursor_u8(&c));
    cursor_skip(&c, 5);
    if (c.failed || !is_encoded(label)) {
        return PROBE_NO;
    }
    return (flags & DNS_RESPONSE) != 0 ? PROBE_SERVER : PROBE_CLIENT;
}

static struct fed nbns_feed(struct dissection *dx, void *state, enum dir dir, struct bytes in)
{
    return dns_feed_datagram(dx, state, &service, dir, in);
}

const struct dissector nbns_dissector = {
    .name = "nbns",
    .ports = (const uint16_t[]){137, 0},
    .udp = true,
    .ports_only = true,
    .records = 1u << RECORD_DNS,
    .state_size = sizeof(struct dns_state),
    .probe = nbns_probe,
    .feed = nbns_feed,
    .end = dns_end,
};
