#include "dissect/tls_names.h"

#include <stddef.h>

/* Rows of suites by first octet, so that a name costs two loads. */
enum suite_row {
    ROW_NONE,
    ROW_0x00,
    ROW_0x13,
    ROW_0x56,
    ROW_0xc0,
    ROW_0xc1,
    ROW_0xcc,
    ROW_0xd0,
    ROW_0xfe,
    SUITE_ROWS
};

static const uint8_t suite_rows[256] = {
    [0x00] = ROW_0x00, [0x13] = ROW_0x13, [0x56] = ROW_0x56, [0xc0] = ROW_0xc0,
    [0xc1] = ROW_0xc1, [0xcc] = ROW_0xcc, [0xd0] = ROW_0xd0, [0xfe] = ROW_0xfe,
};

static const char *const suite_names[SUITE_ROWS][256] = {
#define SUITE(first, second, name) [ROW_##first][second] = name,
#include "dissect/tls_suites.def"
#undef SUITE
};

static const char *const alert_names[256] = {
#define ALERT(number, name) [number] = name,
#include "dissect/tls_alerts.def"
#undef ALERT
};

static const struct {
    uint16_t number;
    const char *name;
} groups[] = {
#define GROUP(number, name) {number, name},
#include "dissect/tls_groups.def"
#undef GROUP
};

/* draft-hickman-netscape-ssl-00 C.4 */
static const struct {
    uint32_t number;
    const char *name;
} kinds[] = {
    {0x010080, "SSL_CK_RC4_128_WITH_MD5"},
    {0x020080, "SSL_CK_RC4_128_EXPORT40_WITH_MD5"},
    {0x030080, "SSL_CK_RC2_128_CBC_WITH_MD5"},
    {0x040080, "SSL_CK_RC2_128_CBC_EXPORT40_WITH_MD5"},
    {0x050080, "SSL_CK_IDEA_128_CBC_WITH_MD5"},
    {0x060040, "SSL_CK_DES_64_CBC_WITH_MD5"},
    {0x0700c0, "SSL_CK_DES_192_EDE3_CBC_WITH_MD5"},
};

const char *tls_version_name(uint16_t version)
{
    static const char *const names[] = {"SSL 3.0", "TLS 1.0", "TLS 1.1", "TLS 1.2", "TLS 1.3"};
    if (version == 0x0002) {
        return "SSL 2.0";
    }
    if (tls_version_is_13(version)) {
        return "TLS 1.3";
    }
    return version >= 0x0300 && version <= 0x0304 ? names[version - 0x0300] : NULL;
}

const char *tls_suite_name(uint16_t suite)
{
    return suite_names[suite_rows[suite >> 8]][suite & 0xff];
}

const char *tls_kind_name(uint32_t kind)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (kinds[i].number == kind) {
            return kinds[i].name;
        }
    }
    return NULL;
}

const char *tls_alert_name(uint8_t description)
{
    return alert_names[description];
}

const char *tls_group_name(uint16_t group)
{
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++) {
        if (groups[i].number == group) {
            return groups[i].name;
        }
    }
    return NULL;
}
