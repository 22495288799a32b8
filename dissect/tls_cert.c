#include "dissect/tls_cert.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/provider.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "capture/address.h"
#include "capture/limits.h"

#define NS_PER_SECOND 1000000000

/* Sets of four keep a lookup short whatever an attacker sends; LIMIT_CERTIFICATES in all. */
#define WAYS 4
#define SETS (LIMIT_CERTIFICATES / WAYS)

struct entry {
    struct certificate certificate;
    uint64_t hash;
    uint64_t used; /* the cache's clock when it was asked for last */
    size_t len;
    uint8_t der[];
};

struct certificates {
    struct entry *entries[SETS][WAYS]; /* NULL: free */
    uint64_t clock, evicted;
    size_t octets; /* of DER kept */
    EVP_MD *md5, *sha256;
    EVP_MD_CTX *context;
    /* A library without algorithms reads a certificate but not its key, and the key is nine tenths
     * of the cost. */
    OSSL_LIB_CTX *bare;
    OSSL_PROVIDER *nothing;
};

struct certificates *certificates_new(void)
{
    struct certificates *cache = calloc(1, sizeof *cache);
    if (cache == NULL) {
        return NULL;
    }
    cache->md5 = EVP_MD_fetch(NULL, "MD5", NULL);
    cache->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    cache->context = EVP_MD_CTX_new();
    cache->bare = OSSL_LIB_CTX_new();
    cache->nothing = cache->bare == NULL ? NULL : OSSL_PROVIDER_load(cache->bare, "null");
    bool whole = cache->sha256 != NULL && cache->context != NULL && cache->nothing != NULL;
    return whole ? cache : certificates_free(cache);
}

static void certificate_done(struct certificate *c)
{
    free(c->subject);
    free(c->issuer);
    free(c->serial);
    free(c->key);
    free(c->signature);
    for (unsigned i = 0; i < c->san_count; i++) {
        free(c->san[i]);
    }
    for (unsigned i = 0; i < c->eku_count; i++) {
        free(c->eku[i]);
    }
    *c = (struct certificate){0};
}

static void entry_drop(struct certificates *cache, struct entry **place)
{
    if (*place != NULL) {
        cache->octets -= (*place)->len;
        certificate_done(&(*place)->certificate);
        free(*place);
        *place = NULL;
    }
}

static void drop_all(struct certificates *cache)
{
    for (unsigned s = 0; s < SETS; s++) {
        for (unsigned w = 0; w < WAYS; w++) {
            entry_drop(cache, &cache->entries[s][w]);
        }
    }
}

struct certificates *certificates_free(struct certificates *cache)
{
    if (cache != NULL) {
        drop_all(cache);
        EVP_MD_free(cache->md5);
        EVP_MD_free(cache->sha256);
        EVP_MD_CTX_free(cache->context);
        if (cache->nothing != NULL) {
            (void)OSSL_PROVIDER_unload(cache->nothing);
        }
        OSSL_LIB_CTX_free(cache->bare);
        free(cache);
    }
    return NULL;
}

uint64_t certificates_evicted(const struct certificates *cache)
{
    return cache->evicted;
}

static bool digest(struct certificates *cache, const EVP_MD *md, struct bytes octets, uint8_t *ret)
{
    return md != NULL && EVP_DigestInit_ex2(cache->context, md, NULL) == 1 &&
           EVP_DigestUpdate(cache->context, octets.at, octets.len) == 1 &&
           EVP_DigestFinal_ex(cache->context, ret, NULL) == 1;
}

bool certificates_md5(struct certificates *cache, struct bytes octets, uint8_t ret_digest[16])
{
    return digest(cache, cache->md5, octets, ret_digest);
}

bool certificates_sha256(struct certificates *cache, struct bytes octets, uint8_t ret_digest[32])
{
    return digest(cache, cache->sha256, octets, ret_digest);
}

/* ---- reading one certificate ---- */

static char *copy_text(const void *text, size_t len)
{
    char *copy = malloc(len + 1);
    if (copy != NULL) {
        memcpy(copy, text, len);
        copy[len] = '\0';
    }
    return copy;
}

/* RFC 2253; UTF-8 stays as it is instead of being escaped. */
static char *name_text(const X509_NAME *name)
{
    BIO *out = BIO_new(BIO_s_mem());
    char *copy = NULL;
    if (out != NULL &&
        X509_NAME_print_ex(out, name, 0, XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB) >=
            0) {
        char *text = NULL;
        long len = BIO_get_mem_data(out, &text);
        copy = len < 0 ? NULL : copy_text(text, (size_t)len);
    }
    BIO_free(out);
    return copy;
}

/* As `openssl x509 -serial` prints it: upper-case hex, two digits an octet, "-" before a negative
 * one. */
static char *serial_text(const X509 *x)
{
    static const char digits[] = "0123456789ABCDEF";
    const ASN1_INTEGER *serial = X509_get0_serialNumber(x);
    int len = ASN1_STRING_length(serial);
    const uint8_t *octets = ASN1_STRING_get0_data(serial);
    char *text = len < 0 ? NULL : malloc(2 * (size_t)len + 4);
    if (text == NULL) {
        return NULL;
    }
    char *at = text;
    if (ASN1_STRING_type(serial) == V_ASN1_NEG_INTEGER) {
        *at++ = '-';
    }
    for (int i = 0; i < len; i++) {
        *at++ = digits[octets[i] >> 4];
        *at++ = digits[octets[i] & 15];
    }
    if (len == 0) {
        *at++ = '0';
        *at++ = '0';
    }
    *at = '\0';
    return text;
}

/* RFC 5280 4.1.2.5 */
static int64_t time_ns(const ASN1_TIME *t)
{
    struct tm tm;
    if (t == NULL || ASN1_TIME_to_tm(t, &tm) != 1) {
        return INT64_MIN;
    }
    int64_t seconds = timegm(&tm);
    if (seconds > INT64_MAX / NS_PER_SECOND) {
        return INT64_MAX;
    }
    return seconds < INT64_MIN / NS_PER_SECOND ? INT64_MIN : seconds * NS_PER_SECOND;
}

/* Bits of the first INTEGER in a SEQUENCE: an RSA modulus (RFC 8017 A.1.1), a DSA prime (RFC
 * 3279 2.3.2). 0: none. */
static unsigned first_integer_bits(const uint8_t *at, long len)
{
    long inside = 0;
    int tag = 0, class = 0;
    if ((ASN1_get_object(&at, &inside, &tag, &class, len) & 0x80) != 0 || tag != V_ASN1_SEQUENCE ||
        (ASN1_get_object(&at, &inside, &tag, &class, inside) & 0x80) != 0 ||
        tag != V_ASN1_INTEGER) {
        return 0;
    }
    while (inside > 0 && *at == 0) {
        at++;
        inside--;
    }
    unsigned bits = (unsigned)inside * 8;
    for (unsigned top = inside == 0 ? 0 : *at; top != 0 && top < 0x80; top <<= 1) {
        bits--;
    }
    return bits;
}

/* RFC 5480 2.1.1: "ec P-256"; empty where the curve is spelt out. */
static void curve_text(const X509_ALGOR *algorithm, char *text, size_t room)
{
    const void *value = NULL;
    int type = V_ASN1_UNDEF;
    X509_ALGOR_get0(NULL, &type, &value, algorithm);
    int curve = type == V_ASN1_OBJECT ? OBJ_obj2nid(value) : NID_undef;
    const char *nist = EC_curve_nid2nist(curve);
    if (curve != NID_undef) {
        BIO_snprintf(text, room, "ec %s", nist != NULL ? nist : OBJ_nid2sn(curve));
    }
}

static unsigned dsa_bits(const X509_ALGOR *algorithm)
{
    const void *value = NULL;
    int type = V_ASN1_UNDEF;
    X509_ALGOR_get0(NULL, &type, &value, algorithm);
    const ASN1_STRING *parameters = type == V_ASN1_SEQUENCE ? value : NULL;
    return parameters == NULL ? 0
                              : first_integer_bits(ASN1_STRING_get0_data(parameters),
                                                   ASN1_STRING_length(parameters));
}

/* "rsa 2048", "ec P-256", "ed25519"; the algorithm's name where the key tells no more. */
static char *key_text(const X509 *x)
{
    ASN1_OBJECT *name = NULL;
    X509_ALGOR *algorithm = NULL;
    const uint8_t *key = NULL;
    int len = 0;
    unsigned bits = 0;
    char text[128] = "";
    X509_PUBKEY_get0_param(&name, &key, &len, &algorithm, X509_get_X509_PUBKEY(x));
    switch (OBJ_obj2nid(name)) {
    case NID_rsaEncryption:
    case NID_rsassaPss:
        bits = first_integer_bits(key, len);
        if (bits != 0) {
            BIO_snprintf(text, sizeof text, "rsa %u", bits);
        }
        break;
    case NID_dsa:
        bits = dsa_bits(algorithm);
        if (bits != 0) {
            BIO_snprintf(text, sizeof text, "dsa %u", bits);
        }
        break;
    case NID_X9_62_id_ecPublicKey:
        curve_text(algorithm, text, sizeof text);
        break;
    case NID_ED25519:
        BIO_snprintf(text, sizeof text, "ed25519");
        break;
    case NID_ED448:
        BIO_snprintf(text, sizeof text, "ed448");
        break;
    default:
        break;
    }
    if (text[0] == '\0') {
        OBJ_obj2txt(text, sizeof text, name, 0);
    }
    return copy_text(text, strlen(text));
}

static char *signature_text(const X509 *x)
{
    const X509_ALGOR *algorithm = NULL;
    X509_get0_signature(NULL, &algorithm, x);
    const ASN1_OBJECT *object = NULL;
    X509_ALGOR_get0(&object, NULL, NULL, algorithm);
    char text[128] = "";
    OBJ_obj2txt(text, sizeof text, object, 0);
    return copy_text(text, strlen(text));
}

/* A NUL inside a name is an old trick to show only its front: it becomes "\\0". */
static char *prefixed(const char *prefix, const ASN1_STRING *value)
{
    size_t len = ASN1_STRING_length(value) < 0 ? 0 : (size_t)ASN1_STRING_length(value);
    const uint8_t *octets = ASN1_STRING_get0_data(value);
    size_t at = strlen(prefix);
    char *text = malloc(at + 2 * len + 1);
    if (text == NULL) {
        return NULL;
    }
    memcpy(text, prefix, at);
    for (size_t i = 0; i < len; i++) {
        if (octets[i] == 0) {
            text[at++] = '\\';
        }
        text[at++] = octets[i] == 0 ? '0' : (char)octets[i];
    }
    text[at] = '\0';
    return text;
}

static char *address_text(const ASN1_OCTET_STRING *ip)
{
    struct address a = {0};
    int len = ASN1_STRING_length(ip);
    if (len == 4) {
        a = address_v4(ASN1_STRING_get0_data(ip));
    } else if (len == 16) {
        memcpy(a.octets, ASN1_STRING_get0_data(ip), 16);
    } else {
        return NULL;
    }
    char text[3 + ADDRESS_TEXT] = "ip:";
    address_format(&a, text + 3);
    return copy_text(text, strlen(text));
}

/* [MS-WCCE] 2.2.2.7.5: the user principal name is an otherName. */
static char *other_name_text(const OTHERNAME *other)
{
    if (OBJ_obj2nid(other->type_id) != NID_ms_upn || other->value->type != V_ASN1_UTF8STRING) {
        return NULL;
    }
    return prefixed("upn:", other->value->value.utf8string);
}

/* RFC 5280 4.2.1.6; NULL for kinds of names that say nothing here. */
static char *general_name_text(const GENERAL_NAME *name)
{
    switch (name->type) {
    case GEN_DNS:
        return prefixed("dns:", name->d.dNSName);
    case GEN_URI:
        return prefixed("uri:", name->d.uniformResourceIdentifier);
    case GEN_EMAIL:
        return prefixed("email:", name->d.rfc822Name);
    case GEN_IPADD:
        return address_text(name->d.iPAddress);
    case GEN_OTHERNAME:
        return other_name_text(name->d.otherName);
    default:
        return NULL;
    }
}

static void read_alternative_names(const X509 *x, struct certificate *c)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        if (c->san_count == CERTIFICATE_NAMES) {
            c->names_cut++;
            continue;
        }
        char *text = general_name_text(sk_GENERAL_NAME_value(names, i));
        if (text != NULL) {
            c->san[c->san_count++] = text;
        }
    }
    GENERAL_NAMES_free(names);
}

/* RFC 5280 4.2.1.12; OpenSSL's short name, else the OID. */
static void read_usages(const X509 *x, struct certificate *c)
{
    EXTENDED_KEY_USAGE *usages = X509_get_ext_d2i(x, NID_ext_key_usage, NULL, NULL);
    for (int i = 0; i < sk_ASN1_OBJECT_num(usages); i++) {
        if (c->eku_count == CERTIFICATE_NAMES) {
            c->names_cut++;
            continue;
        }
        const ASN1_OBJECT *usage = sk_ASN1_OBJECT_value(usages, i);
        char text[128] = "";
        int nid = OBJ_obj2nid(usage);
        if (nid != NID_undef) {
            BIO_snprintf(text, sizeof text, "%s", OBJ_nid2sn(nid));
        } else {
            OBJ_obj2txt(text, sizeof text, usage, 1);
        }
        char *copy = copy_text(text, strlen(text));
        if (copy != NULL) {
            c->eku[c->eku_count++] = copy;
        }
    }
    EXTENDED_KEY_USAGE_free(usages);
}

/* Only here the key itself is needed, so the certificate is read once more, by the whole library.
 */
static bool is_self_signed(const X509 *x, struct bytes der)
{
    if (X509_NAME_cmp(X509_get_subject_name(x), X509_get_issuer_name(x)) != 0) {
        return false;
    }
    if (X509_get_signature_nid(x) == NID_undef) {
        return true; /* an algorithm that nothing here can check (ML-DSA): its names say so */
    }
    const uint8_t *at = der.at;
    X509 *whole = d2i_X509(NULL, &at, (long)der.len);
    EVP_PKEY *key = whole == NULL ? NULL : X509_get0_pubkey(whole);
    bool own = key != NULL && X509_verify(whole, key) == 1;
    X509_free(whole);
    return own;
}

static bool certificate_parse(struct certificates *cache, struct bytes der, struct certificate *ret)
{
    const uint8_t *at = der.at;
    X509 *x = X509_new_ex(cache->bare, NULL);
    if (x == NULL || d2i_X509(&x, &at, (long)der.len) == NULL) {
        X509_free(x);
        ERR_clear_error();
        return false;
    }
    *ret = (struct certificate){
        .subject = name_text(X509_get_subject_name(x)),
        .issuer = name_text(X509_get_issuer_name(x)),
        .serial = serial_text(x),
        .not_before_ns = time_ns(X509_get0_notBefore(x)),
        .not_after_ns = time_ns(X509_get0_notAfter(x)),
        .key = key_text(x),
        .signature = signature_text(x),
        .self_signed = is_self_signed(x, der),
    };
    read_alternative_names(x, ret);
    read_usages(x, ret);
    X509_free(x);
    ERR_clear_error();
    bool whole = ret->subject != NULL && ret->issuer != NULL && ret->serial != NULL &&
                 ret->key != NULL && ret->signature != NULL &&
                 certificates_sha256(cache, der, ret->sha256);
    if (!whole) {
        certificate_done(ret);
    }
    return whole;
}

/* ---- the cache ---- */

/* Fast, not strong: the octets themselves are compared, and a set has only WAYS places. */
static uint64_t quick_hash(struct bytes octets)
{
    uint64_t h = octets.len * 0x9e3779b97f4a7c15u;
    size_t i = 0;
    for (; octets.len - i >= 8; i += 8) {
        uint64_t word;
        memcpy(&word, octets.at + i, 8);
        h = (h ^ word) * 0x9fb21c651e98df25u;
        h ^= h >> 32;
    }
    for (; i < octets.len; i++) {
        h = (h ^ octets.at[i]) * 0x9fb21c651e98df25u;
    }
    return h ^ h >> 29;
}

static struct entry *find(struct entry *const *set, struct bytes der, uint64_t hash)
{
    for (unsigned w = 0; w < WAYS; w++) {
        if (set[w] != NULL && set[w]->hash == hash && bytes_is(der, set[w]->der, set[w]->len)) {
            return set[w];
        }
    }
    return NULL;
}

/* A free place of the set, else the one not asked for longest. */
static struct entry **make_place(struct certificates *cache, struct entry **set)
{
    struct entry **best = &set[0];
    for (unsigned w = 0; w < WAYS; w++) {
        if (set[w] == NULL) {
            return &set[w];
        }
        best = set[w]->used < (*best)->used ? &set[w] : best;
    }
    entry_drop(cache, best);
    cache->evicted++;
    return best;
}

static struct entry *read_anew(struct certificates *cache, struct bytes der, uint64_t hash)
{
    struct entry *e = calloc(1, sizeof *e + der.len);
    if (e == NULL || !certificate_parse(cache, der, &e->certificate)) {
        free(e);
        return NULL;
    }
    e->hash = hash;
    e->len = der.len;
    memcpy(e->der, der.at, der.len);
    if (cache->octets + der.len > LIMIT_CERTIFICATE_CACHE_OCTETS) {
        drop_all(cache);
        cache->evicted++;
    }
    *make_place(cache, cache->entries[hash % SETS]) = e;
    cache->octets += der.len;
    return e;
}

const struct certificate *certificates_read(struct certificates *cache, struct bytes der)
{
    if (der.len == 0 || der.len > LIMIT_CERTIFICATE_OCTETS) {
        return NULL;
    }
    uint64_t hash = quick_hash(der);
    struct entry *e = find(cache->entries[hash % SETS], der, hash);
    if (e == NULL) {
        e = read_anew(cache, der, hash);
    }
    if (e == NULL) {
        return NULL;
    }
    e->used = ++cache->clock;
    return &e->certificate;
}

/* ---- files of authorities ---- */

/* A regular file of a size that such files have: no device, and nothing that waits. */
static FILE *open_regular(const char *path)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool fine =
        fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= LIMIT_AUTHORITY_FILE;
    FILE *f = fine ? fdopen(fd, "r") : NULL;
    if (f == NULL && fd >= 0) {
        (void)close(fd);
    }
    return f;
}

static bool tell(struct certificates *cache, X509 *x, void (*each)(void *user, const char *subject),
                 void *user)
{
    uint8_t *der = NULL;
    int len = i2d_X509(x, &der);
    const struct certificate *c =
        len <= 0 ? NULL : certificates_read(cache, bytes_of(der, (size_t)len));
    if (c != NULL) {
        each(user, c->subject);
    }
    OPENSSL_free(der);
    return c != NULL;
}

unsigned authority_subjects(const char *path, void (*each)(void *user, const char *subject),
                            void *user)
{
    struct certificates *cache = certificates_new();
    FILE *f = cache == NULL ? NULL : open_regular(path);
    unsigned count = 0;
    for (unsigned i = 0; f != NULL && i < LIMIT_AUTHORITIES; i++) {
        X509 *x = PEM_read_X509(f, NULL, NULL, NULL);
        if (x == NULL) {
            break;
        }
        count += tell(cache, x, each, user);
        X509_free(x);
    }
    ERR_clear_error();
    if (f != NULL) {
        (void)fclose(f);
    }
    certificates_free(cache);
    return count;
}
