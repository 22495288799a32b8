#include "tests/bench/spnego.h"

#include <string.h>

#include "tests/bench/hosts.h"
#include "tests/bench/octets.h"
#include "tests/bench/random.h"

enum { NEGOTIATE = 1, CHALLENGE = 2, AUTHENTICATE = 3 };
/* [MS-NLMP] 2.2.2.5, as Windows 10 and Server 2019 send them */
static const uint32_t negotiate_flags = 0xe2088297;
static const uint32_t server_flags = 0xe2898215;
static const uint32_t client_flags = 0xe2888215;
static const uint32_t negotiate_sign = 0x10;

/* [MS-NLMP] 2.2.2.1 */
enum {
    AV_EOL = 0,
    AV_COMPUTER = 1,
    AV_DOMAIN = 2,
    AV_DNS_COMPUTER = 3,
    AV_DNS_DOMAIN = 4,
    AV_DNS_TREE = 5,
    AV_FLAGS = 6,
    AV_TIMESTAMP = 7,
    AV_TARGET_NAME = 9,
    AV_CHANNEL_BINDINGS = 10,
    AV_FLAG_MIC = 2,
};

/* FILETIME of the captured morning, 2026-03-02T08:00:00Z, in 100 ns since 1601. */
static const uint64_t morning = UINT64_C(134169120000000000);

static void put_header(struct octets *o, uint32_t type)
{
    octets_copy(o, "NTLMSSP", 8);
    octets_le32(o, type);
}

/* [MS-NLMP] 2.2.2.10: Windows 10.0.17763, revision 15. */
static void put_version(struct octets *o)
{
    static const uint8_t version[] = {10, 0, 0x63, 0x45, 0, 0, 0, 15};
    octets_copy(o, version, sizeof version);
}

/* Len, MaxLen and BufferOffset, to be set when the payload is there; returns where they lie. */
static size_t reserve_field(struct octets *o)
{
    octets_zero(o, 8);
    return o->len - 8;
}

static void set_field(struct octets *o, size_t field, size_t message, size_t from)
{
    uint16_t len = (uint16_t)(o->len - from);
    octets_set_le16(o, field, len);
    octets_set_le16(o, field + 2, len);
    octets_set_le32(o, field + 4, (uint32_t)(from - message));
}

static void put_text_field(struct octets *o, size_t field, size_t message, const char *text)
{
    size_t from = o->len;
    octets_utf16(o, text);
    set_field(o, field, message, from);
}

static void put_av(struct octets *o, uint16_t id, const char *text)
{
    octets_le16(o, id);
    octets_le16(o, (uint16_t)(2 * strlen(text)));
    octets_utf16(o, text);
}

static void put_target_info(struct octets *o, const struct ntlm_talk *talk)
{
    put_av(o, AV_DOMAIN, NETBIOS_DOMAIN);
    put_av(o, AV_COMPUTER, talk->server_short);
    put_av(o, AV_DNS_DOMAIN, DOMAIN);
    put_av(o, AV_DNS_COMPUTER, talk->server_fqdn);
    put_av(o, AV_DNS_TREE, DOMAIN);
    octets_le16(o, AV_TIMESTAMP);
    octets_le16(o, 8);
    octets_le64(o, morning);
}

/* [MS-NLMP] 2.2.1.1 */
void ntlm_negotiate(struct octets *o)
{
    put_header(o, NEGOTIATE);
    octets_le32(o, negotiate_flags);
    octets_zero(o, 16); /* no domain, no workstation */
    put_version(o);
}

/* [MS-NLMP] 2.2.1.2 */
void ntlm_challenge(struct octets *o, const struct ntlm_talk *talk)
{
    size_t message = o->len;

    put_header(o, CHALLENGE);
    size_t target = reserve_field(o);
    octets_le32(o, server_flags);
    octets_copy(o, talk->challenge, sizeof talk->challenge);
    octets_zero(o, 8);
    size_t info = reserve_field(o);
    put_version(o);
    put_text_field(o, target, message, NETBIOS_DOMAIN);
    size_t from = o->len;
    put_target_info(o, talk);
    octets_le32(o, AV_EOL);
    set_field(o, info, message, from);
}

/* NTLMv2_RESPONSE, [MS-NLMP] 2.2.2.8, 2.2.2.7 */
static void put_nt_response(struct octets *o, const struct ntlm_talk *talk)
{
    random_octets(talk->random, o, 16); /* NTProofStr */
    octets_le16(o, 0x0101);
    octets_zero(o, 6);
    octets_le64(o, morning);
    random_octets(talk->random, o, 8);
    octets_zero(o, 4);
    put_target_info(o, talk);
    octets_le16(o, AV_FLAGS);
    octets_le16(o, 4);
    octets_le32(o, AV_FLAG_MIC);
    octets_le16(o, AV_CHANNEL_BINDINGS);
    octets_le16(o, 16);
    octets_zero(o, 16);
    put_av(o, AV_TARGET_NAME, talk->target_spn);
    octets_le32(o, AV_EOL);
    octets_zero(o, 4);
}

/* [MS-NLMP] 2.2.1.3 */
void ntlm_authenticate(struct octets *o, const struct ntlm_talk *talk)
{
    size_t message = o->len;

    put_header(o, AUTHENTICATE);
    size_t lm = reserve_field(o), nt = reserve_field(o), domain = reserve_field(o);
    size_t user = reserve_field(o), workstation = reserve_field(o), key = reserve_field(o);
    octets_le32(o, talk->unprotected ? client_flags & ~negotiate_sign : client_flags);
    put_version(o);
    random_octets(talk->random, o, 16); /* MIC */
    put_text_field(o, domain, message, NETBIOS_DOMAIN);
    put_text_field(o, user, message, talk->user);
    put_text_field(o, workstation, message, talk->workstation);
    size_t from = o->len;
    octets_zero(o, 24); /* with a timestamp from the server the LM response stays empty */
    set_field(o, lm, message, from);
    from = o->len;
    put_nt_response(o, talk);
    set_field(o, nt, message, from);
    from = o->len;
    random_octets(talk->random, o, 16);
    set_field(o, key, message, from);
}
