/*
 * tftp.c - TFTP: which file is asked for, and how it is refused.
 *
 * Spec: RFC 1350 4, 5 (the server answers from a port of its own, which makes a flow of its own);
 * RFC 2347 2, 3 (options), RFC 2348, 2349, 7440.
 *
 * A transfer is known by what it begins with: options acknowledged, the first block, or an error.
 */
#include "dissect/signature.h"

enum operation { READ = 1, WRITE = 2, DATA = 3, ACKNOWLEDGE = 4, ERROR = 5, OPTIONS = 6 };
enum { BLOCK = 512, NAME_MOST = 512, ERRORS = 9 };

static const char *const option_names[] = {"blksize",    "tsize",      "timeout",
                                           "windowsize", "rollover",   "multicast",
                                           "utimeout",   "msftwindow", NULL};

/* Octets up to a zero, which is passed; false when there is none. */
static bool take_text(struct cursor *c, struct bytes *ret)
{
    const uint8_t *end = c->rest.len == 0 ? NULL : memchr(c->rest.at, 0, c->rest.len);
    if (end == NULL) {
        return false;
    }
    *ret = cursor_take(c, (size_t)(end - c->rest.at));
    cursor_skip(c, 1);
    return true;
}

static bool is_mode(struct bytes mode)
{
    static const char *const modes[] = {"octet", "netascii", "mail", NULL};
    for (const char *const *m = modes; *m != NULL; m++) {
        if (mode.len == strlen(*m) && signature_text(mode, *m) == PROBE_EITHER) {
            return true;
        }
    }
    return false;
}

/* RFC 1350 5: file name and mode, each ended by a zero. */
static bool read_request(struct cursor c, struct bytes *ret_file, struct bytes *ret_mode)
{
    return take_text(&c, ret_file) && ret_file->len > 0 && ret_file->len <= NAME_MOST &&
           take_text(&c, ret_mode) && is_mode(*ret_mode);
}

/* RFC 1350 5: a code up to 8, and a text that ends in the only zero. */
static bool read_error(struct cursor c, uint16_t *ret_code, struct bytes *ret_text)
{
    *ret_code = cursor_be16(&c);
    return take_text(&c, ret_text) && *ret_code < ERRORS && c.rest.len <= 1 &&
           signature_printable(*ret_text);
}

/* RFC 2347 3: at least one option, of those there are. */
static bool is_options(struct cursor c)
{
    struct bytes name = {0}, value = {0};
    return take_text(&c, &name) && take_text(&c, &value) && value.len > 0 &&
           signature_word(name, option_names) && signature_printable(value);
}

static enum probe tftp_probe(struct bytes head)
{
    struct cursor c = cursor_of(head);
    struct bytes text = {0}, mode = {0};
    uint16_t code = 0, block = 0;
    switch ((enum operation)cursor_be16(&c)) {
    case READ:
    case WRITE:
        return read_request(c, &text, &mode) ? PROBE_CLIENT : PROBE_NO;
    case DATA: /* the first block, and whole: a short one says too little */
        block = cursor_be16(&c);
        return block == 1 && c.rest.len == BLOCK ? PROBE_EITHER : PROBE_NO;
    case ACKNOWLEDGE: /* of the request or of the first block, and nothing else in it */
        block = cursor_be16(&c);
        return !c.failed && block <= 1 && c.rest.len == 0 ? PROBE_EITHER : PROBE_NO;
    case ERROR:
        return read_error(c, &code, &text) && (text.len > 0 || code > 0) ? PROBE_EITHER : PROBE_NO;
    case OPTIONS:
        return is_options(c) ? PROBE_EITHER : PROBE_NO;
    }
    return PROBE_NO;
}

static void state_options(struct observation *o, struct cursor c)
{
    struct bytes name = {0}, value = {0};
    while (take_text(&c, &name) && take_text(&c, &value)) {
        if (signature_word(name, option_names) && signature_printable(value)) {
            observation_format(o, FACT_TFTP_OPTIONS, "%.*s=%.*s", (int)name.len,
                               (const char *)name.at, (int)value.len, (const char *)value.at);
        }
    }
}

/* A request and an error are stated; of a transfer nothing more is to be learned. */
static struct fed tftp_feed(struct dissection *dx, void *state, enum dir dir, struct bytes in)
{
    struct cursor c = cursor_of(in);
    uint16_t operation = cursor_be16(&c), code = 0;
    struct bytes text = {0}, mode = {0};
    bool request = (operation == READ || operation == WRITE) && read_request(c, &text, &mode);
    bool error = operation == ERROR && read_error(c, &code, &text);
    (void)state;
    if (c.failed || operation < READ || operation > OPTIONS) {
        return fed_bad();
    }
    if (!request && !error) {
        return fed_done();
    }
    struct observation *o = dissection_begin(dx, RECORD_TFTP);
    if (o != NULL && request) {
        observation_string(o, FACT_TFTP_OPERATION, operation == READ ? "read" : "write");
        observation_utf8(o, FACT_TFTP_NAME, text);
        observation_utf8(o, FACT_TFTP_MODE, mode);
        state_options(o, cursor_of(bytes_from(c.rest, text.len + mode.len + 2)));
    } else if (o != NULL) {
        observation_string(o, FACT_TFTP_OPERATION, "error");
        observation_num(o, FACT_TFTP_ERROR, code);
        observation_utf8(o, FACT_TFTP_ERROR_TEXT, text);
    }
    dissection_send(dx, o, dir);
    return error ? fed_done() : fed_ok(in.len);
}

const struct dissector tftp_dissector = {
    .name = "tftp",
    .ports = PORTS(69),
    .udp = true,
    .records = 1u << RECORD_TFTP,
    .state_size = 1,
    .probe = tftp_probe,
    .feed = tftp_feed,
};
