#include "capture/address.h"

#include <arpa/inet.h>

bool address_is_host(const struct address *a)
{
    static const uint8_t zero[16] = {0};
    static const uint8_t everyone[4] = {255, 255, 255, 255};
    if (!address_is_v4(a)) {
        return a->octets[0] != 0xff && memcmp(a->octets, zero, sizeof zero) != 0;
    }
    const uint8_t *v4 = a->octets + 12;
    return (v4[0] & 0xf0) != 0xe0 && memcmp(v4, zero, 4) != 0 && memcmp(v4, everyone, 4) != 0;
}

static char *put_octet(char *at, unsigned octet)
{
    if (octet >= 100) {
        *at++ = (char)('0' + octet / 100);
    }
    if (octet >= 10) {
        *at++ = (char)('0' + octet / 10 % 10);
    }
    *at++ = (char)('0' + octet % 10);
    return at;
}

const char *address_format(const struct address *a, char text[ADDRESS_TEXT])
{
    if (address_is_v4(a)) {
        /* Every record has two of these: inet_ntop() goes through printf. */
        char *at = text;
        for (unsigned i = 12; i < 16; i++) {
            at = put_octet(at, a->octets[i]);
            *at++ = i < 15 ? '.' : '\0';
        }
    } else {
        (void)inet_ntop(AF_INET6, a->octets, text, ADDRESS_TEXT);
    }
    return text;
}

bool address_parse(const char *text, struct address *ret)
{
    uint8_t v4[4];
    struct address parsed;
    if (inet_pton(AF_INET, text, v4) == 1) {
        *ret = address_v4(v4);
        return true;
    }
    if (inet_pton(AF_INET6, text, parsed.octets) != 1) {
        return false;
    }
    *ret = parsed;
    return true;
}
