/*
 * dhcp.c - DHCP, and what PXE puts into it: who asks for which boot file, and who answers.
 *
 * Spec: RFC 2131 2, 3; RFC 2132 (options); RFC 4578 (PXE: 93, 94, 97); RFC 4702 (81); the Preboot
 * Execution Environment 2.1 for port 4011. Each message is one record.
 */
#include "dissect/signature.h"
#include "dissect/text.h"

enum { FIXED = 236, COOKIE = 4, OPTIONS = FIXED + COOKIE, ETHERNET = 1, PXE_PORT = 4011 };
enum { BOOT_REQUEST = 1, BOOT_REPLY = 2 };
enum { AT_CLIENT = 12, AT_HARDWARE = 28, AT_SERVER_NAME = 44, SERVER_NAME = 64 };
enum { AT_FILE = 108, FILE_NAME = 128 };

enum option {
    PAD = 0,
    HOST_NAME = 12,
    REQUESTED_ADDRESS = 50,
    OVERLOAD = 52,
    MESSAGE_TYPE = 53,
    SERVER_ID = 54,
    VENDOR_CLASS = 60,
    TFTP_SERVER = 66,
    BOOT_FILE = 67,
    CLIENT_FQDN = 81,
    ARCHITECTURE = 93,
    MACHINE_ID = 97,
    END = 255,
};

/* Options read: each once, its first occurrence. */
struct options {
    struct bytes at[256];
};

static const uint8_t cookie[COOKIE] = {0x63, 0x82, 0x53, 0x63};

/* RFC 2131 2, RFC 951: on its ports also a message of BOOTP, which has no cookie. */
static enum probe dhcp_probe(struct bytes head)
{
    enum { ADDRESS_MOST = 16 };
    if (head.len < FIXED || (head.at[0] != BOOT_REQUEST && head.at[0] != BOOT_REPLY) ||
        head.at[2] > ADDRESS_MOST) {
        return PROBE_NO;
    }
    return head.at[0] == BOOT_REQUEST ? PROBE_CLIENT : PROBE_SERVER;
}

static enum probe dhcp_probe_elsewhere(struct bytes head)
{
    return bytes_is(bytes_slice(head, FIXED, COOKIE), cookie, COOKIE) ? dhcp_probe(head) : PROBE_NO;
}

/* RFC 2132 2 */
static void read_options(struct bytes area, struct options *ret)
{
    struct cursor c = cursor_of(area);
    while (c.rest.len > 0) {
        uint8_t code = cursor_u8(&c);
        if (code == END) {
            return;
        }
        if (code != PAD) {
            struct bytes value = cursor_take(&c, cursor_u8(&c));
            if (c.failed) {
                return;
            }
            if (ret->at[code].at == NULL) {
                ret->at[code] = bytes_of(value.at, value.len);
            }
        }
    }
}

static void state_address(struct observation *o, enum fact_id id, struct bytes at)
{
    if (at.len >= 4 && (at.at[0] | at.at[1] | at.at[2] | at.at[3]) != 0) {
        observation_format(o, id, "%u.%u.%u.%u", at.at[0], at.at[1], at.at[2], at.at[3]);
    }
}

/* Text up to its first zero: fixed fields are padded, and some write the zero into options. */
static void state_text(struct observation *o, enum fact_id id, struct bytes at)
{
    const uint8_t *end = at.len == 0 ? NULL : memchr(at.at, 0, at.len);
    observation_utf8(o, id, end == NULL ? at : bytes_of(at.at, (size_t)(end - at.at)));
}

/* RFC 2132 9.6 and the registry of message types. */
static void state_message(struct observation *o, struct bytes type, bool reply)
{
    static const char *const names[] = {
        NULL,           "DISCOVER",    "OFFER",  "REQUEST",    "DECLINE",    "ACK",
        "NAK",          "RELEASE",     "INFORM", "FORCERENEW", "LEASEQUERY", "LEASEUNASSIGNED",
        "LEASEUNKNOWN", "LEASEACTIVE",
    };
    uint8_t code = type.len == 1 ? type.at[0] : 0;
    if (code == 0) {
        observation_string(o, FACT_DHCP_MESSAGE, reply ? "BOOTREPLY" : "BOOTREQUEST");
    } else if (code < sizeof names / sizeof *names) {
        observation_string(o, FACT_DHCP_MESSAGE, names[code]);
    } else {
        observation_format(o, FACT_DHCP_MESSAGE, "%u", code);
    }
}

/* RFC 4578 2.1 and IANA "Processor Architecture Types": 16-bit numbers. */
static void state_architectures(struct observation *o, struct bytes list)
{
    static const char *const names[] = {
        "x86 BIOS",
        "NEC/PC98",
        "EFI Itanium",
        "DEC Alpha",
        "Arc x86",
        "Intel Lean Client",
        "EFI x86",
        "EFI x64",
        "EFI Xscale",
        "EFI BC",
        "EFI ARM32",
        "EFI ARM64",
        "PowerPC Open Firmware",
        "PowerPC ePAPR",
        "POWER OPAL v3",
        "EFI x86 HTTP",
        "EFI x64 HTTP",
        "EFI BC HTTP",
        "EFI ARM32 HTTP",
        "EFI ARM64 HTTP",
        "x86 BIOS HTTP",
    };
    struct cursor c = cursor_of(list);
    while (c.rest.len >= 2) {
        uint16_t code = cursor_be16(&c);
        if (code < sizeof names / sizeof *names) {
            observation_string(o, FACT_DHCP_ARCHITECTURE, names[code]);
        } else {
            observation_format(o, FACT_DHCP_ARCHITECTURE, "%u", code);
        }
    }
}

/* RFC 4578 2.3: type 0, then a GUID, its first three parts little-endian as Windows sends them. */
static void state_machine(struct observation *o, struct bytes value)
{
    struct cursor c = cursor_of(value);
    uint8_t type = cursor_u8(&c);
    uint32_t first = cursor_le32(&c);
    uint16_t second = cursor_le16(&c), third = cursor_le16(&c);
    uint64_t rest = cursor_be64(&c);
    if (!c.failed && type == 0 && c.rest.len == 0) {
        char text[TEXT_UUID];
        text_uuid(text, first, second, third, rest);
        observation_string(o, FACT_DHCP_MACHINE_ID, text);
    }
}

/* RFC 2131 2: the fields that every message has. */
static void state_fixed(struct observation *o, struct bytes in)
{
    struct bytes mac = bytes_slice(in, AT_HARDWARE, 6);
    if (in.at[1] == ETHERNET && in.at[2] == 6) {
        observation_format(o, FACT_DHCP_CLIENT_MAC, "%02x:%02x:%02x:%02x:%02x:%02x", mac.at[0],
                           mac.at[1], mac.at[2], mac.at[3], mac.at[4], mac.at[5]);
    }
    state_address(o, FACT_DHCP_CLIENT_IP, bytes_slice(in, AT_CLIENT, 4));
    state_address(o, FACT_DHCP_YOUR_IP, bytes_slice(in, AT_CLIENT + 4, 4));
    state_address(o, FACT_DHCP_NEXT_SERVER, bytes_slice(in, AT_CLIENT + 8, 4));
    state_address(o, FACT_DHCP_RELAY, bytes_slice(in, AT_CLIENT + 12, 4));
}

/* RFC 2132 9.3: the name fields may hold options instead; 9.4, 9.5: options name what they held. */
static void state_boot(struct observation *o, struct bytes in, struct options *all)
{
    struct bytes server = bytes_slice(in, AT_SERVER_NAME, SERVER_NAME);
    struct bytes file = bytes_slice(in, AT_FILE, FILE_NAME);
    uint8_t overload = all->at[OVERLOAD].len == 1 ? all->at[OVERLOAD].at[0] : 0;
    if ((overload & 1) != 0) {
        read_options(file, all);
        file = (struct bytes){0};
    }
    if ((overload & 2) != 0) {
        read_options(server, all);
        server = (struct bytes){0};
    }
    state_text(o, FACT_DHCP_BOOT_SERVER,
               all->at[TFTP_SERVER].len > 0 ? all->at[TFTP_SERVER] : server);
    state_text(o, FACT_DHCP_BOOT_FILE, all->at[BOOT_FILE].len > 0 ? all->at[BOOT_FILE] : file);
}

/* RFC 4702 2: flags and two codes, then the name; in DNS's form when flag E is set. */
static void state_fqdn(struct observation *o, struct bytes value)
{
    if (value.len > 3 && (value.at[0] & 0x04) == 0) {
        state_text(o, FACT_DHCP_CLIENT_FQDN, bytes_from(value, 3));
    }
}

static void state_options(struct observation *o, const struct options *all)
{
    state_text(o, FACT_DHCP_HOST_NAME, all->at[HOST_NAME]);
    state_fqdn(o, all->at[CLIENT_FQDN]);
    state_text(o, FACT_DHCP_VENDOR_CLASS, all->at[VENDOR_CLASS]);
    state_address(o, FACT_DHCP_REQUESTED_IP, all->at[REQUESTED_ADDRESS]);
    state_address(o, FACT_DHCP_SERVER_ID, all->at[SERVER_ID]);
    state_architectures(o, all->at[ARCHITECTURE]);
    state_machine(o, all->at[MACHINE_ID]);
    for (unsigned code = 0; code < END; code++) {
        if (all->at[code].at != NULL) {
            observation_format(o, FACT_DHCP_OPTIONS, "%u", code);
        }
    }
}

static struct fed dhcp_feed(struct dissection *dx, void *state, enum dir dir, struct bytes in)
{
    (void)state;
    if (in.len < FIXED || in.at[0] < BOOT_REQUEST || in.at[0] > BOOT_REPLY) {
        return fed_bad();
    }
    struct observation *o = dissection_begin(dx, RECORD_DHCP);
    if (o == NULL || o->muted) {
        dissection_drop(dx, o);
        return fed_ok(in.len);
    }
    struct options all = {0};
    const struct flow *flow = dissection_flow(dx);
    if (bytes_is(bytes_slice(in, FIXED, COOKIE), cookie, COOKIE)) {
        read_options(bytes_from(in, OPTIONS), &all);
    }
    state_fixed(o, in);
    state_boot(o, in, &all);
    state_message(o, all.at[MESSAGE_TYPE], in.at[0] == BOOT_REPLY);
    state_options(o, &all);
    if (flow->ends[DIR_SERVER].port == PXE_PORT || flow->ends[DIR_CLIENT].port == PXE_PORT) {
        observation_bool(o, FACT_DHCP_PROXY, true);
    }
    dissection_send(dx, o, dir);
    return fed_ok(in.len);
}

const struct dissector dhcp_dissector = {
    .name = "dhcp",
    .ports = PORTS(67, 68, PXE_PORT),
    .udp = true,
    .records = 1u << RECORD_DHCP,
    .state_size = 1,
    .probe = dhcp_probe,
    .probe_elsewhere = dhcp_probe_elsewhere,
    .feed = dhcp_feed,
};
