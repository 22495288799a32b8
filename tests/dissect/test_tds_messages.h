/*
 * test_tds_messages.h - messages of TDS, built by hand.
 */
#ifndef ROLECALL_TESTS_TDS_MESSAGES_H
#define ROLECALL_TESTS_TDS_MESSAGES_H

#include "tests/dissect/test_logon.h"

enum { BATCH = 1, REPLY = 4, LOGIN7 = 0x10, SSPI = 0x11, PRELOGIN = 0x12 };

/* [MS-TDS] 2.2.3.1 */
static inline struct built packet(unsigned type, bool last, struct bytes content)
{
    struct built b = {.len = 0};
    put_be(&b, type, 1);
    put_be(&b, last, 1);
    put_be(&b, 8 + content.len, 2);
    put_be(&b, 0x0000, 2);
    put_be(&b, 1, 1);
    put_be(&b, 0, 1);
    put(&b, content.at, content.len);
    return b;
}

static inline void send(struct talk *t, unsigned type, struct built content)
{
    say(t, type == REPLY ? DIR_SERVER : DIR_CLIENT, packet(type, true, built_bytes(&content)));
}

/* [MS-TDS] 2.2.6.5: VERSION, ENCRYPTION, INSTOPT, MARS and FEDAUTHREQUIRED */
static inline struct built prelogin(unsigned encryption, const char *instance, unsigned flags)
{
    struct built b = {.len = 0};
    const unsigned lens[] = {6, 1, (unsigned)strlen(instance) + 1, 1, 1};
    static const uint8_t tokens[] = {0, 1, 2, 4, 6};
    unsigned offset = 26;
    for (unsigned i = 0; i < COUNT_OF(lens); i++) {
        put_be(&b, tokens[i], 1);
        put_be(&b, offset, 2);
        put_be(&b, lens[i], 2);
        offset += lens[i];
    }
    put_be(&b, 0xff, 1);
    put_be(&b, 0x0f0007d00005, 6);
    put_be(&b, encryption, 1);
    put(&b, instance, strlen(instance) + 1);
    put_be(&b, flags, 1);
    put_be(&b, flags, 1);
    return b;
}

static inline void say_prelogin(struct talk *t, unsigned client, unsigned server)
{
    send(t, PRELOGIN, prelogin(client, "CM", 1));
    send(t, REPLY, prelogin(server, "", 0));
}

struct login {
    const char *user, *password;
    unsigned flags2, flags3;
    struct bytes extension, sspi;
    bool sspi_long;
};

/* One offset and length; the text goes behind the fixed part. */
static inline void put_text_field(struct built *fixed, struct built *data, const char *text)
{
    put_le(fixed, 94 + data->len, 2);
    put_le(fixed, strlen(text), 2);
    put_utf16(data, text);
}

/* [MS-TDS] 2.2.6.4 */
static inline struct built login7(const struct login *l)
{
    struct built b = {.len = 0}, data = {.len = 0};
    put_le(&b, 0, 4);
    put_le(&b, 0x74000004, 4);
    put_le(&b, 0, 8);
    put_le(&b, 0, 8);
    put_be(&b, 0xe0, 1);
    put_be(&b, l->flags2, 1);
    put_be(&b, 0, 1);
    put_be(&b, l->flags3, 1);
    put_le(&b, 0, 8);
    put_text_field(&b, &data, "CL01");
    put_text_field(&b, &data, l->user);
    put_text_field(&b, &data, l->password);
    put_text_field(&b, &data, "Console");
    put_text_field(&b, &data, "sql01");
    put_le(&b, 94 + data.len, 2);
    put_le(&b, l->extension.len == 0 ? 0 : 4, 2);
    if (l->extension.len > 0) {
        put_le(&data, 94 + data.len + 4, 4);
        put(&data, l->extension.at, l->extension.len);
    }
    put_text_field(&b, &data, "ODBC");
    put_text_field(&b, &data, "");
    put_text_field(&b, &data, "CM_P01");
    put_le(&b, 0, 6);
    put_le(&b, 94 + data.len, 2);
    put_le(&b, l->sspi_long ? 0xffff : l->sspi.len, 2);
    put_le(&b, 0, 8);
    put_le(&b, l->sspi_long ? l->sspi.len : 0, 4);
    put(&data, l->sspi.at, l->sspi.len);
    put_built(&b, data);
    b.at[0] = (uint8_t)b.len;
    b.at[1] = (uint8_t)(b.len >> 8);
    return b;
}

/* [MS-TDS] 2.2.7: a token with a length of two octets */
static inline void put_token(struct built *b, unsigned token, struct bytes value)
{
    put_be(b, token, 1);
    put_le(b, value.len, 2);
    put(b, value.at, value.len);
}

static inline void put_error(struct built *b, unsigned token, uint32_t number, const char *text)
{
    struct built value = {.len = 0};
    put_le(&value, number, 4);
    put_le(&value, 0x0e01, 2);
    put_le(&value, strlen(text), 2);
    put_utf16(&value, text);
    put_token(b, token, built_bytes(&value));
}

static inline struct built acknowledged(void)
{
    struct built b = {.len = 0};
    put_token(&b, 0xe3, bytes_text("environment"));
    put_error(&b, 0xab, 5701, "Changed database context");
    put_be(&b, 0xae0400000000ff, 7); /* FEATUREEXTACK without data, and its end */
    put_token(&b, 0xad, bytes_text("\1t"));
    put_be(&b, 0xfd, 1);
    put_be(&b, 0, 12);
    return b;
}

static inline struct built refused(void)
{
    struct built b = {.len = 0};
    put_error(&b, 0xaa, 4060, "Cannot open database");
    put_error(&b, 0xaa, 18456, "Login failed");
    put_be(&b, 0xfd, 1);
    return b;
}

static inline struct built challenge(void)
{
    struct built b = {.len = 0}, token = ntlm_challenge(NTLM_UNICODE);
    put_token(&b, 0xed, built_bytes(&token));
    return b;
}

#endif
