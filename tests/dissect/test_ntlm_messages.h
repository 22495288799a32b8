/*
 * test_ntlm_messages.h - NTLM messages put together for tests, and HTTP around them.
 *
 * Owner: everything lies in the caller's struct built.
 */
#ifndef ROLECALL_TESTS_NTLM_MESSAGES_H
#define ROLECALL_TESTS_NTLM_MESSAGES_H

#include <assert.h>
#include <stdio.h>

#include "capture/bytes.h"

enum { BUILT_MOST = 2048 };

struct built {
    uint8_t at[BUILT_MOST];
    size_t len;
};

static inline struct bytes built_bytes(const struct built *b)
{
    return bytes_of(b->at, b->len);
}

static inline void put(struct built *b, const void *octets, size_t len)
{
    assert(len <= sizeof(b->at) - b->len);
    if (len > 0) {
        memcpy(b->at + b->len, octets, len);
    }
    b->len += len;
}

static inline void put_le(struct built *b, uint64_t number, unsigned octets)
{
    for (unsigned i = 0; i < octets; i++) {
        uint8_t octet = (uint8_t)(number >> 8 * i);
        put(b, &octet, 1);
    }
}

static inline void put_utf16(struct built *b, const char *text)
{
    for (; *text != '\0'; text++) {
        put_le(b, (uint8_t)*text, 2);
    }
}

/* [MS-NLMP] 2.2.2.1 */
static inline void put_av(struct built *b, unsigned id, struct bytes value)
{
    put_le(b, id, 2);
    put_le(b, value.len, 2);
    put(b, value.at, value.len);
}

static inline void put_av_text(struct built *b, unsigned id, const char *text)
{
    struct built wide = {.len = 0};
    put_utf16(&wide, text);
    put_av(b, id, built_bytes(&wide));
}

/* The descriptor of a payload field that starts at `offset`. */
static inline void put_field(struct built *b, size_t len, size_t offset)
{
    put_le(b, len, 2);
    put_le(b, len, 2);
    put_le(b, offset, 4);
}

/* [MS-NLMP] 2.2.1.1 */
static inline struct built ntlm_negotiate(void)
{
    struct built b = {.len = 0};
    put(&b, "NTLMSSP", 8);
    put_le(&b, 1, 4);
    put_le(&b, 0xa2088207, 4);
    put_field(&b, 0, 0);
    put_field(&b, 0, 0);
    return b;
}

/* [MS-NLMP] 2.2.1.2 */
static inline struct built ntlm_challenge(uint32_t flags)
{
    struct built name = {.len = 0}, info = {.len = 0}, b = {.len = 0};
    put_utf16(&name, "CORP");
    put_av_text(&info, 2, "CORP");
    put_av_text(&info, 1, "MP01");
    put_av_text(&info, 4, "corp.example");
    put_av_text(&info, 3, "mp01.corp.example");
    put_av(&info, 0, (struct bytes){0});
    put(&b, "NTLMSSP", 8);
    put_le(&b, 2, 4);
    put_field(&b, name.len, 56);
    put_le(&b, flags, 4);
    put(&b, "\x01\x23\x45\x67\x89\xab\xcd\xef", 8);
    put_le(&b, 0, 8);
    put_field(&b, info.len, 56 + name.len);
    put_le(&b, 0, 8);
    put(&b, name.at, name.len);
    put(&b, info.at, info.len);
    return b;
}

/* What an AUTHENTICATE message holds; text is Latin-1 here and UTF-16LE in the message where the
 * flags say so. */
struct authenticate {
    const char *domain, *user, *workstation;
    struct bytes lm, nt;
    uint32_t flags;
    bool old; /* ends its header before the session key and the flags */
};

enum { NTLM_UNICODE = 1, NTLM_SIGN = 0x10, NTLM_SEAL = 0x20 };

static inline struct built ntlm_name(const struct authenticate *a, const char *text)
{
    struct built b = {.len = 0};
    if ((a->flags & NTLM_UNICODE) != 0) {
        put_utf16(&b, text);
    } else {
        put(&b, text, strlen(text));
    }
    return b;
}

/* [MS-NLMP] 2.2.1.3 */
static inline struct built ntlm_authenticate(const struct authenticate *a)
{
    struct built names[] = {ntlm_name(a, a->domain), ntlm_name(a, a->user),
                            ntlm_name(a, a->workstation)};
    size_t header = a->old ? 52 : 88, offset = header + a->lm.len + a->nt.len;
    struct built b = {.len = 0};
    put(&b, "NTLMSSP", 8);
    put_le(&b, 3, 4);
    put_field(&b, a->lm.len, header);
    put_field(&b, a->nt.len, header + a->lm.len);
    for (unsigned i = 0; i < 3; i++) {
        put_field(&b, names[i].len, offset);
        offset += names[i].len;
    }
    if (!a->old) {
        put_field(&b, 0, offset);
        put_le(&b, a->flags, 4);
        put_le(&b, 0, 8);
        put_le(&b, 0, 8);
        put_le(&b, 0, 8);
    }
    put(&b, a->lm.at, a->lm.len);
    put(&b, a->nt.at, a->nt.len);
    for (unsigned i = 0; i < 3; i++) {
        put(&b, names[i].at, names[i].len);
    }
    return b;
}

/* [MS-NLMP] 2.2.2.8, with the proof aa..aa */
static inline struct built ntlm_v2_response(bool mic, bool bound, const char *spn)
{
    struct built b = {.len = 0};
    static const uint8_t none[16] = {0}, some[16] = {1};
    uint8_t proof[16];
    memset(proof, 0xaa, sizeof proof);
    put(&b, proof, sizeof proof);
    put_le(&b, 0x0101, 8);
    put_le(&b, 0, 8);
    put_le(&b, 0x5e5e5e5e5e5e5e5e, 8);
    put_le(&b, 0, 4);
    put_av_text(&b, 2, "CORP");
    put_av(&b, 6, bytes_of(mic ? "\x02\0\0" : "\0\0\0", 4));
    put_av(&b, 10, bytes_of(bound ? some : none, 16));
    put_av_text(&b, 9, spn);
    put_av(&b, 0, (struct bytes){0});
    return b;
}

/* ---- HTTP around a token ---- */

static inline void put_text(struct built *b, const char *text)
{
    put(b, text, strlen(text));
}

/* RFC 4648 4 */
static inline void put_base64(struct built *b, struct bytes octets)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < octets.len; i += 3) {
        size_t have = octets.len - i < 3 ? octets.len - i : 3;
        uint32_t held = 0;
        for (size_t k = 0; k < 3; k++) {
            held = held << 8 | (k < have ? octets.at[i + k] : 0u);
        }
        for (size_t k = 0; k < 4; k++) {
            put(b, k <= have ? &digits[held >> (18 - 6 * k) & 63] : "=", 1);
        }
    }
}

static inline struct built http_request(const char *scheme, const struct built *token)
{
    struct built b = {.len = 0};
    put_text(&b, "GET / HTTP/1.1\r\nHost: mp01\r\nAuthorization: ");
    put_text(&b, scheme);
    put_text(&b, " ");
    put_base64(&b, built_bytes(token));
    put_text(&b, "\r\n\r\n");
    return b;
}

static inline struct built http_reply(const char *status, const char *scheme,
                                      const struct built *token)
{
    struct built b = {.len = 0};
    put_text(&b, "HTTP/1.1 ");
    put_text(&b, status);
    put_text(&b, "\r\nContent-Length: 0\r\nWWW-Authenticate: ");
    put_text(&b, scheme);
    if (token != NULL) {
        put_text(&b, " ");
        put_base64(&b, built_bytes(token));
    }
    put_text(&b, "\r\n\r\n");
    return b;
}

#endif
