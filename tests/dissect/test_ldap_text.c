/*
 * What LDAP requests and results say in words: filters, attributes, changes, controls, referrals,
 * why a logon failed.
 */
#include "tests/dissect/test_ldap_messages.h"

static struct built of(unsigned tag, struct built content)
{
    return element(tag, built_bytes(&content), false);
}

static struct built join(struct built a, struct built b)
{
    put_built(&a, b);
    return a;
}

static struct built text(unsigned tag, const char *value)
{
    return element(tag, bytes_text(value), false);
}

static struct built assertion(unsigned tag, const char *type, struct bytes value)
{
    struct built b = {.len = 0};
    put_string(&b, type);
    put_element(&b, 0x04, value);
    return of(tag, b);
}

static struct built equal(const char *type, const char *value)
{
    return assertion(0xa3, type, bytes_text(value));
}

/* Initial, any and final parts; NULL leaves one out. */
static struct built substrings(const char *initial, const char *any, const char *last)
{
    struct built b = {.len = 0}, parts = {.len = 0};
    put_string(&b, "cn");
    parts = initial == NULL ? parts : join(parts, text(0x80, initial));
    parts = any == NULL ? parts : join(parts, text(0x81, any));
    parts = last == NULL ? parts : join(parts, text(0x82, last));
    return of(0xa4, join(b, of(0x30, parts)));
}

static struct built nested(unsigned levels)
{
    struct built b = text(0x87, "cn");
    for (unsigned i = 0; i < levels; i++) {
        b = of(0xa2, b);
    }
    return b;
}

static struct built search_for(struct built filter)
{
    struct built b = {.len = 0};
    put_string(&b, "dc=x");
    put_number(&b, 0x0a, 2);
    put_number(&b, 0x0a, 0);
    put_number(&b, 0x02, 0);
    put_number(&b, 0x02, 0);
    put_number(&b, 0x01, 0);
    return join(join(b, filter), of(0x30, join(text(4, "cn"), text(4, "nTSecurityDescriptor"))));
}

/* The whole answer to one request. */
static char *told(struct built request, unsigned tag)
{
    struct talk t = {.count = 0};
    ask(&t, 1, tag, request);
    play_truncation_sweep(t.steps, t.count);
    play_hostile_sweep(t.steps, t.count);
    return play(t.steps, t.count, &(struct play_options){.records_only = true});
}

static void expect(const char *label, char *said, const char *words)
{
    if (strstr(said, words) == NULL) {
        print_error("%s: no %s in\n%s", label, words, said);
        free(said);
        fail();
    }
    free(said);
}

/* RFC 4515 3, 4 */
static void test_filters(void **state)
{
    (void)state;
    const struct {
        const char *label;
        struct built filter;
        const char *written; /* NULL: nothing is */
    } cases[] = {
        {"present", text(0x87, "objectClass"), "(objectClass=*)"},
        {"equal", equal("cn", "Babs Jensen"), "(cn=Babs Jensen)"},
        {"greater", assertion(0xa5, "uSNChanged", bytes_text("7")), "(uSNChanged>=7)"},
        {"less", assertion(0xa6, "uSNChanged", bytes_text("7")), "(uSNChanged<=7)"},
        {"approximate", assertion(0xa8, "cn", bytes_text("x")), "(cn~=x)"},
        {"and, or, not",
         of(0xa0,
            join(equal("a", "b"), of(0xa1, join(of(0xa2, equal("c", "d")), text(0x87, "e"))))),
         "(&(a=b)(|(!(c=d))(e=*)))"},
        {"absolute true", of(0xa0, (struct built){.len = 0}), "(&)"},
        {"all parts", substrings("a", "b", "c"), "(cn=a*b*c)"},
        {"beginning", substrings("a", NULL, NULL), "(cn=a*)"},
        {"middle", substrings(NULL, "b", NULL), "(cn=*b*)"},
        {"end", substrings(NULL, NULL, "c"), "(cn=*c)"},
        {"escaped", equal("cn", "a(b)*\\\n"), "(cn=a\\28b\\29\\2a\\5c\\0a)"},
        {"another script", equal("cn", "L\xc3\xa9"), "(cn=L\xc3\xa9)"},
        {"no text", assertion(0xa3, "objectGUID", bytes_of("\xff\0\x41\xe9", 4)),
         "(objectGUID=\\ff\\00A\\e9)"},
        {"extensible",
         of(0xa9, join(join(text(0x81, "1.2.840.113556.1.4.803"), text(0x82, "userAccountControl")),
                       text(0x83, "8192"))),
         "(userAccountControl:1.2.840.113556.1.4.803:=8192)"},
        {"extensible by name",
         of(0xa9, join(join(text(0x82, "o"), text(0x83, "Ace")), text(0x84, "\xff"))),
         "(o:dn:=Ace)"},
        {"as deep as can be", nested(32), "(!(!(!(!"},
        {"too deep", nested(33), NULL},
        {"no such choice", text(0x8f, "x"), NULL},
        {"no such part", of(0xa4, join(text(4, "cn"), of(0x30, text(0x83, "x")))), NULL},
        {"half an assertion", of(0xa3, text(4, "cn")), NULL},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char words[256];
        (void)snprintf(words, sizeof words, "ldap.filter=%s%s", cases[i].written,
                       strncmp(cases[i].label, "as deep", 7) == 0 ? "" : " ");
        char *said = told(search_for(cases[i].filter), 0x63);
        if (cases[i].written != NULL) {
            expect(cases[i].label, said, words);
            continue;
        }
        bool silent = strstr(said, "ldap.filter") == NULL && strstr(said, "ldap.attr") == NULL;
        free(said);
        if (!silent) {
            fail_msg("%s", cases[i].label);
        }
    }
}

static void test_long_filter(void **state)
{
    (void)state;
    struct talk t = {.count = 0};
    struct built parts = {.len = 0};
    for (unsigned i = 0; i < 50; i++) {
        parts = join(parts, equal("sAMAccountName", "MP01$"));
    }
    ask(&t, 1, 0x63, search_for(of(0xa1, parts)));
    char *said = play(t.steps, t.count, NULL);
    assert_non_null(strstr(said, "ldap.filter=(|(sAMAccountName=MP01$)"));
    assert_non_null(strstr(said, "\xe2\x80\xa6 ldap.scope=sub ldap.attributes=cn "));
    free(said);
}

/* An audit is told what was searched for where it speaks of Configuration Manager. */
static void test_audited_filters(void **state)
{
    (void)state;
    static const struct play_options brief = {.records_only = true, .brief = true};
    static const struct {
        const char *value;
        bool told;
    } cases[] = {
        {"mSSMSManagementPoint", true}, {"x-SCCM", true}, {"user", false}, {"sccn", false}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct talk t = {.count = 0};
        ask(&t, 1, 0x63, search_for(equal("objectClass", cases[i].value)));
        char *said = play(t.steps, t.count, &brief);
        assert_int_equal(strstr(said, "ldap.filter=(objectClass=") != NULL, cases[i].told);
        assert_int_equal(strstr(said, "ldap.attributes=nTSecurityDescriptor") != NULL,
                         cases[i].told);
        free(said);
    }
}

static struct built change(unsigned kind, const char *type)
{
    struct built b = {.len = 0};
    put_number(&b, 0x0a, kind);
    return of(0x30, join(b, of(0x30, join(text(4, type), of(0x31, text(4, "secret"))))));
}

static struct built value_of(const char *type)
{
    return of(0x30, join(text(4, type), of(0x31, text(4, "secret"))));
}

static struct built not_kept(void)
{
    struct built b = {.len = 0};
    put_number(&b, 0x01, 0);
    return b;
}

static void test_requests(void **state)
{
    (void)state;
    const struct built dn = text(4, "cn=a");
    const struct {
        const char *label;
        unsigned tag;
        struct built request;
        const char *words;
    } cases[] = {
        {"attributes", 0x63, search_for(text(0x87, "cn")),
         "ldap.attributes=cn ldap.attributes=nTSecurityDescriptor "},
        {"modify", 0x66,
         join(dn, of(0x30, join(join(change(2, "description"), change(0, "member")),
                                join(change(9, "odd"), change(1, "info"))))),
         "ldap.dn=cn=a ldap.changes=replace:description ldap.changes=add:member "
         "ldap.changes=delete:info ldap.request_packet"},
        {"add", 0x68, join(dn, of(0x30, join(value_of("cn"), value_of("objectClass")))),
         "ldap.dn=cn=a ldap.attributes=cn ldap.attributes=objectClass ldap.request_packet"},
        {"rename", 0x6c, join(join(dn, text(4, "cn=b")), not_kept()),
         "ldap.dn=cn=a ldap.new_dn=cn=b ldap.request_packet"},
        {"move", 0x6c, join(join(join(dn, text(4, "cn=b")), not_kept()), text(0x80, "ou=x")),
         "ldap.dn=cn=a ldap.new_dn=cn=b,ou=x ldap.request_packet"},
        {"compare", 0x6e, join(dn, assertion(0x30, "member", bytes_text("secret"))),
         "ldap.dn=cn=a ldap.attributes=member ldap.request_packet"},
        {"extended", 0x77, text(0x80, "1.3.6.1.4.1.4203.1.11.3"),
         "ldap.oid=1.3.6.1.4.1.4203.1.11.3 ldap.request_packet"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char *said = told(cases[i].request, cases[i].tag);
        assert_null(strstr(said, "secret"));
        expect(cases[i].label, said, cases[i].words);
    }
}

/* RFC 4511 4.1.11, RFC 2696 2 */
static void test_controls(void **state)
{
    (void)state;
    struct talk t = {.count = 0};
    struct built size = {.len = 0}, critical = not_kept(), number = {.len = 0};
    put_be(&size, 0x020203e8, 4);
    size = of(0x30, join(size, text(4, "")));
    struct built paged = join(join(text(4, "1.2.840.113556.1.4.319"), critical), of(4, size));
    struct built other = text(4, "1.2.840.113556.1.4.801");
    struct built controls = of(0xa0, join(of(0x30, paged), of(0x30, other)));
    put_number(&number, 2, 1);
    say(&t, DIR_CLIENT,
        of(0x30, join(join(number, of(0x63, search_for(text(0x87, "cn")))), controls)));
    char *said = play(t.steps, t.count, &(struct play_options){.records_only = true});
    expect("controls", said,
           "ldap.controls=1.2.840.113556.1.4.319 ldap.controls=1.2.840.113556.1.4.801 "
           "ldap.page_size=1000 ");
    play_truncation_sweep(t.steps, t.count);
    play_hostile_sweep(t.steps, t.count);
}

/* A result with the server's words and, unless NULL, where it sends the client. */
static struct built worded(unsigned code, struct bytes words, const char *uri)
{
    struct built b = {.len = 0};
    put_number(&b, 0x0a, code);
    put_string(&b, "");
    put_element(&b, 0x04, words);
    return uri == NULL ? b : join(b, of(0xa3, text(4, uri)));
}

static void test_results(void **state)
{
    (void)state;
    static const char refused[] = "80090308: LdapErr: DSID-0C09044E, comment: "
                                  "AcceptSecurityContext error, data 52e, v2580";
    static const char unnamed[] = "AcceptSecurityContext error, data 1, v2580";
    const struct {
        const char *label;
        struct built result;
        const char *words;
    } cases[] = {
        {"why a logon failed", worded(49, bytes_of(refused, sizeof refused), NULL),
         "AcceptSecurityContext error, data 52e, v2580 ldap.reason=ERROR_LOGON_FAILURE "},
        {"a number without a name", worded(49, bytes_text(unnamed), NULL),
         "ldap.diagnostic=AcceptSecurityContext error, data 1, v2580 ldap.request_packet"},
        {"another failure", worded(8, bytes_text(refused), NULL), "data 52e, v2580 ldap.request"},
        {"success needs no words", worded(0, bytes_text("fine"), NULL),
         "ldap.result_code=0 ldap.protection"},
        {"a referral", worded(10, (struct bytes){0}, "ldap://dc02.corp.example/"),
         "ldap.result=referral ldap.result_code=10 ldap.referral=ldap://dc02.corp.example/ "},
        {"a code of extensions", worded(118, (struct bytes){0}, NULL), "ldap.result=canceled "},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct talk t = {.count = 0};
        ask(&t, 1, 0x60, bind("cn=a", 0x80, bytes_text("topsecret")));
        say(&t, DIR_SERVER, message(1, 0x61, cases[i].result, true));
        expect(cases[i].label, play(t.steps, t.count, &(struct play_options){.records_only = true}),
               cases[i].words);
        play_hostile_sweep(t.steps, t.count);
    }
}

/* RFC 4511 4.4.1: the notice names itself. */
static void test_notice(void **state)
{
    (void)state;
    struct talk t = {.count = 0};
    say(&t, DIR_SERVER,
        message(0, 0x78,
                join(worded(52, (struct bytes){0}, NULL), text(0x8a, "1.3.6.1.4.1.1466.20036")),
                true));
    expect("notice", play(t.steps, t.count, &(struct play_options){.records_only = true}),
           "ldap.operation=extended ldap.oid=1.3.6.1.4.1.1466.20036 ldap.result=unavailable ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_filters),         cmocka_unit_test(test_long_filter),
        cmocka_unit_test(test_audited_filters), cmocka_unit_test(test_requests),
        cmocka_unit_test(test_controls),        cmocka_unit_test(test_results),
        cmocka_unit_test(test_notice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
