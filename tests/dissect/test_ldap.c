/*
 * LDAP over TCP and UDP: operations with their answers, binds and the logons in them, StartTLS,
 * SASL security layers.
 */
#include "tests/dissect/test_ldap_messages.h"

/* ---- conversations ---- */

static void simple_binds(struct talk *t)
{
    ask(t, 1, 0x60, bind("cn=admin", 0x80, bytes_text("topsecret")));
    answer(t, 1, 0x61, 49);
    ask(t, 2, 0x60, bind("cn=admin", 0x80, (struct bytes){0}));
    answer(t, 2, 0x61, 53);
    ask(t, 3, 0x60, bind("", 0x80, (struct bytes){0}));
    answer(t, 3, 0x61, 0);
    ask(t, 4, 0x42, (struct built){.len = 0});
}

static void operations(struct talk *t)
{
    struct built dn = {.len = 0};
    put(&dn, "cn=d", 4);
    ask(t, 300, 0x63, search("dc=corp,dc=example", 2));
    ask(t, 301, 0x66, named("cn=m"));
    ask(t, 302, 0x68, named("cn=a"));
    ask(t, 303, 0x4a, dn);
    ask(t, 304, 0x6c, named("cn=n"));
    ask(t, 305, 0x6e, named("cn=c"));
    say(t, DIR_SERVER, message(300, 0x64, entry(), true));
    say(t, DIR_SERVER, message(300, 0x73, entry(), true));
    say(t, DIR_SERVER, message(300, 0x64, entry(), false));
    answer(t, 305, 0x6f, 6);
    answer(t, 301, 0x67, 50);
    answer(t, 302, 0x69, 68);
    answer(t, 303, 0x6b, 32);
    answer(t, 300, 0x65, 4);
    answer(t, 304, 0x6d, 99);
    ask(t, 306, 0x63, search("", 0));
}

/* The notice of disconnection (RFC 4511 4.4.1), and an answer whose question was not captured. */
static void answers_alone(struct talk *t)
{
    answer(t, 0, 0x78, 52);
    answer(t, 9, 0x65, 0);
    say(t, DIR_SERVER, message(9, 0x61, named("no result"), true));
}

/* A number used again before its answer. */
static void number_again(struct talk *t)
{
    ask(t, 5, 0x63, search("dc=one", 1));
    ask(t, 5, 0x63, search("dc=two", 3));
    answer(t, 5, 0x65, 0);
}

static void negotiated_logon(struct talk *t)
{
    struct built first = ntlm_negotiate(), second = ntlm_challenge(NTLM_UNICODE),
                 third = logon_authenticate("svc-site");
    ask(t, 1, 0x60, sasl("GSS-SPNEGO", &first));
    say(t, DIR_SERVER, message(1, 0x61, result(14, (struct bytes){0}, &second), true));
    ask(t, 2, 0x60, sasl("GSS-SPNEGO", &third));
    answer(t, 2, 0x61, 0);
    /* What follows is protected: RFC 4422 3.7. */
    struct built buffer = {.len = 0};
    put_be(&buffer, 20, 4);
    put_be(&buffer, 0x3005, 20);
    say(t, DIR_CLIENT, buffer);
    say(t, DIR_SERVER, buffer);
    ask(t, 4, 0x63, search("dc=after", 0));
}

static void negotiated_logon_refused(struct talk *t)
{
    struct built first = ntlm_negotiate(), third = logon_authenticate("svc-site");
    ask(t, 1, 0x60, sasl("GSS-SPNEGO", &first));
    answer(t, 1, 0x61, 14);
    ask(t, 2, 0x60, sasl("GSS-SPNEGO", &third));
    answer(t, 2, 0x61, 49);
}

/* RFC 4422 3.7: a buffer whose content is `token`. */
static void say_buffer(struct talk *t, struct built token)
{
    struct built b = {.len = 0};
    put_be(&b, token.len, 4);
    put_built(&b, token);
    say(t, DIR_CLIENT, b);
}

/* RFC 4121 4.2.6.2: a Wrap token with a checksum of 12 octets, rotated or not. */
static struct built wrapped(unsigned flags, unsigned rotated, struct built plain)
{
    struct built b = {.len = 0};
    put_be(&b, 0x0504, 2);
    put_be(&b, flags, 1);
    put_be(&b, 0xff, 1);
    put_be(&b, 12, 2);
    put_be(&b, rotated, 2);
    put_be(&b, 1, 8);
    put_be(&b, 0xcc, rotated);
    put_built(&b, plain);
    put_be(&b, 0xcc, rotated > 12 ? 0 : 12 - rotated);
    return b;
}

/* What is only signed is read, two messages of a buffer both; what is sealed, or cut, is passed
 * over. */
static void security_layers(struct talk *t)
{
    struct built signature = {.len = 0}, sealed = {.len = 64},
                 both = message(2, 0x63, search("dc=kerberos", 0), true);
    ask(t, 1, 0x60, sasl("GSSAPI", NULL));
    put_built(&both, message(3, 0x63, search("dc=second", 0), false));
    say_buffer(t, wrapped(4, 12, both));
    say_buffer(t, wrapped(4, 0, message(4, 0x63, search("dc=unrotated", 0), true)));
    say_buffer(t, wrapped(6, 12, message(5, 0x63, search("dc=sealed", 0), true)));
    say_buffer(t, wrapped(4, 13, message(5, 0x63, search("dc=lying", 0), true)));
    put_le(&signature, 1, 4);
    put_be(&signature, 7, 12);
    put_built(&signature, message(6, 0x63, search("dc=ntlm", 0), true));
    say_buffer(t, signature);
    signature.len -= 5;
    say_buffer(t, signature);
    memset(sealed.at, 0xa5, sealed.len);
    memcpy(sealed.at, "\1\0\0", 4);
    say_buffer(t, sealed);
    say_buffer(t, (struct built){.len = 0});
    ask(t, 7, 0x63, search("dc=clear", 0));
}

/* RFC 4757 7.3: a Wrap token, sealed or not, with its padding octet. */
static struct built wrapped_rc4(unsigned algorithm, struct built plain)
{
    struct built b = {.len = 0};
    put_be(&b, 0x06092a864886f712, 8);
    put_be(&b, 0x010202, 3);
    put_be(&b, 0x02011100, 4);
    put_be(&b, algorithm << 16 | 0xffff, 4);
    put_be(&b, 0xcc, 8 + 8 + 8);
    put_built(&b, plain);
    put_be(&b, 1, 1);
    return element(0x60, built_bytes(&b), false);
}

/* RFC 2831 2.3: the message, ten octets of its code, type and number. */
static struct built wrapped_digest(struct built plain)
{
    put_be(&plain, 0xaa, 10);
    put_be(&plain, 0x000100000001, 6);
    return plain;
}

static void other_layers(struct talk *t)
{
    ask(t, 1, 0x60, sasl("DIGEST-MD5", NULL));
    say_buffer(t, wrapped_digest(message(2, 0x63, search("dc=digest", 0), false)));
    say_buffer(t, wrapped_rc4(0xffff, message(3, 0x63, search("dc=rc4", 0), true)));
    say_buffer(t, wrapped_rc4(0x1000, message(4, 0x63, search("dc=sealed", 0), true)));
    say_buffer(t, wrapped(4, 12, message(5, 0x42, (struct built){.len = 0}, true)));
    say_buffer(t, wrapped(4, 12, message(6, 0x63, search("dc=after", 0), true)));
}

/* What comes after a bind says how it is protected. */
static void bound_signed(struct talk *t)
{
    ask(t, 1, 0x60, sasl("GSSAPI", NULL));
    answer(t, 1, 0x61, 0);
    say_buffer(t, wrapped(4, 12, message(2, 0x63, search("dc=signed", 0), true)));
}

static void bound_clear(struct talk *t)
{
    ask(t, 1, 0x60, sasl("GSSAPI", NULL));
    answer(t, 1, 0x61, 0);
    ask(t, 2, 0x63, search("dc=clear", 0));
    answer(t, 2, 0x65, 0);
    ask(t, 3, 0x42, (struct built){.len = 0});
    ask(t, 4, 0x63, search("dc=after", 0));
}

static void bound_silent(struct talk *t)
{
    ask(t, 1, 0x60, sasl("GSSAPI", NULL));
    answer(t, 1, 0x61, 0);
}

/* RFC 4511 4.11, 4.3: an answer that was under way still comes. */
static void given_up(struct talk *t)
{
    struct built number = {.len = 0}, unknown = {.len = 0};
    put_be(&number, 5, 2);
    put_be(&unknown, 77, 1);
    ask(t, 5, 0x63, search("dc=given-up", 2));
    ask(t, 6, 0x63, search("dc=under-way", 2));
    ask(t, 7, 0x50, unknown);
    ask(t, 7, 0x50, number);
    ask(t, 8, 0x42, (struct built){.len = 0});
    answer(t, 6, 0x65, 0);
    ask(t, 9, 0x63, search("dc=after", 0));
}

/* [MS-ADTS] 5.1.1.1.3 */
static void sicily(struct talk *t)
{
    struct built first = ntlm_negotiate(), second = ntlm_challenge(NTLM_UNICODE),
                 third = logon_authenticate("svc-site");
    ask(t, 1, 0x60, bind("", 0x89, (struct bytes){0}));
    say(t, DIR_SERVER, message(1, 0x61, result(0, bytes_text("NTLM"), NULL), true));
    ask(t, 2, 0x60, bind("NTLM", 0x8a, built_bytes(&first)));
    say(t, DIR_SERVER, message(2, 0x61, result(0, built_bytes(&second), NULL), true));
    ask(t, 3, 0x60, bind("", 0x8b, built_bytes(&third)));
    answer(t, 3, 0x61, 0);
}

/* A mechanism whose tokens are not read, one without credentials, one that is not named, an unknown
 * choice. */
static void other_binds(struct talk *t)
{
    struct built token = {.len = 0};
    put(&token, "n,,n=user,r=nonce", 17);
    ask(t, 1, 0x60, sasl("SCRAM-SHA-512", &token));
    answer(t, 1, 0x61, 7);
    ask(t, 2, 0x60, sasl("EXTERNAL", NULL));
    answer(t, 2, 0x61, 0);
    ask(t, 3, 0x60, bind("cn=x", 0x81, bytes_text("krbv42")));
    answer(t, 3, 0x61, 2);
}

static void put_hello(struct built *b, unsigned type, bool server)
{
    put_be(b, 0x160301, 3);
    put_be(b, server ? 42 : 45, 2);
    put_be(b, type, 1);
    put_be(b, server ? 38 : 41, 3);
    put_be(b, 0x0303, 2);
    put_be(b, 0x11, 32);
    put_be(b, 0, 1);
    if (server) {
        put_be(b, 0xc02f00, 3);
    } else {
        put_be(b, 0x0002c02f0100, 6);
    }
}

static void starttls(struct talk *t)
{
    struct built request = {.len = 0}, hello = {.len = 0}, reply = {.len = 0};
    put_element(&request, 0x80, bytes_text("1.3.6.1.4.1.1466.20037"));
    ask(t, 1, 0x77, request);
    answer(t, 1, 0x78, 0);
    put_hello(&hello, 1, false);
    put_hello(&reply, 2, true);
    say(t, DIR_CLIENT, hello);
    say(t, DIR_SERVER, reply);
}

static void starttls_refused(struct talk *t)
{
    struct built request = {.len = 0};
    put_element(&request, 0x80, bytes_text("1.3.6.1.4.1.1466.20037"));
    ask(t, 1, 0x77, request);
    answer(t, 1, 0x78, 2);
    ask(t, 2, 0x63, search("dc=clear", 1));
    answer(t, 2, 0x65, 0);
}

/* [MS-ADTS] 6.3.3: the entry and the end in one datagram */
static void connectionless(struct talk *t)
{
    struct built both = message(7, 0x64, entry(), true);
    put_built(&both, message(7, 0x65, result(0, (struct bytes){0}, NULL), true));
    ask(t, 7, 0x63, search("", 0));
    say(t, DIR_SERVER, both);
}

/* [MS-ADTS] 6.3.1.9: the answer to a ping, with these Flags. */
static struct built ping_answer(unsigned opcode, uint32_t flags, size_t cut)
{
    struct built value = {.len = 0}, values = {.len = 0}, attribute = {.len = 0}, list = {.len = 0},
                 b = {.len = 0};
    put_le(&value, opcode, 2);
    put_le(&value, 0, 2);
    put_le(&value, flags, 4);
    value.len -= cut;
    put_element(&values, 0x04, bytes_of(value.at, value.len));
    put_element(&attribute, 0x04, bytes_text("Netlogon"));
    put_element(&attribute, 0x31, bytes_of(values.at, values.len));
    put_element(&list, 0x30, bytes_of(attribute.at, attribute.len));
    put_element(&b, 0x04, (struct bytes){0});
    put_element(&b, 0x30, bytes_of(list.at, list.len));
    return b;
}

static void ping(struct talk *t)
{
    static const struct {
        unsigned opcode;
        uint32_t flags;
        size_t cut;
    } answers[] = {{0x17, 0x3fd, 0}, {0x13, 0x3fd, 0}, {0x17, 0x3fd, 1}, {0x19, 0x0800, 0}};
    for (unsigned i = 0; i < COUNT_OF(answers); i++) {
        struct built both = message(
            i + 1, 0x64, ping_answer(answers[i].opcode, answers[i].flags, answers[i].cut), true);
        put_built(&both, message(i + 1, 0x65, result(0, (struct bytes){0}, NULL), true));
        ask(t, i + 1, 0x63, search("", 0));
        say(t, DIR_SERVER, both);
    }
}

/* An entry and a request that no buffer holds are passed over by their length. */
static void too_long(struct talk *t)
{
    struct built head = {.len = 0}, none = {.len = 1000};
    memset(none.at, 0x30, none.len);
    ask(t, 1, 0x63, search("dc=long", 2));
    put_be(&head, 0x308400004e20, 6);
    put_be(&head, 0x02020001, 4);
    put_be(&head, 0x648400004e16, 6);
    say(t, DIR_SERVER, head);
    for (size_t left = 20000 - 10; left > 0; left -= left < 1000 ? left : 1000) {
        say_octets(t, DIR_SERVER, bytes_of(none.at, left < 1000 ? left : 1000));
    }
    answer(t, 1, 0x65, 0);
    head.len = 0;
    put_be(&head, 0x308400020000, 6);
    put_be(&head, 0x02020002, 4);
    put_be(&head, 0x66840001fff6, 6);
    say(t, DIR_CLIENT, head);
}

static void many_requests(struct talk *t)
{
    for (unsigned i = 0; i < 34; i++) {
        ask(t, 100 + i, 0x63, search("dc=x", 0));
    }
}

/* ---- what is stated ---- */

static const struct logon_case cases[] = {
    {"simple binds", simple_binds,
     "ldap @2 server ldap.operation=bind ldap.mechanism=simple ldap.dn=cn=admin "
     "ldap.result=invalidCredentials ldap.result_code=49 ldap.diagnostic=diagnostics "
     "ldap.request_packet=1 ldap.response_packet=2 ldap.transport=tcp\n"
     "ldap @4 server ldap.operation=bind ldap.mechanism=unauthenticated ldap.dn=cn=admin "
     "ldap.result=unwillingToPerform ldap.result_code=53 ldap.diagnostic=diagnostics "
     "ldap.request_packet=3 ldap.response_packet=4 ldap.transport=tcp\n"
     "ldap @6 server ldap.operation=bind ldap.mechanism=anonymous ldap.result=success "
     "ldap.result_code=0 ldap.protection=none ldap.request_packet=5 ldap.response_packet=6 "
     "ldap.transport=tcp\n"
     "ldap @7 client ldap.operation=unbind ldap.protection=none ldap.request_packet=7 "
     "ldap.transport=tcp\n"},
    {"operations", operations,
     "ldap @10 server ldap.operation=compare ldap.dn=cn=c ldap.result=compareTrue "
     "ldap.result_code=6 ldap.request_packet=6 ldap.response_packet=10 ldap.transport=tcp\n"
     "ldap @11 server ldap.operation=modify ldap.dn=cn=m ldap.result=insufficientAccessRights "
     "ldap.result_code=50 ldap.diagnostic=diagnostics ldap.request_packet=2 "
     "ldap.response_packet=11 ldap.transport=tcp\n"
     "ldap @12 server ldap.operation=add ldap.dn=cn=a ldap.result=entryAlreadyExists "
     "ldap.result_code=68 ldap.diagnostic=diagnostics ldap.request_packet=3 "
     "ldap.response_packet=12 ldap.transport=tcp\n"
     "ldap @13 server ldap.operation=delete ldap.dn=cn=d ldap.result=noSuchObject "
     "ldap.result_code=32 ldap.diagnostic=diagnostics ldap.request_packet=4 "
     "ldap.response_packet=13 ldap.transport=tcp\n"
     "ldap @14 server ldap.operation=search ldap.dn=dc=corp,dc=example ldap.filter=(objectClass=*) "
     "ldap.scope=sub ldap.result=sizeLimitExceeded ldap.result_code=4 ldap.diagnostic=diagnostics "
     "ldap.referral=cn=a,dc=corp,dc=example ldap.entries=2 ldap.found=cn=a,dc=corp,dc=example "
     "ldap.found=cn=a,dc=corp,dc=example ldap.request_packet=1 "
     "ldap.response_packet=14 ldap.transport=tcp\n"
     "ldap @15 server ldap.operation=modify-dn ldap.dn=cn=n ldap.result=99 ldap.result_code=99 "
     "ldap.diagnostic=diagnostics ldap.request_packet=5 ldap.response_packet=15 "
     "ldap.transport=tcp\n"
     "ldap @16 client ldap.operation=search ldap.filter=(objectClass=*) ldap.scope=base "
     "ldap.request_packet=16 ldap.transport=tcp\n"},
    {"answers alone", answers_alone,
     "ldap @1 server ldap.operation=extended ldap.result=unavailable ldap.result_code=52 "
     "ldap.diagnostic=diagnostics ldap.response_packet=1 ldap.transport=tcp\n"
     "ldap @2 server ldap.operation=search ldap.result=success ldap.result_code=0 "
     "ldap.response_packet=2 ldap.transport=tcp\n"
     "ldap @3 server ldap.operation=bind ldap.response_packet=3 ldap.transport=tcp\n"},
    {"a number used again", number_again,
     "ldap @2 client ldap.operation=search ldap.dn=dc=one ldap.filter=(objectClass=*) "
     "ldap.scope=one ldap.request_packet=1 ldap.transport=tcp\n"
     "ldap @3 server ldap.operation=search ldap.dn=dc=two ldap.filter=(objectClass=*) "
     "ldap.scope=children ldap.result=success ldap.result_code=0 ldap.entries=0 "
     "ldap.request_packet=2 ldap.response_packet=3 ldap.transport=tcp\n"},
    {"negotiated logon", negotiated_logon,
     "ldap @2 server ldap.operation=bind ldap.mechanism=gss-spnego ldap.result=saslBindInProgress "
     "ldap.result_code=14 ldap.request_packet=1 ldap.response_packet=2 ldap.transport=tcp\n"
     "ntlm @4 client ntlm.carrier=ldap ntlm.variant=v2 ntlm.user=svc-site ntlm.domain=CORP "
     "ntlm.workstation=CL01 ntlm.server_name=MP01 ntlm.server_domain=CORP "
     "ntlm.server_dns_name=mp01.corp.example ntlm.server_dns_domain=corp.example "
     "ntlm.server_challenge=0123456789abcdef ntlm.response_hash=d427dc6b8fa0a2ef ntlm.mic=1 "
     "ntlm.sign=1 ntlm.seal=0 "
     "ntlm.channel_binding=0 ntlm.target_spn=host/mp01 ntlm.negotiate_packet=1 "
     "ntlm.challenge_packet=2 ntlm.authenticate_packet=3 ntlm.result_packet=4 ntlm.result=success "
     "ntlm.status=success\n"
     "ldap @4 server ldap.operation=bind ldap.mechanism=gss-spnego ldap.result=success "
     "ldap.result_code=0 ldap.protection=seal ldap.request_packet=3 ldap.response_packet=4 "
     "ldap.transport=tcp\n"},
    {"security layers", security_layers,
     "ldap @10 client ldap.operation=bind ldap.mechanism=gssapi ldap.protection=sign "
     "ldap.request_packet=1 ldap.transport=tcp\n"
     "ldap @10 client ldap.operation=search ldap.dn=dc=kerberos ldap.filter=(objectClass=*) "
     "ldap.scope=base ldap.protection=sign ldap.request_packet=2 ldap.transport=tcp\n"
     "ldap @10 client ldap.operation=search ldap.dn=dc=second ldap.filter=(objectClass=*) "
     "ldap.scope=base ldap.protection=sign ldap.request_packet=2 ldap.transport=tcp\n"
     "ldap @10 client ldap.operation=search ldap.dn=dc=unrotated ldap.filter=(objectClass=*) "
     "ldap.scope=base ldap.protection=sign ldap.request_packet=3 ldap.transport=tcp\n"
     "ldap @10 client ldap.operation=search ldap.dn=dc=ntlm ldap.filter=(objectClass=*) "
     "ldap.scope=base ldap.protection=sign ldap.request_packet=6 ldap.transport=tcp\n"
     "ldap @10 client ldap.operation=search ldap.dn=dc=clear ldap.filter=(objectClass=*) "
     "ldap.scope=base ldap.protection=none ldap.request_packet=10 ldap.transport=tcp\n"},
    {"other layers", other_layers,
     "ldap @5 client ldap.operation=unbind ldap.protection=sign ldap.request_packet=5 "
     "ldap.transport=tcp\n"
     "ldap @6 client ldap.operation=bind ldap.mechanism=digest-md5 ldap.protection=sign "
     "ldap.request_packet=1 ldap.transport=tcp\n"
     "ldap @6 client ldap.operation=search ldap.dn=dc=digest ldap.filter=(objectClass=*) "
     "ldap.scope=base ldap.protection=sign ldap.request_packet=2 ldap.transport=tcp\n"
     "ldap @6 client ldap.operation=search ldap.dn=dc=rc4 ldap.filter=(objectClass=*) "
     "ldap.scope=base ldap.protection=sign ldap.request_packet=3 ldap.transport=tcp\n"},
    {"bound, signed", bound_signed,
     "ldap @2 server ldap.operation=bind ldap.mechanism=gssapi ldap.result=success "
     "ldap.result_code=0 ldap.protection=sign ldap.request_packet=1 ldap.response_packet=2 "
     "ldap.transport=tcp\n"
     "ldap @3 client ldap.operation=search ldap.dn=dc=signed ldap.filter=(objectClass=*) "
     "ldap.scope=base ldap.protection=sign ldap.request_packet=3 ldap.transport=tcp\n"},
    {"bound, clear", bound_clear,
     "ldap @2 server ldap.operation=bind ldap.mechanism=gssapi ldap.result=success "
     "ldap.result_code=0 ldap.protection=none ldap.request_packet=1 ldap.response_packet=2 "
     "ldap.transport=tcp\n"
     "ldap @4 server ldap.operation=search ldap.dn=dc=clear ldap.filter=(objectClass=*) "
     "ldap.scope=base ldap.result=success ldap.result_code=0 ldap.entries=0 ldap.protection=none "
     "ldap.request_packet=3 ldap.response_packet=4 ldap.transport=tcp\n"
     "ldap @5 client ldap.operation=unbind ldap.protection=none ldap.request_packet=5 "
     "ldap.transport=tcp\n"},
    {"bound, and no more", bound_silent,
     "ldap @2 server ldap.operation=bind ldap.mechanism=gssapi ldap.result=success "
     "ldap.result_code=0 ldap.request_packet=1 ldap.response_packet=2 ldap.transport=tcp\n"},
    {"given up", given_up,
     "ldap @4 client ldap.operation=search ldap.dn=dc=given-up ldap.filter=(objectClass=*) "
     "ldap.scope=sub ldap.abandoned=1 ldap.request_packet=1 ldap.transport=tcp\n"
     "ldap @5 client ldap.operation=unbind ldap.request_packet=5 ldap.transport=tcp\n"
     "ldap @6 server ldap.operation=search ldap.dn=dc=under-way ldap.filter=(objectClass=*) "
     "ldap.scope=sub ldap.result=success ldap.result_code=0 ldap.entries=0 ldap.request_packet=2 "
     "ldap.response_packet=6 ldap.transport=tcp\n"},
    {"negotiated logon refused", negotiated_logon_refused,
     "ldap @2 server ldap.operation=bind ldap.mechanism=gss-spnego ldap.result=saslBindInProgress "
     "ldap.result_code=14 ldap.request_packet=1 ldap.response_packet=2 ldap.transport=tcp\n"
     "ntlm @4 client ntlm.carrier=ldap ntlm.variant=v2 ntlm.user=svc-site ntlm.domain=CORP "
     "ntlm.workstation=CL01 ntlm.response_hash=d427dc6b8fa0a2ef ntlm.mic=1 ntlm.sign=1 ntlm.seal=0 "
     "ntlm.channel_binding=0 "
     "ntlm.target_spn=host/mp01 ntlm.negotiate_packet=1 ntlm.authenticate_packet=3 "
     "ntlm.result_packet=4 ntlm.result=failure ntlm.status=invalidCredentials\n"
     "ldap @4 server ldap.operation=bind ldap.mechanism=gss-spnego ldap.result=invalidCredentials "
     "ldap.result_code=49 ldap.diagnostic=diagnostics ldap.request_packet=3 ldap.response_packet=4 "
     "ldap.transport=tcp\n"},
    {"sicily", sicily,
     "ldap @2 server ldap.operation=bind ldap.mechanism=sicily ldap.result=success "
     "ldap.result_code=0 ldap.request_packet=1 ldap.response_packet=2 ldap.transport=tcp\n"
     "ldap @4 server ldap.operation=bind ldap.mechanism=sicily ldap.dn=NTLM ldap.result=success "
     "ldap.result_code=0 ldap.request_packet=3 ldap.response_packet=4 ldap.transport=tcp\n"
     "ntlm @6 client ntlm.carrier=ldap ntlm.variant=v2 ntlm.user=svc-site ntlm.domain=CORP "
     "ntlm.workstation=CL01 ntlm.server_name=MP01 ntlm.server_domain=CORP "
     "ntlm.server_dns_name=mp01.corp.example ntlm.server_dns_domain=corp.example "
     "ntlm.server_challenge=0123456789abcdef ntlm.response_hash=d427dc6b8fa0a2ef ntlm.mic=1 "
     "ntlm.sign=1 ntlm.seal=0 "
     "ntlm.channel_binding=0 ntlm.target_spn=host/mp01 ntlm.negotiate_packet=3 "
     "ntlm.challenge_packet=4 ntlm.authenticate_packet=5 ntlm.result_packet=6 ntlm.result=success "
     "ntlm.status=success\n"
     "ldap @6 server ldap.operation=bind ldap.mechanism=sicily ldap.result=success "
     "ldap.result_code=0 ldap.request_packet=5 ldap.response_packet=6 ldap.transport=tcp\n"},
    {"other binds", other_binds,
     "ldap @2 server ldap.operation=bind ldap.mechanism=scram-sha-512 "
     "ldap.result=authMethodNotSupported ldap.result_code=7 ldap.diagnostic=diagnostics "
     "ldap.request_packet=1 ldap.response_packet=2 ldap.transport=tcp\n"
     "ldap @4 server ldap.operation=bind ldap.mechanism=external ldap.result=success "
     "ldap.result_code=0 ldap.protection=none ldap.request_packet=3 ldap.response_packet=4 "
     "ldap.transport=tcp\n"
     "ldap @6 server ldap.operation=bind ldap.dn=cn=x ldap.result=protocolError ldap.result_code=2 "
     "ldap.diagnostic=diagnostics ldap.request_packet=5 ldap.response_packet=6 "
     "ldap.transport=tcp\n"},
    {"StartTLS refused", starttls_refused,
     "ldap @2 server ldap.operation=extended ldap.oid=1.3.6.1.4.1.1466.20037 "
     "ldap.result=protocolError ldap.result_code=2 ldap.diagnostic=diagnostics "
     "ldap.request_packet=1 ldap.response_packet=2 ldap.transport=tcp\n"
     "ldap @4 server ldap.operation=search ldap.dn=dc=clear ldap.filter=(objectClass=*) "
     "ldap.scope=one ldap.result=success ldap.result_code=0 ldap.entries=0 ldap.request_packet=3 "
     "ldap.response_packet=4 ldap.transport=tcp\n"},
    {"too long", too_long,
     "ldap @23 server ldap.operation=search ldap.dn=dc=long ldap.filter=(objectClass=*) "
     "ldap.scope=sub ldap.result=success ldap.result_code=0 ldap.entries=1 ldap.request_packet=1 "
     "ldap.response_packet=23 ldap.transport=tcp\n"
     "ldap @24 client ldap.operation=modify ldap.request_packet=24 ldap.transport=tcp\n"},
};

static void test_what_is_stated(void **state)
{
    (void)state;
    static const struct play_options options = {.records_only = true};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        check_logon(&cases[i], &options);
    }
}

static void test_connectionless(void **state)
{
    (void)state;
    static const struct play_options options = {.records_only = true, .udp = true};
    static const struct logon_case udp = {
        "CLDAP", connectionless,
        "ldap @2 server ldap.operation=search ldap.filter=(objectClass=*) ldap.scope=base "
        "ldap.result=success "
        "ldap.result_code=0 ldap.entries=1 ldap.found=cn=a,dc=corp,dc=example "
        "ldap.request_packet=1 ldap.response_packet=2 "
        "ldap.transport=udp\n"};
    check_logon(&udp, &options);
#define PING(at)                                                                                   \
    "ldap @" at " server ldap.operation=search ldap.filter=(objectClass=*) ldap.scope=base "       \
    "ldap.result=success ldap.result_code=0 ldap.entries=1 "
#define PINGED(asked, answered)                                                                    \
    "ldap.request_packet=" asked " ldap.response_packet=" answered " ldap.transport=udp\n"
    static const struct logon_case pings = {
        "pings of a domain controller", ping,
        PING("2") "ldap.netlogon=pdc ldap.netlogon=gc ldap.netlogon=ldap ldap.netlogon=ds "
                  "ldap.netlogon=kdc ldap.netlogon=timeserv ldap.netlogon=closest "
                  "ldap.netlogon=writable ldap.netlogon=gtimeserv " PINGED("1", "2") PING("4")
                      PINGED("3", "4") PING("6") PINGED("5", "6")
                          PING("8") "ldap.netlogon=read-only " PINGED("7", "8")};
    check_logon(&pings, &options);
}

static void test_starttls(void **state)
{
    (void)state;
    check_flow(starttls, "ldap.result=success ldap.result_code=0 ldap.starttls=1 "
                         "ldap.protection=tls ldap.request_packet=1 ldap.response_packet=2");
    check_flow(starttls, "tls.cipher=TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256");
    check_flow(starttls, "tls.carrier=ldap-starttls");
    check_flow(starttls, "flow.protocol=ldap");
}

static void test_oddities(void **state)
{
    (void)state;
    check_flow(many_requests, "ldap.request_limit");
    check_flow(answers_alone, "ldap.bad_result");
    check_flow(other_binds, "ldap.bad_bind");
}

/* An entry that is too long to be read, alone or in the buffer of a security layer, is one entry.
 */
static void test_long_entry(void **state)
{
    enum { ENTRY = 2 * LIMIT_LDAP_MESSAGE, HEAD = 4 + 28 };
    (void)state;
    for (unsigned layer = 0; layer < 2; layer++) {
        struct talk t = {.count = 0};
        uint8_t *long_answer = test_calloc(1, HEAD + ENTRY + 64);
        size_t len = 0;
        struct built done = message(2, 0x65, result(0, (struct bytes){0}, NULL), true);
        struct built request = message(2, 0x63, search("dc=long", 0), true);
        struct built head = {.len = 0};
        ask(&t, 1, 0x60, sasl("GSSAPI", NULL));
        answer(&t, 1, 0x61, 0);
        if (layer == 0) {
            say(&t, DIR_CLIENT, request);
        } else {
            say_buffer(&t, wrapped(4, 12, request));
            put_be(&head, 28 + ENTRY + done.len, 4);
            put_built(&head, wrapped(4, 12, (struct built){.len = 0}));
        }
        put_be(&head, 0x3084, 2); /* SEQUENCE, the message's number, a SearchResultEntry */
        put_be(&head, ENTRY - 6, 4);
        put_be(&head, 0x0201026484, 5);
        put_be(&head, ENTRY - 6 - 9, 4);
        memcpy(long_answer, head.at, head.len);
        len = (layer == 0 ? 0 : HEAD) + ENTRY;
        memcpy(long_answer + len, done.at, done.len);
        t.steps[t.count++] =
            (struct play_step){.dir = DIR_SERVER, .data = bytes_of(long_answer, len + done.len)};
        for (size_t chunk = 0; chunk < 3000; chunk += 1460) {
            char *text = play(t.steps, t.count, &(struct play_options){.chunk = chunk});
            assert_non_null(strstr(text, "ldap.entries=1"));
            assert_non_null(strstr(text, layer == 0 ? "protection=none" : "protection=sign"));
            free(text);
        }
        test_free(long_answer);
    }
}

/* No password reaches any record. */
static void test_secrets(void **state)
{
    (void)state;
    struct talk t = {.count = 0};
    static const struct play_options options = {.secrets = true};
    simple_binds(&t);
    char *text = play(t.steps, t.count, &options);
    assert_null(strstr(text, "topsecret"));
    free(text);
}

static void test_probe(void **state)
{
    (void)state;
    struct built request = message(1, 0x60, bind("", 0x80, (struct bytes){0}), true);
    static const struct {
        const char *label, *octets;
        size_t len;
        enum probe answer;
    } heads[] = {
        {"nothing", "", 0, PROBE_MORE},
        {"unbind", "\x30\5\2\1\3\x42\0", 7, PROBE_CLIENT},
        {"entry", "\x30\x84\0\1\0\0\2\1\2\x64\x84\0\0\xff\xf7", 15, PROBE_SERVER},
        {"bind of version 1", "\x30\14\2\1\1\x60\7\2\1\1\4\0\x80\0", 14, PROBE_NO},
        {"bind, cut", "\x30\14\2\1\1\x60\7\2\1", 9, PROBE_MORE},
        {"no such operation", "\x30\5\2\1\3\x41\0", 7, PROBE_NO},
        {"operation past the message", "\x30\5\2\1\3\x42\1", 7, PROBE_NO},
        {"number of nine octets", "\x30\20\2\11\1\1\1\1\1\1\1\1\1\x42\0", 15, PROBE_NO},
        {"negative number", "\x30\5\2\1\xff\x42\0", 7, PROBE_NO},
        {"indefinite length", "\x30\x80\2\1\3\x42\0", 7, PROBE_NO},
        {"another tag", "\x31\5\2\1\3\x42\0", 7, PROBE_NO},
    };
    for (size_t i = 0; i < COUNT_OF(heads); i++) {
        if (ldap_dissector.probe(bytes_of(heads[i].octets, heads[i].len)) != heads[i].answer) {
            fail_msg("%s", heads[i].label);
        }
    }
    assert_int_equal(ldap_dissector.probe(built_bytes(&request)), PROBE_CLIENT);
    for (size_t len = 0; len < 19; len++) {
        assert_int_equal(ldap_dissector.probe(bytes_of(request.at, len)), PROBE_MORE);
    }
}

static void test_sweeps(void **state)
{
    (void)state;
    void (*const builds[])(struct talk *) = {simple_binds, operations,   negotiated_logon,
                                             sicily,       starttls,     security_layers,
                                             other_layers, bound_signed, given_up};
    for (size_t i = 0; i < COUNT_OF(builds); i++) {
        sweep(builds[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_stated), cmocka_unit_test(test_connectionless),
        cmocka_unit_test(test_starttls),       cmocka_unit_test(test_oddities),
        cmocka_unit_test(test_secrets),        cmocka_unit_test(test_probe),
        cmocka_unit_test(test_sweeps),         cmocka_unit_test(test_long_entry),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
