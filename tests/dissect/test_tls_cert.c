#include "tests/test.h"

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "dissect/tls_cert.h"

#define NS_PER_SECOND 1000000000

/* A certificate made here: the key and how it is written. */
struct made {
    uint8_t *der;
    size_t len;
};

struct recipe {
    const char *label;
    const char *algorithm, *parameter; /* "RSA" "2048", "EC" "P-256", "ED25519" */
    const char *digest;                /* NULL: the key's own */
    const char *common_name;
    const char *not_before, *not_after; /* ASN1_TIME */
    const char *san, *eku;              /* as in openssl.cnf; NULL: none */
    bool by_other;                      /* signed with another key under another name */
    const char *key, *signature;        /* expected */
    bool self_signed;
    int64_t not_after_ns;
    const char *names[8]; /* expected, subjectAltName then extended key usages */
};

static const struct recipe recipes[] = {
    {"RSA 2048",
     "RSA",
     "2048",
     "SHA256",
     "mp01.corp.example",
     "20240101000000Z",
     "20340101000000Z",
     "DNS:mp01.corp.example,IP:10.0.0.1,IP:2001:db8::1,URI:https://a/,email:a@b.example,"
     "otherName:1.3.6.1.4.1.311.20.2.3;UTF8:u@corp.example",
     NULL,
     false,
     "rsa 2048",
     "sha256WithRSAEncryption",
     true,
     2019686400 * (int64_t)NS_PER_SECOND,
     {"dns:mp01.corp.example", "ip:10.0.0.1", "ip:2001:db8::1", "uri:https://a/",
      "email:a@b.example", "upn:u@corp.example"}},
    {"RSA 1024 with SHA-1, expired",
     "RSA",
     "1024",
     "SHA1",
     "old",
     "000101000000Z",
     "100101000000Z",
     NULL,
     "serverAuth,clientAuth,1.2.3.4.5",
     true,
     "rsa 1024",
     "sha1WithRSAEncryption",
     false,
     1262304000 * (int64_t)NS_PER_SECOND,
     {"serverAuth", "clientAuth", "1.2.3.4.5"}},
    {"P-256",
     "EC",
     "P-256",
     "SHA256",
     "ec",
     "20240101000000Z",
     "99991231235959Z",
     NULL,
     NULL,
     false,
     "ec P-256",
     "ecdsa-with-SHA256",
     true,
     INT64_MAX,
     {NULL}},
    {"secp256k1",
     "EC",
     "secp256k1",
     "SHA384",
     "koblitz",
     "20240101000000Z",
     "20250101000000Z",
     NULL,
     NULL,
     false,
     "ec secp256k1",
     "ecdsa-with-SHA384",
     true,
     1735689600 * (int64_t)NS_PER_SECOND,
     {NULL}},
    {"Ed25519",
     "ED25519",
     NULL,
     NULL,
     "edwards",
     "20240101000000Z",
     "20250101000000Z",
     NULL,
     NULL,
     false,
     "ed25519",
     "ED25519",
     true,
     1735689600 * (int64_t)NS_PER_SECOND,
     {NULL}},
    {"a NUL in a name",
     "EC",
     "P-256",
     "SHA256",
     "nul",
     "20240101000000Z",
     "20250101000000Z",
     "@nul",
     NULL,
     false,
     "ec P-256",
     "ecdsa-with-SHA256",
     true,
     1735689600 * (int64_t)NS_PER_SECOND,
     {"dns:good.example\\0.evil.example"}},
};

static EVP_PKEY *new_key(const char *algorithm, const char *parameter)
{
    if (strcmp(algorithm, "RSA") == 0) {
        return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)strtoul(parameter, NULL, 10));
    }
    return parameter == NULL ? EVP_PKEY_Q_keygen(NULL, NULL, algorithm)
                             : EVP_PKEY_Q_keygen(NULL, NULL, "EC", parameter);
}

static void add_extension(X509 *x, int nid, const char *value)
{
    if (value != NULL) {
        X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
        assert_non_null(e);
        assert_true(X509_add_ext(x, e, -1));
        X509_EXTENSION_free(e);
    }
}

static void add_nul_name(X509 *x)
{
    static const char name[] = "good.example\0.evil.example";
    GENERAL_NAMES *names = GENERAL_NAMES_new();
    GENERAL_NAME *one = GENERAL_NAME_new();
    ASN1_IA5STRING *text = ASN1_IA5STRING_new();
    assert_true(ASN1_STRING_set(text, name, sizeof name - 1));
    GENERAL_NAME_set0_value(one, GEN_DNS, text);
    sk_GENERAL_NAME_push(names, one);
    assert_true(X509_add1_ext_i2d(x, NID_subject_alt_name, names, 0, 0));
    GENERAL_NAMES_free(names);
}

static void set_name(X509_NAME *name, const char *common_name)
{
    assert_true(X509_NAME_add_entry_by_txt(name, "DC", MBSTRING_UTF8, (const uint8_t *)"example",
                                           -1, -1, 0));
    assert_true(X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8, (const uint8_t *)"J\xc3\xb6rg",
                                           -1, -1, 0));
    assert_true(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const uint8_t *)common_name,
                                           -1, -1, 0));
}

static struct made make(const struct recipe *r)
{
    struct made made = {0};
    X509 *x = X509_new();
    EVP_PKEY *key = new_key(r->algorithm, r->parameter);
    EVP_PKEY *signer = r->by_other ? new_key(r->algorithm, r->parameter) : key;
    assert_non_null(key);
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 0x0abc);
    assert_true(ASN1_TIME_set_string(X509_getm_notBefore(x), r->not_before));
    assert_true(ASN1_TIME_set_string(X509_getm_notAfter(x), r->not_after));
    set_name(X509_get_subject_name(x), r->common_name);
    set_name(X509_get_issuer_name(x), r->by_other ? "authority" : r->common_name);
    X509_set_pubkey(x, key);
    if (r->san != NULL && r->san[0] == '@') {
        add_nul_name(x);
    } else {
        add_extension(x, NID_subject_alt_name, r->san);
    }
    add_extension(x, NID_ext_key_usage, r->eku);
    assert_true(X509_sign(x, signer, r->digest == NULL ? NULL : EVP_get_digestbyname(r->digest)));
    int len = i2d_X509(x, &made.der);
    assert_true(len > 0);
    made.len = (size_t)len;
    if (r->by_other) {
        EVP_PKEY_free(signer);
    }
    EVP_PKEY_free(key);
    X509_free(x);
    return made;
}

static void check_names(const struct recipe *r, const struct certificate *c)
{
    unsigned n = 0;
    for (; n < 8 && r->names[n] != NULL; n++) {
        const char *got = n < c->san_count ? c->san[n] : c->eku[n - c->san_count];
        assert_true(n < c->san_count + c->eku_count);
        assert_string_equal(got, r->names[n]);
    }
    assert_int_equal(n, c->san_count + c->eku_count);
    assert_int_equal(c->names_cut, 0);
}

static void certificates_are_read(void **state)
{
    (void)state;
    struct certificates *cache = certificates_new();
    for (size_t i = 0; i < sizeof recipes / sizeof *recipes; i++) {
        const struct recipe *r = &recipes[i];
        struct made made = make(r);
        const struct certificate *c = certificates_read(cache, bytes_of(made.der, made.len));
        char subject[128];
        uint8_t sha256[32];
        print_message("%s\n", r->label);
        assert_non_null(c);
        snprintf(subject, sizeof subject, "CN=%s,O=J\xc3\xb6rg,DC=example", r->common_name);
        assert_string_equal(c->subject, subject);
        assert_string_equal(c->serial, "0ABC");
        assert_string_equal(c->key, r->key);
        assert_string_equal(c->signature, r->signature);
        assert_int_equal(c->self_signed, r->self_signed);
        assert_true(c->not_after_ns == r->not_after_ns);
        check_names(r, c);
        EVP_Digest(made.der, made.len, sha256, NULL, EVP_sha256(), NULL);
        assert_memory_equal(c->sha256, sha256, 32);
        assert_ptr_equal(certificates_read(cache, bytes_of(made.der, made.len)), c);
        OPENSSL_free(made.der);
    }
    assert_int_equal(certificates_evicted(cache), 0);
    certificates_free(cache);
}

/* A name that claims to be its own issuer is not enough: the signature has to agree. */
static void a_broken_signature_is_not_self_signed(void **state)
{
    (void)state;
    struct certificates *cache = certificates_new();
    struct made made = make(&recipes[0]);
    made.der[made.len - 1] ^= 1;
    const struct certificate *c = certificates_read(cache, bytes_of(made.der, made.len));
    assert_non_null(c);
    assert_string_equal(c->subject, c->issuer);
    assert_false(c->self_signed);
    OPENSSL_free(made.der);
    certificates_free(cache);
}

/* Where nothing can check the signature the names tell. */
static void an_unknown_signature_is_judged_by_names(void **state)
{
    static const uint8_t known[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b};
    unsigned changed = 0;
    (void)state;
    struct certificates *cache = certificates_new();
    struct made made = make(&recipes[0]);
    uint8_t *at = memmem(made.der, made.len, known, sizeof known);
    while (at != NULL) {
        at[sizeof known - 1] = 0x7f;
        changed++;
        at = memmem(at, made.len - (size_t)(at - made.der), known, sizeof known);
    }
    assert_int_equal(changed, 2);
    const struct certificate *c = certificates_read(cache, bytes_of(made.der, made.len));
    assert_non_null(c);
    assert_true(c->self_signed);
    OPENSSL_free(made.der);
    certificates_free(cache);
}

/* Each length in an allocation of its own, so that a sanitizer sees the first octet past it. */
static void cut_certificates_are_refused(void **state)
{
    (void)state;
    struct certificates *cache = certificates_new();
    struct made made = make(&recipes[2]);
    for (size_t len = 0; len < made.len; len++) {
        uint8_t *cut = malloc(len + 1);
        memcpy(cut, made.der, len);
        assert_null(certificates_read(cache, bytes_of(cut, len)));
        free(cut);
    }
    OPENSSL_free(made.der);
    certificates_free(cache);
}

/* Octets of the signature make every certificate another one; old ones make room. */
static void the_cache_stays_bounded(void **state)
{
    (void)state;
    enum { PASSES = 2500 }; /* sets of four overflow long before the cache is full */
    struct certificates *cache = certificates_new();
    struct made made = make(&recipes[1]);
    for (unsigned i = 0; i < PASSES; i++) {
        made.der[made.len - 1] = (uint8_t)i;
        made.der[made.len - 2] = (uint8_t)(i >> 8);
        const struct certificate *c = certificates_read(cache, bytes_of(made.der, made.len));
        assert_non_null(c);
        assert_ptr_equal(certificates_read(cache, bytes_of(made.der, made.len)), c);
    }
    assert_true(certificates_evicted(cache) > 0);
    OPENSSL_free(made.der);
    certificates_free(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(certificates_are_read),
        cmocka_unit_test(a_broken_signature_is_not_self_signed),
        cmocka_unit_test(an_unknown_signature_is_judged_by_names),
        cmocka_unit_test(cut_certificates_are_refused),
        cmocka_unit_test(the_cache_stays_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
