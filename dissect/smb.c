/*
 * smb.c - SMB over TCP: frames, and which generation of the protocol is in them.
 */
#include "dissect/smb.h"

#include "dissect/nt_status.h"
#include "dissect/text.h"

enum { NBSS_HEADER = 4, NBSS_REQUEST_MOST = 576 };

enum { SMB2_TRANSFORM_HEADER = 52, SMB2_COMPRESSION_HEADER = 16 };

/* [MS-SMB2] 2.1: no message is longer than a frame can say. */
enum { COMPRESSED_MOST = (1 << 24) - 1 };

struct observation *smb_record(struct dissection *dx, const char *message)
{
    struct observation *o = dissection_begin(dx, RECORD_SMB);
    if (o != NULL) {
        observation_string(o, FACT_SMB_MESSAGE, message);
    }
    return o;
}

/* [MS-CIFS] 2.2.2.4: what an SMB1 client that knows no NT codes is told; the class in the lowest
 * octet, the code in the upper half. */
static const char *dos_error_name(uint32_t status)
{
    static const struct {
        uint32_t status;
        const char *name;
    } names[] = {
        {0x00020001, "ERRbadfile"},         {0x00030001, "ERRbadpath"},
        {0x00050001, "ERRnoaccess"},        {0x00060001, "ERRbadfid"},
        {0x00080001, "ERRnomem"},           {0x00500001, "ERRfilexists"},
        {0x00200001, "ERRbadshare"},        {0x00ea0001, "ERRmoredata"},
        {0x00010002, "ERRerror"},           {0x00020002, "ERRbadpw"},
        {0x00040002, "ERRaccess"},          {0x00050002, "ERRinvtid"},
        {0x00060002, "ERRinvnetname"},      {0x00070002, "ERRinvdevice"},
        {0x005b0002, "ERRbaduid"},          {0x08bf0002, "ERRaccountExpired"},
        {0x08c00002, "ERRbadClient"},       {0x08c10002, "ERRbadLogonTime"},
        {0x08c20002, "ERRpasswordExpired"},
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (names[i].status == status) {
            return names[i].name;
        }
    }
    return NULL;
}

void smb_state_status(struct observation *o, uint32_t status)
{
    const char *name = nt_status_name(status);
    name = name == NULL ? dos_error_name(status) : name;
    if (name != NULL) {
        observation_string(o, FACT_SMB_STATUS, name);
    } else {
        observation_format(o, FACT_SMB_STATUS, "0x%08x", status);
    }
    observation_num(o, FACT_SMB_STATUS_CODE, status);
}

/* [MS-DTYP] 2.3.4.2: the first three fields are little-endian. */
void smb_state_guid(struct observation *o, enum fact_id id, struct bytes guid)
{
    struct cursor c = cursor_of(guid);
    uint32_t first = cursor_le32(&c);
    uint16_t second = cursor_le16(&c);
    uint16_t third = cursor_le16(&c);
    uint64_t rest = cursor_be64(&c);
    if (!c.failed) {
        char text[TEXT_UUID];
        text_uuid(text, first, second, third, rest);
        observation_string(o, id, text);
    }
}

/* ---- probing ---- */

/* RFC 1002 4.3.2 */
static enum probe probe_request(struct bytes head)
{
    struct cursor c = cursor_of(head);
    cursor_skip(&c, 2);
    size_t length = cursor_be16(&c);
    if (length < 68 || length > NBSS_REQUEST_MOST || head.at[1] > 1) {
        return PROBE_NO;
    }
    if (head.len < NBSS_HEADER + length) {
        return PROBE_MORE;
    }
    struct cursor names = cursor_sub(&c, length);
    struct bytes name;
    return smb_netbios_name(&names, &name) && smb_netbios_name(&names, &name) && names.rest.len == 0
               ? PROBE_CLIENT
               : PROBE_NO;
}

/* RFC 1002 4.3.4, 4.3.5: the last that its server says. */
static enum probe probe_refusal(struct bytes head)
{
    static const uint8_t negative[] = {NBSS_NEGATIVE, 0, 0, 1};
    static const uint8_t retarget[] = {NBSS_RETARGET, 0, 0, 6};
    bool refused = head.len == NBSS_HEADER + 1 && memcmp(head.at, negative, NBSS_HEADER) == 0 &&
                   ((head.at[4] >= 0x80 && head.at[4] <= 0x83) || head.at[4] == 0x8f);
    bool sent_on = head.len == NBSS_HEADER + 6 && memcmp(head.at, retarget, NBSS_HEADER) == 0 &&
                   head.at[4] != 0;
    return refused || sent_on ? PROBE_SERVER : PROBE_NO;
}

/* [MS-CIFS] 2.2.3.1 */
static enum probe probe_smb1(struct bytes smb, size_t length)
{
    if (length <= SMB1_HEADER) {
        return PROBE_NO;
    }
    if (smb.len < 10) {
        return PROBE_MORE;
    }
    /* Some clients send the header by itself: it is enough. */
    size_t words = smb.len > SMB1_HEADER ? smb.at[SMB1_HEADER] : 0;
    if (!smb1_command_known(smb.at[4]) || SMB1_HEADER + 1 + 2 * words > length) {
        return PROBE_NO;
    }
    return (smb.at[9] & 0x80) != 0 ? PROBE_SERVER : PROBE_CLIENT;
}

/* [MS-SMB2] 2.2.1 */
static enum probe probe_smb2(struct bytes smb, size_t length)
{
    if (length < SMB2_HEADER) {
        return PROBE_NO;
    }
    struct cursor c = cursor_of(smb);
    cursor_skip(&c, 4);
    uint16_t structure = cursor_le16(&c);
    cursor_skip(&c, 6);
    uint16_t command = cursor_le16(&c);
    cursor_skip(&c, 2);
    uint32_t flags = cursor_le32(&c);
    uint32_t next = cursor_le32(&c);
    if (c.failed) {
        return PROBE_MORE;
    }
    if (structure != SMB2_HEADER || command > 18 || next % 8 != 0 || next >= length) {
        return PROBE_NO;
    }
    return (flags & 1) != 0 ? PROBE_SERVER : PROBE_CLIENT;
}

/* [MS-SMB2] 2.2.41 */
static enum probe probe_transform(struct bytes smb, size_t length)
{
    struct cursor c = cursor_of(smb);
    cursor_skip(&c, 36);
    uint32_t size = cursor_le32(&c);
    cursor_skip(&c, 2);
    uint16_t flags = cursor_le16(&c);
    if (c.failed) {
        return PROBE_MORE;
    }
    bool fits = length >= SMB2_TRANSFORM_HEADER && size <= length - SMB2_TRANSFORM_HEADER;
    return fits && size >= SMB2_HEADER && (flags == 1 || flags == 2) ? PROBE_EITHER : PROBE_NO;
}

/* [MS-SMB2] 2.2.42 */
static enum probe probe_compression(struct bytes smb, size_t length)
{
    struct cursor c = cursor_of(smb);
    cursor_skip(&c, 8);
    uint16_t algorithm = cursor_le16(&c);
    uint16_t flags = cursor_le16(&c);
    if (c.failed) {
        return PROBE_MORE;
    }
    return length >= SMB2_COMPRESSION_HEADER && algorithm <= 5 && flags <= 1 ? PROBE_EITHER
                                                                             : PROBE_NO;
}

static enum probe probe_message(struct bytes head)
{
    struct cursor c = cursor_of(head);
    cursor_skip(&c, 1);
    size_t length = cursor_be24(&c);
    if (c.failed || c.rest.len == 0) {
        return PROBE_MORE;
    }
    uint8_t generation = c.rest.at[0];
    if (generation < 0xfc) {
        return PROBE_NO;
    }
    static const uint8_t name[3] = {'S', 'M', 'B'};
    size_t seen = c.rest.len - 1 < sizeof name ? c.rest.len - 1 : sizeof name;
    if (memcmp(name, c.rest.at + 1, seen) != 0) {
        return PROBE_NO;
    }
    if (seen < sizeof name) {
        return PROBE_MORE;
    }
    switch (generation) {
    case 0xff:
        return probe_smb1(c.rest, length);
    case 0xfe:
        return probe_smb2(c.rest, length);
    case 0xfd:
        return probe_transform(c.rest, length);
    default:
        return probe_compression(c.rest, length);
    }
}

static enum probe smb_probe(struct bytes head)
{
    if (head.len < NBSS_HEADER) {
        bool may_be =
            head.len > 0 && (head.at[0] == NBSS_MESSAGE ||
                             (head.at[0] >= NBSS_REQUEST && head.at[0] <= NBSS_KEEPALIVE));
        return may_be || head.len == 0 ? PROBE_MORE : PROBE_NO;
    }
    /* A keepalive or a positive response says too little by itself: what follows decides. */
    struct cursor c = cursor_of(head);
    while (c.rest.len >= NBSS_HEADER &&
           (c.rest.at[0] == NBSS_POSITIVE || c.rest.at[0] == NBSS_KEEPALIVE)) {
        cursor_skip(&c, 1);
        if (cursor_be24(&c) != 0) {
            return PROBE_NO;
        }
    }
    if (c.rest.len == 0) {
        return PROBE_MORE;
    }
    switch (c.rest.at[0]) {
    case NBSS_MESSAGE:
        return probe_message(c.rest);
    case NBSS_REQUEST:
        return c.rest.len < NBSS_HEADER ? PROBE_MORE : probe_request(c.rest);
    case NBSS_POSITIVE:
    case NBSS_KEEPALIVE:
        return PROBE_MORE;
    case NBSS_NEGATIVE:
    case NBSS_RETARGET:
        return probe_refusal(c.rest);
    default:
        return PROBE_NO;
    }
}

/* ---- reading ---- */

static struct fed bad(struct dissection *dx, struct smb_lane *lane, const char *anomaly)
{
    dissection_anomaly(dx, anomaly);
    lane->left = 0;
    return fed_bad();
}

static struct fed pass_control(struct dissection *dx, struct smb_state *s, uint8_t type,
                               struct bytes in, size_t length)
{
    if (type == NBSS_KEEPALIVE || !dissection_details(dx)) {
        return fed_skip(NBSS_HEADER, length);
    }
    if (in.len < NBSS_HEADER + length) {
        return fed_more(NBSS_HEADER + length);
    }
    if (type == NBSS_REQUEST) {
        smb_netbios_request(dx, s, bytes_slice(in, NBSS_HEADER, length));
    } else {
        smb_netbios_reply(dx, s, type, bytes_slice(in, NBSS_HEADER, length));
    }
    return fed_ok(NBSS_HEADER + length);
}

/* What is no message: its type says how long it is. RFC 1002 4.3.2 to 4.3.6 */
static struct fed read_control(struct dissection *dx, struct smb_state *s, struct smb_lane *lane,
                               struct bytes in, size_t length)
{
    uint8_t type = in.at[0];
    static const struct {
        uint8_t type;
        uint16_t least, most;
    } controls[] = {
        {NBSS_REQUEST, 68, NBSS_REQUEST_MOST},
        {NBSS_POSITIVE, 0, 0},
        {NBSS_NEGATIVE, 1, 1},
        {NBSS_RETARGET, 6, 6},
        {NBSS_KEEPALIVE, 0, 0},
    };
    for (size_t i = 0; i < sizeof controls / sizeof controls[0]; i++) {
        if (controls[i].type == type && length >= controls[i].least && length <= controls[i].most) {
            return pass_control(dx, s, type, in, length);
        }
    }
    return bad(dx, lane, "smb.bad_header");
}

/* RFC 1002 4.3.1, [MS-SMB2] 2.1 */
static struct fed read_frame(struct dissection *dx, struct smb_state *s, struct smb_lane *lane,
                             struct bytes in)
{
    struct cursor c = cursor_of(in);
    uint8_t type = cursor_u8(&c);
    size_t length = cursor_be24(&c);
    if (c.failed) {
        return fed_more(NBSS_HEADER);
    }
    if (type != NBSS_MESSAGE) {
        return read_control(dx, s, lane, in, length);
    }
    if (length > 0 && length < SMB2_COMPRESSION_HEADER) {
        return bad(dx, lane, "smb.bad_length");
    }
    lane->left = length;
    lane->session = 0;
    lane->opening = 0;
    lane->tree = UINT32_MAX;
    return fed_ok(NBSS_HEADER);
}

/* The rest of the frame after `used` octets of it. */
static struct fed pass_frame(struct smb_lane *lane, size_t used)
{
    size_t rest = lane->left - used;
    lane->left = 0;
    return fed_skip(used, rest);
}

static struct fed read_smb1(struct dissection *dx, struct smb_state *s, struct smb_lane *lane,
                            struct bytes in)
{
    if (lane->left <= SMB1_HEADER) {
        return bad(dx, lane, "smb.bad_length");
    }
    if (in.len < SMB1_HEADER + 1) {
        return fed_more(SMB1_HEADER + 1);
    }
    size_t want = smb1_want(dx, s, in, lane->left);
    if (in.len < want) {
        return fed_more(want);
    }
    smb1_message(dx, s, bytes_of(in.at, want), lane->left);
    return pass_frame(lane, want);
}

/* One message of a compound, or the only one. [MS-SMB2] 2.2.1.2, 3.2.5.1.9 */
static struct fed read_smb2(struct dissection *dx, struct smb_state *s, enum dir dir,
                            struct bytes in)
{
    struct smb_lane *lane = &s->lanes[dir];
    if (lane->left < SMB2_HEADER) {
        return bad(dx, lane, "smb.bad_length");
    }
    if (in.len < SMB2_HEADER) {
        return fed_more(SMB2_HEADER);
    }
    struct cursor c = cursor_of(in);
    cursor_skip(&c, 4);
    uint16_t structure = cursor_le16(&c);
    cursor_skip(&c, 14);
    size_t next = cursor_le32(&c);
    if (structure != SMB2_HEADER) {
        return bad(dx, lane, "smb.bad_header");
    }
    if (next != 0 && (next < SMB2_HEADER || next >= lane->left)) {
        return bad(dx, lane, "smb.bad_length");
    }
    size_t length = next == 0 ? lane->left : next;
    size_t want = smb2_want(s, in, length);
    if (in.len < want) {
        return fed_more(want);
    }
    smb2_message(dx, s, dir, bytes_of(in.at, want), length);
    lane->left -= length;
    return fed_skip(want, length - want);
}

static struct fed read_transform(struct dissection *dx, struct smb_state *s, struct smb_lane *lane,
                                 struct bytes in)
{
    if (lane->left < SMB2_TRANSFORM_HEADER) {
        return bad(dx, lane, "smb.bad_length");
    }
    if (in.len < SMB2_TRANSFORM_HEADER) {
        return fed_more(SMB2_TRANSFORM_HEADER);
    }
    smb2_transform(dx, s, bytes_of(in.at, SMB2_TRANSFORM_HEADER));
    return pass_frame(lane, SMB2_TRANSFORM_HEADER);
}

/* What stands in front of the compressed octets is as it was, and mostly holds the message's head:
 * where it lies and how long the whole is. Without it `len` is 0. [MS-SMB2] 2.2.42 */
struct compressed {
    size_t at, len, whole;
};

static struct compressed read_compression(struct bytes header)
{
    enum { FLAG_CHAINED = 1, NO_ALGORITHM = 0 };
    struct cursor c = cursor_of(header);
    cursor_skip(&c, 4);
    size_t original = cursor_le32(&c);
    uint16_t algorithm = cursor_le16(&c);
    uint16_t flags = cursor_le16(&c);
    size_t offset = cursor_le32(&c);
    if ((flags & FLAG_CHAINED) == 0) { /* 2.2.42.1: offset octets, then the compressed ones */
        return (struct compressed){SMB2_COMPRESSION_HEADER, offset, original + offset};
    }
    /* 2.2.42.2: payloads with headers of their own, of which the first is that read here. */
    return (struct compressed){SMB2_COMPRESSION_HEADER, algorithm == NO_ALGORITHM ? offset : 0,
                               original};
}

static struct fed read_compressed(struct dissection *dx, struct smb_state *s, enum dir dir,
                                  struct bytes in)
{
    struct smb_lane *lane = &s->lanes[dir];
    if (lane->left < SMB2_COMPRESSION_HEADER) {
        return bad(dx, lane, "smb.bad_length");
    }
    if (in.len < SMB2_COMPRESSION_HEADER) {
        return fed_more(SMB2_COMPRESSION_HEADER);
    }
    struct compressed part = read_compression(in);
    size_t room = lane->left - part.at;
    part.len = part.len < room ? part.len : room;
    if (part.len < SMB2_HEADER || part.whole < part.len || part.whole > COMPRESSED_MOST) {
        dissection_anomaly(dx, "smb.compressed");
        return pass_frame(lane, SMB2_COMPRESSION_HEADER);
    }
    if (in.len < part.at + SMB2_HEADER) {
        return fed_more(part.at + SMB2_HEADER);
    }
    struct bytes head = bytes_from(in, part.at);
    if (!bytes_has_prefix(head, "\xfeSMB", 4)) {
        return pass_frame(lane, SMB2_COMPRESSION_HEADER);
    }
    size_t want = smb2_want(s, head, part.whole);
    want = want < part.len ? want : part.len;
    if (head.len < want) {
        return fed_more(part.at + want);
    }
    smb2_message(dx, s, dir, bytes_of(head.at, want), part.whole);
    return pass_frame(lane, part.at + want);
}

static struct fed smb_feed(struct dissection *dx, void *state, enum dir dir, struct bytes in)
{
    struct smb_state *s = state;
    struct smb_lane *lane = &s->lanes[dir];
    if (lane->left == 0) {
        return read_frame(dx, s, lane, in);
    }
    if (in.len < 4) {
        return fed_more(4);
    }
    if (memcmp(in.at + 1, "SMB", 3) != 0) {
        return bad(dx, lane, "smb.bad_header");
    }
    switch (in.at[0]) {
    case 0xff:
        return read_smb1(dx, s, lane, in);
    case 0xfe:
        return read_smb2(dx, s, dir, in);
    case 0xfd:
        return read_transform(dx, s, lane, in);
    case 0xfc:
        return read_compressed(dx, s, dir, in);
    default:
        return bad(dx, lane, "smb.bad_header");
    }
}

static bool smb_gap(struct dissection *dx, void *state, enum dir dir, uint64_t missing)
{
    (void)dx;
    (void)missing;
    struct smb_state *s = state;
    s->lanes[dir].left = 0;
    smb_pipes_gap(s, dir);
    return true;
}

static void smb_end(struct dissection *dx, void *state, const struct outcome *outcome)
{
    (void)outcome;
    struct smb_state *s = state;
    smb_negotiation_send(dx, s, s->negotiation.answered ? DIR_SERVER : DIR_CLIENT);
    smb_netbios_end(dx, s);
    smb_files_end(dx, s);
    smb_trees_end(dx, s);
    smb_sessions_end(dx, s);
}

static const uint16_t ports[] = {445, 139, 0};

const struct dissector smb_dissector = {
    .name = "smb",
    .ports = ports,
    .tcp = true,
    .state_size = sizeof(struct smb_state),
    .probe = smb_probe,
    .feed = smb_feed,
    .gap = smb_gap,
    .end = smb_end,
};
