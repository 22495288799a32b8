/*
 * deciding_windows.c - the layouts of Microsoft's protocols: NTLM, SMB, DCERPC, TDS, and of
 * Kerberos and LDAP, which are told apart by their tags.
 */
#include <ctype.h>

#include "dissect/base64.h"
#include "dissect/der.h"
#include "reports/deciding_parts.h"

/* ---- NTLM ---- */

#define NTLM_SIGNATURE "NTLMSSP" /* and a zero octet */
#define NTLM_BASE64 "TlRMTVNTUAA"
#define NTLM_FIELDS 64 /* of an AUTHENTICATE: lengths, offsets and flags */

/* Octets from the beginning on that hold no challenge and no response, wherever the message says
 * that these are ([MS-NLMP] 2.2.1); 0: no message. */
static size_t ntlm_open(struct bytes message, const char **ret_name)
{
    struct cursor c = cursor_of(message);
    cursor_skip(&c, 8);
    uint32_t type = cursor_le32(&c);
    size_t open = type == 1 ? 32 : type == 2 ? 24 : type == 3 ? NTLM_FIELDS : 0;
    static const char *const names[] = {"", "NEGOTIATE", "CHALLENGE", "AUTHENTICATE"};
    *ret_name = names[type < 4 ? type : 0];
    for (unsigned i = 0; type == 3 && i < 6; i++) {
        uint16_t len = cursor_le16(&c);
        cursor_skip(&c, 2);
        uint32_t offset = cursor_le32(&c);
        open = len > 0 && offset < open ? offset : open;
    }
    return c.failed ? 0 : open;
}

static bool look_at_ntlm_base64(struct sight *s)
{
    const struct bytes text =
        bytes_from(s->content, sight_find(s->content, NTLM_BASE64, sizeof NTLM_BASE64 - 1));
    uint8_t octets[NTLM_FIELDS + 2];
    const char *name = "";
    size_t digits = 0, len = 0;
    while (digits < text.len && digits < NTLM_FIELDS / 3 * 4 + 4 &&
           (isalnum(text.at[digits]) || text.at[digits] == '+' || text.at[digits] == '/')) {
        digits++;
    }
    digits -= digits % 4;
    bool read = base64_decode(bytes_of(text.at, digits), octets, sizeof octets, &len);
    size_t open = read ? ntlm_open(bytes_of(octets, len), &name) : 0;
    return open > 0 && sight_show(s, text, open / 3 * 4, "NTLM %s in base64", name);
}

bool look_at_ntlm(struct sight *s)
{
    const struct bytes message =
        bytes_from(s->content, sight_find(s->content, NTLM_SIGNATURE, sizeof NTLM_SIGNATURE));
    const char *name = "";
    size_t open = message.len == 0 ? 0 : ntlm_open(message, &name);
    return open > 0 ? sight_show(s, message, open, "NTLM %s", name) : look_at_ntlm_base64(s);
}

/* ---- SMB ---- */

#define SMB2_HEADER 64
#define SMB1_HEADER 32

/* [MS-SMB2] 2.2: with the header, the fixed part of what negotiates; security buffers, which follow
 * it, are not shown, and of a file that is opened its name is. */
static bool look_at_smb2(struct sight *s, struct bytes message)
{
    static const char *const names[] = {
        "NEGOTIATE", "SESSION_SETUP", "LOGOFF", "TREE_CONNECT", "TREE_DISCONNECT",
        "CREATE",    "CLOSE",         "FLUSH",  "READ",         "WRITE",
        "LOCK",      "IOCTL",         "CANCEL", "ECHO",         "QUERY_DIRECTORY"};
    /* Request and response. */
    static const uint8_t fixed[][2] = {{32, 32}, {12, 4}, {4, 4}, {32, 16}};
    enum { CREATE = 5 };
    struct cursor c = cursor_of(message);
    cursor_skip(&c, 12);
    uint16_t command = cursor_le16(&c);
    cursor_skip(&c, 2);
    bool response = (cursor_le32(&c) & 1) != 0;
    if (message.len < SMB2_HEADER) {
        return false;
    }
    const char *way = response ? "response" : "request";
    size_t body = command < sizeof fixed / sizeof *fixed ? fixed[command][response] : 0;
    if (command == CREATE && !response) {
        c = cursor_of(bytes_from(message, SMB2_HEADER + 44));
        uint16_t offset = cursor_le16(&c), len = cursor_le16(&c);
        const struct bytes name = bytes_slice(message, offset, len);
        if (!c.failed && name.len > 0) {
            return sight_show(s, name, name.len, "SMB2 CREATE request: name");
        }
    }
    return sight_show(s, message, SMB2_HEADER + body, "SMB2 %s %s",
                      command < sizeof names / sizeof *names ? names[command] : "message", way);
}

bool look_at_smb(struct sight *s)
{
    struct bytes message = s->content;
    struct cursor c = cursor_of(message);
    if (cursor_u8(&c) == 0) { /* RFC 1002 4.3.1 */
        size_t len = cursor_be24(&c);
        message = bytes_of(c.rest.at, len < c.rest.len ? len : c.rest.len);
    }
    if (bytes_has_prefix(message, "\xfeSMB", 4)) {
        return look_at_smb2(s, message);
    }
    if (bytes_has_prefix(message, "\xfdSMB", 4)) {
        return sight_show(s, message, 52, "SMB2 TRANSFORM_HEADER");
    }
    if (!bytes_has_prefix(message, "\xffSMB", 4) || message.len <= SMB1_HEADER) {
        return false;
    }
    /* [MS-CIFS] 2.2.4.52: words of the answer, before its challenge; dialects of the request. */
    bool negotiate = message.at[4] == 0x72, response = (message.at[9] & 0x80) != 0;
    size_t words = 2u * message.at[SMB1_HEADER];
    return sight_show(s, message,
                      SMB1_HEADER + (!negotiate ? 1
                                     : response ? 3 + words
                                                : 64),
                      "SMB1 %s%s", negotiate ? "NEGOTIATE " : "",
                      response ? "response" : "request");
}

/* ---- DCERPC ---- */

/* C706 12.6.4: of a bind the interface, of a request the operation; no stub and no token. */
static bool show_pdu(struct sight *s, struct bytes pdu)
{
    enum { HEADER = 16, REQUEST = 0, BIND = 11, ALTER = 14 };
    static const char *const names[] = {
        [0] = "request",   [2] = "response",  [3] = "fault",          [11] = "bind",
        [12] = "bind_ack", [13] = "bind_nak", [14] = "alter_context", [15] = "alter_context_resp",
        [16] = "auth3"};
    if (pdu.len < HEADER || pdu.at[0] != 5 || pdu.at[1] > 1) {
        return false;
    }
    uint8_t type = pdu.at[2];
    bool little = (pdu.at[4] & 0x10) != 0;
    struct cursor c = cursor_of(bytes_slice(pdu, 8, 4));
    size_t len = little ? cursor_le16(&c) : cursor_be16(&c);
    size_t token = little ? cursor_le16(&c) : cursor_be16(&c);
    bool known = type < sizeof names / sizeof *names && names[type] != NULL;
    if (!known || len < HEADER + token || (pdu.at[4] & 0x0f) != 0 || pdu.at[5] != 0) {
        return false;
    }
    size_t shown = type == REQUEST ? 24 : type == BIND || type == ALTER ? HEADER + 56 : HEADER;
    len -= token == 0 ? 0 : token;
    return sight_show(s, pdu, shown < len ? shown : len, "DCERPC %s", names[type]);
}

bool look_at_dcerpc(struct sight *s)
{
    if (show_pdu(s, s->content) || !s->about) {
        return s->ret->octets.len > 0;
    }
    /* In a pipe: after SMB's header. */
    for (size_t at = SMB2_HEADER; at + 16 <= s->content.len; at++) {
        if (show_pdu(s, bytes_from(s->content, at))) {
            return true;
        }
    }
    return false;
}

/* ---- TDS ---- */

/* [MS-TDS] 2.2.3.1, 2.2.6.4, 2.2.6.5: LOGIN7's fixed part ends before names and the password, SQL's
 * headers before its text. */
bool look_at_sql(struct sight *s)
{
    enum { HEADER = 8, BATCH = 1, CALL = 3, ANSWER = 4, LOGIN = 16, SSPI = 17, PRELOGIN = 18 };
    struct cursor c = cursor_of(s->content);
    uint8_t type = cursor_u8(&c), status = cursor_u8(&c);
    size_t len = cursor_be16(&c);
    cursor_skip(&c, 3);
    uint8_t window = cursor_u8(&c);
    const struct bytes body = c.rest;
    if (c.failed || window != 0 || status > 0x1f || len < HEADER ||
        !(s->about || (len == s->content.len && sight_has_port(s, 1433)))) {
        return false;
    }
    bool options = body.len > 5 && body.at[0] == 0 && body.at[1] == 0;
    switch (type) {
    case PRELOGIN:
        return sight_show(s, s->content, options ? len : HEADER, "TDS PRELOGIN");
    case ANSWER:
        return sight_show(s, s->content, options ? len : HEADER, "TDS response%s",
                          options ? " to PRELOGIN" : "");
    case LOGIN:
        return sight_show(s, s->content, HEADER + 36, "TDS LOGIN7: fixed part");
    case BATCH:
    case CALL:
    case SSPI:
        return sight_show(s, s->content, HEADER, "TDS %s header",
                          type == BATCH  ? "SQL batch"
                          : type == CALL ? "RPC request"
                                         : "SSPI message");
    default:
        return false;
    }
}

/* ---- BER ---- */

/* Octets of an element's identifier and length; 0: none is there. `ret`: with its content. */
static size_t head_of(struct bytes in, uint64_t *ret)
{
    if (der_measure(in, ret) != DER_WHOLE || in.len < 2) {
        return 0;
    }
    return 2u + ((in.at[1] & 0x80) != 0 ? in.at[1] & 0x7fu : 0);
}

/* The content of the element at the beginning, as much as the packet has of it. */
static struct bytes inside(struct bytes in, uint8_t tag)
{
    uint64_t size = 0;
    size_t head = in.len > 0 && in.at[0] == tag ? head_of(in, &size) : 0;
    if (head == 0 || head > in.len) {
        return (struct bytes){0};
    }
    const struct bytes rest = bytes_from(in, head);
    return size - head < rest.len ? bytes_of(rest.at, (size_t)(size - head)) : rest;
}

/* From the element with that tag on, among those that follow one another. */
static struct bytes after(struct bytes in, uint8_t tag)
{
    uint64_t size = 0;
    while (in.len > 0 && in.at[0] != tag && head_of(in, &size) > 0) {
        in = size > in.len ? (struct bytes){0} : bytes_from(in, (size_t)size);
    }
    return in.len > 0 && in.at[0] == tag ? in : (struct bytes){0};
}

static size_t through(struct bytes from, struct bytes last)
{
    uint64_t size = 0;
    bool whole = head_of(last, &size) > 0 && size <= last.len;
    return whole ? (size_t)(last.at - from.at) + (size_t)size : 0;
}

/* RFC 4120 5.3: of a ticket, in its [n], what says how it is encrypted. */
static bool show_ticket(struct sight *s, struct bytes context, uint8_t tag, const char *of)
{
    const struct bytes ticket = inside(inside(inside(context, tag), 0x61), DER_SEQUENCE);
    const struct bytes part = after(ticket, 0xa3);
    const struct bytes etype = after(inside(inside(part, 0xa3), DER_SEQUENCE), 0xa0);
    size_t len = etype.len == 0 ? 0 : through(part, etype);
    return len > 0 && sight_show(s, part, len, "%s: encryption of its ticket", of);
}

/* RFC 4120 5.4, 5.5, 5.9 */
static bool look_at_message(struct sight *s, struct bytes message)
{
    enum { AS_REQ = 0x6a, AS_REP, TGS_REQ, TGS_REP, AP_REQ = 0x6e, ERROR = 0x7e };
    uint8_t tag = message.len > 0 ? message.at[0] : 0;
    const struct bytes body = inside(inside(message, tag), DER_SEQUENCE);
    if (tag == AS_REP || tag == TGS_REP) {
        return show_ticket(s, after(body, 0xa5), 0xa5,
                           tag == AS_REP ? "Kerberos AS-REP" : "Kerberos TGS-REP");
    }
    if (tag == AP_REQ) {
        return show_ticket(s, after(body, 0xa3), 0xa3, "Kerberos AP-REQ");
    }
    if (tag == AS_REQ || tag == TGS_REQ) {
        const struct bytes asked = inside(inside(after(body, 0xa4), 0xa4), DER_SEQUENCE);
        const struct bytes etypes = after(asked, 0xa8);
        return etypes.len > 0 &&
               sight_show(s, etypes, through(etypes, etypes), "Kerberos %s: etype",
                          tag == AS_REQ ? "AS-REQ" : "TGS-REQ");
    }
    const struct bytes code = tag == ERROR ? after(body, 0xa6) : (struct bytes){0};
    return code.len > 0 && sight_show(s, code, through(code, code), "KRB-ERROR: error-code");
}

bool look_at_kerberos(struct sight *s)
{
    /* pvno 5 and msg-type 14 begin an AP-REQ, wherever its carrier has it. */
    static const uint8_t ap_req[] = {0xa0, 3, 2, 1, 5, 0xa1, 3, 2, 1, 14};
    const struct bytes framed = bytes_from(s->content, s->d.protocol == IP_TCP ? 4 : 0);
    if (look_at_message(s, framed) || !s->about) {
        return s->ret->octets.len > 0;
    }
    const struct bytes body = bytes_from(s->content, sight_find(s->content, ap_req, sizeof ap_req));
    return show_ticket(s, after(body, 0xa3), 0xa3, "Kerberos AP-REQ");
}

/* RFC 4511 4.2: a bind's choice of authentication, before the password or token. */
static size_t bind_length(struct bytes message, struct bytes bind)
{
    const struct bytes simple = after(bind, 0x80), sasl = after(bind, 0xa3);
    const struct bytes mechanism = inside(sasl, 0xa3);
    return simple.len > 0      ? (size_t)(simple.at - message.at) + 1
           : mechanism.len > 0 ? through(message, mechanism)
                               : 0;
}

/* RFC 4511 4.1.1: as far as no value that somebody writes or proves is in it */
bool look_at_ldap(struct sight *s)
{
    enum { BIND = 0x60, BOUND = 0x61, SEARCH = 0x63, EXTENDED = 0x77 };
    const struct bytes message = s->content, body = inside(message, DER_SEQUENCE);
    uint64_t size = 0, id = 0;
    size_t head = head_of(body, &id);
    const struct bytes operation = bytes_from(body, id > 6 ? body.len : (size_t)id);
    if (head == 0 || body.at[0] != DER_INTEGER || head_of(operation, &size) == 0) {
        return false;
    }
    uint8_t tag = operation.at[0];
    const struct bytes content = inside(operation, tag);
    switch (tag) {
    case BIND:
        return sight_show(s, message, bind_length(message, content), "LDAP BindRequest");
    case BOUND:
        return sight_show(s, message, through(message, content), "LDAP BindResponse: result");
    case SEARCH:
        return sight_show(s, message, (size_t)(content.at - message.at) + content.len,
                          "LDAP SearchRequest");
    case EXTENDED:
        return sight_show(s, message, through(message, content), "LDAP ExtendedRequest: name");
    default:
        return (s->about || sight_has_port(s, 389) || sight_has_port(s, 3268)) && tag >= 0x42 &&
               sight_show(s, message, (size_t)(operation.at - message.at) + 2, "LDAP operation");
    }
}
