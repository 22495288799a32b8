#include "tests/bench/certificates.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/bench/hosts.h"
#include "tests/bench/random.h"

enum { RSA_BITS = 2048, RSA_EXPONENT = 65537, YEAR = 365 * 86400 };

/* 2025-06-01T00:00:00Z: nine months before the captured morning. */
static const time_t issued = 1748736000;

struct certificates {
    struct certificate authority;
    struct certificate servers[SERVER_COUNT];
    struct certificate clients[CLIENT_CERTIFICATES];
};

/* What one certificate says. */
struct request {
    const char *common_name;
    const char *alternative; /* "DNS:..."; NULL: none */
    const char *usage;       /* extendedKeyUsage; NULL: this is an authority */
    long serial;
};

/* Two top bits set, so that a product of two has all its bits. */
static BIGNUM *random_odd(struct random *r, int bits)
{
    uint8_t octets[RSA_BITS / 8];
    int n = bits / 8;

    random_fill(r, octets, (size_t)n);
    octets[0] |= 0xc0;
    octets[n - 1] |= 1;
    return BN_bin2bn(octets, n, NULL);
}

static BIGNUM *random_prime(struct random *r, int bits, BN_CTX *ctx)
{
    BIGNUM *p = random_odd(r, bits);

    while (p && BN_check_prime(p, ctx, NULL) == 0) {
        if (!BN_add_word(p, 2)) {
            BN_free(p);
            return NULL;
        }
    }
    return p;
}

/* `d` NULL makes a public key. */
static EVP_PKEY *rsa_key(const BIGNUM *n, const BIGNUM *d)
{
    EVP_PKEY *key = NULL;
    OSSL_PARAM *parameters = NULL;
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);

    if (build && ctx && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) &&
        OSSL_PARAM_BLD_push_ulong(build, OSSL_PKEY_PARAM_RSA_E, RSA_EXPONENT) &&
        (!d || OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_D, d)))
        parameters = OSSL_PARAM_BLD_to_param(build);
    if (parameters && EVP_PKEY_fromdata_init(ctx) == 1 &&
        EVP_PKEY_fromdata(ctx, &key, d ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY, parameters) != 1)
        key = NULL;
    OSSL_PARAM_free(parameters);
    OSSL_PARAM_BLD_free(build);
    EVP_PKEY_CTX_free(ctx);
    return key;
}

static EVP_PKEY *signing_key(struct random *r)
{
    BN_CTX *ctx = BN_CTX_new();
    BIGNUM *p = random_prime(r, RSA_BITS / 2, ctx), *q = random_prime(r, RSA_BITS / 2, ctx);
    BIGNUM *n = BN_new(), *phi = BN_new(), *e = BN_new(), *d = NULL;
    EVP_PKEY *key = NULL;

    if (ctx && p && q && n && phi && e && BN_mul(n, p, q, ctx) && BN_sub_word(p, 1) &&
        BN_sub_word(q, 1) && BN_mul(phi, p, q, ctx) && BN_set_word(e, RSA_EXPONENT))
        d = BN_mod_inverse(NULL, e, phi, ctx);
    if (d)
        key = rsa_key(n, d);
    BN_free(p);
    BN_free(q);
    BN_free(n);
    BN_free(phi);
    BN_free(e);
    BN_free(d);
    BN_CTX_free(ctx);
    return key;
}

static EVP_PKEY *leaf_key(struct random *r)
{
    BIGNUM *n = random_odd(r, RSA_BITS);
    EVP_PKEY *key = n ? rsa_key(n, NULL) : NULL;

    BN_free(n);
    return key;
}

static bool add_extension(X509 *x, int nid, const char *value)
{
    if (!value)
        return true;
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    bool added = extension && X509_add_ext(x, extension, -1);
    X509_EXTENSION_free(extension);
    return added;
}

static bool set_name(X509_NAME *name, const char *common_name)
{
    static const char *const domain[] = {"example", "corp"};

    for (size_t i = 0; i < 2; i++)
        if (!X509_NAME_add_entry_by_txt(name, "DC", MBSTRING_ASC, (const uint8_t *)domain[i], -1,
                                        -1, 0))
            return false;
    return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const uint8_t *)common_name, -1,
                                      -1, 0);
}

/* `issuer` NULL: self-signed. */
static X509 *issue(const struct request *what, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key)
{
    X509 *x = X509_new();
    long validity = what->usage ? YEAR : 10L * YEAR; /* seconds */

    if (x && X509_set_version(x, X509_VERSION_3) &&
        ASN1_INTEGER_set(X509_get_serialNumber(x), what->serial) &&
        ASN1_TIME_set(X509_getm_notBefore(x), issued) &&
        ASN1_TIME_set(X509_getm_notAfter(x), issued + validity) &&
        set_name(X509_get_subject_name(x), what->common_name) &&
        X509_set_issuer_name(x, X509_get_subject_name(issuer ? issuer : x)) &&
        X509_set_pubkey(x, key) &&
        add_extension(x, NID_basic_constraints, what->usage ? NULL : "critical,CA:TRUE") &&
        add_extension(x, NID_key_usage,
                      what->usage ? "critical,digitalSignature,keyEncipherment"
                                  : "critical,keyCertSign,cRLSign") &&
        add_extension(x, NID_ext_key_usage, what->usage) &&
        add_extension(x, NID_subject_alt_name, what->alternative) &&
        X509_sign(x, issuer_key, EVP_sha256()))
        return x;
    X509_free(x);
    return NULL;
}

static bool store(X509 *x, struct certificate *ret)
{
    uint8_t *der = NULL;
    int len = x ? i2d_X509(x, &der) : -1;

    if (len <= 0)
        return false;
    *ret = (struct certificate){.der = der, .len = (size_t)len};
    return true;
}

static bool issue_leaf(struct random *r, const struct request *what, X509 *issuer,
                       EVP_PKEY *issuer_key, struct certificate *ret)
{
    EVP_PKEY *key = leaf_key(r);
    X509 *x = key ? issue(what, key, issuer, issuer_key) : NULL;
    bool stored = store(x, ret);

    X509_free(x);
    EVP_PKEY_free(key);
    return stored;
}

static bool issue_leaves(struct certificates *c, struct random *r, const struct hosts *hosts,
                         X509 *issuer, EVP_PKEY *issuer_key)
{
    char alternative[64];
    bool good = true;

    for (size_t i = 0; good && i < SERVER_COUNT; i++) {
        const char *name = hosts->servers[i].fqdn;
        snprintf(alternative, sizeof alternative, "DNS:%s", name);
        struct request what = {name, alternative, "serverAuth", 1000 + (long)i};
        good = issue_leaf(r, &what, issuer, issuer_key, &c->servers[i]);
    }
    for (size_t i = 0; good && i < CLIENT_CERTIFICATES; i++) {
        const char *name = hosts->clients[i].fqdn;
        snprintf(alternative, sizeof alternative, "DNS:%s", name);
        struct request what = {name, alternative, "clientAuth", 5000 + (long)i};
        good = issue_leaf(r, &what, issuer, issuer_key, &c->clients[i]);
    }
    return good;
}

struct certificates *certificates_new(struct random *r, const struct hosts *hosts)
{
    static const struct request root = {"Corp Root CA", NULL, NULL, 1};
    static const struct request issuing = {"Corp Issuing CA 1", NULL, NULL, 2};
    struct certificates *c = calloc(1, sizeof *c);
    EVP_PKEY *root_key = signing_key(r), *key = signing_key(r);
    X509 *top = NULL, *authority = NULL;
    bool good = false;

    if (c && root_key && key) {
        top = issue(&root, root_key, NULL, root_key);
        authority = top ? issue(&issuing, key, top, root_key) : NULL;
        good = authority && store(authority, &c->authority) &&
               issue_leaves(c, r, hosts, authority, key);
    }
    X509_free(top);
    X509_free(authority);
    EVP_PKEY_free(root_key);
    EVP_PKEY_free(key);
    if (!good) {
        certificates_free(c);
        return NULL;
    }
    return c;
}

void certificates_free(struct certificates *c)
{
    if (!c)
        return;
    OPENSSL_free(c->authority.der);
    for (size_t i = 0; i < SERVER_COUNT; i++)
        OPENSSL_free(c->servers[i].der);
    for (size_t i = 0; i < CLIENT_CERTIFICATES; i++)
        OPENSSL_free(c->clients[i].der);
    free(c);
}

const struct certificate *certificates_authority(const struct certificates *c)
{
    return &c->authority;
}

const struct certificate *certificates_server(const struct certificates *c, size_t server)
{
    return &c->servers[server];
}

const struct certificate *certificates_client(const struct certificates *c, size_t client)
{
    return &c->clients[client % CLIENT_CERTIFICATES];
}
