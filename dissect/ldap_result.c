/*
 * ldap_result.c - how operations end: result codes, the server's words, referrals.
 */
#include <stdlib.h>

#include "dissect/ldap.h"

/* RFC 4511 4.1.9; RFC 3909, RFC 4528 and RFC 4370 for the last ones */
static const struct {
    uint16_t code;
    const char *name;
} results[] = {
    {0, "success"},
    {1, "operationsError"},
    {2, "protocolError"},
    {3, "timeLimitExceeded"},
    {4, "sizeLimitExceeded"},
    {5, "compareFalse"},
    {6, "compareTrue"},
    {7, "authMethodNotSupported"},
    {8, "strongerAuthRequired"},
    {10, "referral"},
    {11, "adminLimitExceeded"},
    {12, "unavailableCriticalExtension"},
    {13, "confidentialityRequired"},
    {14, "saslBindInProgress"},
    {16, "noSuchAttribute"},
    {17, "undefinedAttributeType"},
    {18, "inappropriateMatching"},
    {19, "constraintViolation"},
    {20, "attributeOrValueExists"},
    {21, "invalidAttributeSyntax"},
    {32, "noSuchObject"},
    {33, "aliasProblem"},
    {34, "invalidDNSyntax"},
    {36, "aliasDereferencingProblem"},
    {48, "inappropriateAuthentication"},
    {49, "invalidCredentials"},
    {50, "insufficientAccessRights"},
    {51, "busy"},
    {52, "unavailable"},
    {53, "unwillingToPerform"},
    {54, "loopDetect"},
    {64, "namingViolation"},
    {65, "objectClassViolation"},
    {66, "notAllowedOnNonLeaf"},
    {67, "notAllowedOnRDN"},
    {68, "entryAlreadyExists"},
    {69, "objectClassModsProhibited"},
    {71, "affectsMultipleDSAs"},
    {80, "other"},
    {118, "canceled"},
    {119, "noSuchOperation"},
    {120, "tooLate"},
    {121, "cannotCancel"},
    {122, "assertionFailed"},
    {123, "authorizationDenied"},
};

const char *ldap_result_name(int64_t code)
{
    for (size_t i = 0; i < sizeof results / sizeof results[0]; i++) {
        if (results[i].code == code) {
            return results[i].name;
        }
    }
    return NULL;
}

/* RFC 4511 4.1.9, with what a bind's (4.2.2) and an extended operation's answer (4.12) add */
struct ldap_result ldap_result_read(struct bytes body)
{
    struct cursor c = cursor_of(body);
    struct ldap_result r = {.code = der_int(&c, DER_ENUMERATED)};
    r.matched = der_take(&c, DER_OCTET_STRING);
    r.diagnostic = der_take(&c, DER_OCTET_STRING);
    r.failed = c.failed;
    r.referral = der_option(&c, 0xa3).rest;
    r.credentials = der_option(&c, 0x87).rest;
    r.name = der_option(&c, 0x8a).rest;
    return r;
}

/* [MS-ERREF] 2.2. Active Directory writes "80090308: LdapErr: DSID-..., comment: ... error, data
 * 52e, v4563". */
static const char *reason_of(const char *words)
{
    static const struct {
        unsigned code;
        const char *name;
    } reasons[] = {
        {0x525, "ERROR_NO_SUCH_USER"},         {0x52e, "ERROR_LOGON_FAILURE"},
        {0x52f, "ERROR_ACCOUNT_RESTRICTION"},  {0x530, "ERROR_INVALID_LOGON_HOURS"},
        {0x531, "ERROR_INVALID_WORKSTATION"},  {0x532, "ERROR_PASSWORD_EXPIRED"},
        {0x533, "ERROR_ACCOUNT_DISABLED"},     {0x701, "ERROR_ACCOUNT_EXPIRED"},
        {0x773, "ERROR_PASSWORD_MUST_CHANGE"}, {0x775, "ERROR_ACCOUNT_LOCKED_OUT"},
    };
    static const char error[] = "AcceptSecurityContext error, data ";
    const char *at = words == NULL ? NULL : strstr(words, error);
    if (at == NULL) {
        return NULL;
    }
    unsigned long code = strtoul(at + sizeof error - 1, NULL, 16);
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        if (reasons[i].code == code) {
            return reasons[i].name;
        }
    }
    return NULL;
}

void ldap_result_state(struct observation *o, const struct ldap_result *result)
{
    enum { LDAP_SUCCESS = 0, LDAP_COMPARE_FALSE = 5, LDAP_COMPARE_TRUE = 6 };
    enum { LDAP_SASL_BIND_IN_PROGRESS = 14, LDAP_INVALID_CREDENTIALS = 49 };
    const char *name = ldap_result_name(result->code);
    if (name != NULL) {
        observation_string(o, FACT_LDAP_RESULT, name);
    } else {
        observation_format(o, FACT_LDAP_RESULT, "%lld", (long long)result->code);
    }
    observation_num(o, FACT_LDAP_RESULT_CODE, (uint64_t)result->code);
    bool fine = result->code == LDAP_SUCCESS || result->code == LDAP_COMPARE_FALSE ||
                result->code == LDAP_COMPARE_TRUE || result->code == LDAP_SASL_BIND_IN_PROGRESS;
    if (!fine) {
        struct bytes words = result->diagnostic;
        while (words.len > 0 && words.at[words.len - 1] == 0) {
            words.len--; /* Active Directory ends it as C does */
        }
        observation_utf8(o, FACT_LDAP_DIAGNOSTIC, words);
    }
    if (result->code == LDAP_INVALID_CREDENTIALS) {
        observation_string(o, FACT_LDAP_REASON,
                           reason_of(observation_text(o, FACT_LDAP_DIAGNOSTIC)));
    }
}

/* RFC 4511 4.1.10, 4.5.3: SEQUENCE OF URI */
uint8_t ldap_referral_state(struct observation *o, struct bytes uris, uint8_t stated)
{
    struct cursor c = cursor_of(uris);
    while (c.rest.len > 0 && stated < LIMIT_LDAP_NAMES) {
        struct bytes uri = der_take(&c, DER_OCTET_STRING);
        if (!c.failed) {
            observation_utf8(o, FACT_LDAP_REFERRAL, uri);
            stated++;
        }
    }
    return stated;
}
