/*
 * ssh.c - SSH: which software speaks at either end.
 *
 * Spec: RFC 4253 4.2 (version exchange), 6, 7.1 (the packet that a stream joined later begins
 * with).
 */
#include "dissect/signature.h"

enum { LINE_MOST = 255, KEXINIT = 20, COOKIE = 16, PACKET_HEAD = 5 + 1 + COOKIE + 4 };

struct ssh {
    struct observation *o;
    bool said[2]; /* by enum dir */
};

/* RFC 4253 7.1: KEXINIT, whose first list names known ways to exchange keys. */
static enum probe probe_packet(struct bytes head)
{
    static const char *const methods[] = {"diffie-hellman-", "curve25519-", "ecdh-sha2-", "sntrup",
                                          "mlkem",           "gss-",        NULL};
    struct cursor c = cursor_of(head);
    uint32_t len = cursor_be32(&c);
    uint8_t padding = cursor_u8(&c), message = cursor_u8(&c);
    cursor_skip(&c, COOKIE);
    uint32_t list = cursor_be32(&c);
    bool fits = !c.failed && len > PACKET_HEAD && len <= 35000 && padding >= 4 &&
                message == KEXINIT && list > 0 && list < len;
    return fits && signature_word(c.rest, methods) ? PROBE_EITHER : PROBE_NO;
}

static enum probe ssh_probe(struct bytes head)
{
    enum probe seen = signature_text(head, "SSH-");
    if (seen == PROBE_EITHER && head.len > 4) {
        return head.at[4] == '1' || head.at[4] == '2' ? PROBE_EITHER : PROBE_NO;
    }
    return seen == PROBE_EITHER ? PROBE_MORE : seen == PROBE_NO ? probe_packet(head) : seen;
}

/* RFC 4253 4.2: SSH-protoversion-softwareversion SP comments CR LF */
static void state_line(struct ssh *s, enum dir dir, struct bytes line)
{
    static const enum fact_id versions[] = {FACT_SSH_VERSION_CLIENT, FACT_SSH_VERSION_SERVER};
    static const enum fact_id software[] = {FACT_SSH_SOFTWARE_CLIENT, FACT_SSH_SOFTWARE_SERVER};
    struct bytes rest = bytes_from(line, 4);
    const uint8_t *dash = rest.len == 0 ? NULL : memchr(rest.at, '-', rest.len);
    if (s->o != NULL && dash != NULL) {
        size_t len = (size_t)(dash - rest.at);
        observation_utf8(s->o, versions[dir], bytes_slice(rest, 0, len));
        observation_utf8(s->o, software[dir], bytes_from(rest, len + 1));
    }
}

static struct fed ssh_feed(struct dissection *dx, void *state, enum dir dir, struct bytes in)
{
    struct ssh *s = state;
    const uint8_t *end = memchr(in.at, '\n', in.len < LINE_MOST ? in.len : LINE_MOST);
    if (in.len >= 4 && memcmp(in.at, "SSH-", 4) != 0) {
        return fed_done(); /* joined after the versions */
    }
    if (end == NULL) {
        return in.len < LINE_MOST ? fed_more(in.len + 1) : fed_bad();
    }
    if (s->o == NULL) {
        s->o = dissection_begin(dx, RECORD_SSH);
    }
    size_t len = (size_t)(end - in.at);
    state_line(s, dir, bytes_slice(in, 0, len > 0 && in.at[len - 1] == '\r' ? len - 1 : len));
    s->said[dir] = true;
    if (!s->said[!dir]) {
        return fed_quiet();
    }
    dissection_send(dx, s->o, dir);
    s->o = NULL;
    return fed_done();
}

static void ssh_end(struct dissection *dx, void *state, const struct outcome *outcome)
{
    struct ssh *s = state;
    (void)outcome;
    dissection_send(dx, s->o, s->said[DIR_SERVER] ? DIR_SERVER : DIR_CLIENT);
    s->o = NULL;
}

const struct dissector ssh_dissector = {
    .name = "ssh",
    .ports = PORTS(22),
    .tcp = true,
    .records = 1u << RECORD_SSH,
    .state_size = sizeof(struct ssh),
    .probe = ssh_probe,
    .feed = ssh_feed,
    .end = ssh_end,
};
