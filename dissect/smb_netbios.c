/*
 * smb_netbios.c - the session service of NetBIOS, which stands before SMB on port 139: who is
 * called, by whom, and whether there is an answer.
 *
 * Spec: RFC 1002 4.3.2 to 4.3.5; names: RFC 1001 14.1.
 */
#include "dissect/smb.h"

#include <stdio.h>

enum { NAME_OCTETS = 16, LETTERS = 2 * NAME_OCTETS };

/* RFC 1001 14.1: 16 octets as 32 letters; a scope may follow. Moves past the name. */
bool smb_netbios_name(struct cursor *c, struct bytes *ret_letters)
{
    struct bytes letters = {0};
    if (cursor_u8(c) == LETTERS) {
        letters = cursor_take(c, LETTERS);
    }
    for (size_t i = 0; i < letters.len; i++) {
        if (letters.at[i] < 'A' || letters.at[i] > 'P') {
            return false;
        }
    }
    if (letters.len == 0) {
        return false;
    }
    uint8_t label = cursor_u8(c);
    while (label != 0 && label < 64 && !c->failed) {
        cursor_skip(c, label);
        label = cursor_u8(c);
    }
    *ret_letters = letters;
    return label == 0 && !c->failed;
}

/* "DP01<20>": the name without its filling, and what the 16th octet says it is for. */
static void state_name(struct observation *o, enum fact_id id, struct bytes letters)
{
    char text[NAME_OCTETS + sizeof "<20>"];
    size_t len = 0;
    uint8_t octet = 0;
    for (size_t i = 0; i < NAME_OCTETS; i++) {
        octet = (uint8_t)((letters.at[2 * i] - 'A') << 4 | (letters.at[2 * i + 1] - 'A'));
        text[i] = (char)octet;
        len = i + 1 < NAME_OCTETS && octet != ' ' && octet != '\0' ? i + 1 : len;
    }
    int more = snprintf(text + len, sizeof text - len, "<%02x>", octet);
    observation_utf8(o, id, bytes_of(text, len + (size_t)more));
}

void smb_netbios_request(struct dissection *dx, struct smb_state *s, struct bytes names)
{
    struct cursor c = cursor_of(names);
    struct bytes called;
    struct bytes calling;
    if (!smb_netbios_name(&c, &called) || !smb_netbios_name(&c, &calling)) {
        dissection_anomaly(dx, "smb.bad_header");
        return;
    }
    smb_netbios_end(dx, s);
    struct observation *o = s->netbios = smb_record(dx, "netbios_session");
    if (o != NULL) {
        state_name(o, FACT_SMB_CALLED_NAME, called);
        state_name(o, FACT_SMB_CALLING_NAME, calling);
        observation_stamp(o, FACT_SMB_REQUEST_PACKET, dissection_at(dx));
    }
}

/* RFC 1002 4.3.4 */
static void state_error(struct observation *o, uint8_t code)
{
    static const struct {
        uint8_t code;
        const char *name;
    } names[] = {
        {0x80, "Not listening on called name"},
        {0x81, "Not listening for calling name"},
        {0x82, "Called name not present"},
        {0x83, "Called name present, but insufficient resources"},
        {0x8f, "Unspecified error"},
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (names[i].code == code) {
            observation_string(o, FACT_SMB_ERROR, names[i].name);
        }
    }
    observation_num(o, FACT_SMB_ERROR_CODE, code);
}

void smb_netbios_reply(struct dissection *dx, struct smb_state *s, uint8_t type,
                       struct bytes content)
{
    struct cursor c = cursor_of(content);
    if (s->netbios == NULL) { /* the request was not captured */
        s->netbios = smb_record(dx, "netbios_session");
    }
    struct observation *o = s->netbios;
    if (o == NULL) {
        return;
    }
    if (type == NBSS_NEGATIVE) {
        observation_string(o, FACT_SMB_RESULT, "negative");
        state_error(o, cursor_u8(&c));
    } else if (type == NBSS_RETARGET) { /* RFC 1002 4.3.5 */
        struct bytes ip = cursor_take(&c, 4);
        uint16_t port = cursor_be16(&c);
        observation_string(o, FACT_SMB_RESULT, "retarget");
        if (!c.failed) {
            observation_format(o, FACT_SMB_RETARGET, "%u.%u.%u.%u:%u", ip.at[0], ip.at[1], ip.at[2],
                               ip.at[3], port);
        }
    } else {
        observation_string(o, FACT_SMB_RESULT, "positive");
    }
    observation_stamp(o, FACT_SMB_RESPONSE_PACKET, dissection_at(dx));
    dissection_send(dx, o, DIR_SERVER);
    s->netbios = NULL;
}

void smb_netbios_end(struct dissection *dx, struct smb_state *s)
{
    dissection_send(dx, s->netbios, DIR_CLIENT);
    s->netbios = NULL;
}
