#include "tests/test.h"

#include "tests/dissect/play.h"
#include "tests/dissect/test_ntlm_messages.h"

#define CHALLENGE_FLAGS 0xe2898215u /* Unicode, sign; no seal */

static const uint8_t response24[24] = {9, 9, 9, 9, 9, 9, 9, 9, 9};
static const uint8_t response_ess[24] = {8, 8, 8, 8, 8, 8, 8, 8};
static const uint8_t octet[1] = {0};

struct script {
    struct built messages[8];
    struct play_step steps[8];
    size_t count;
};

static void add(struct script *s, enum dir dir, struct built message)
{
    s->messages[s->count] = message;
    s->steps[s->count].dir = dir;
    s->steps[s->count].data = built_bytes(&s->messages[s->count]);
    s->count++;
}

static void add_request(struct script *s, struct built token)
{
    add(s, DIR_CLIENT, http_request("NTLM", &token));
}

static void add_reply(struct script *s, const char *status, const struct built *token)
{
    add(s, DIR_SERVER, http_reply(status, "NTLM", token));
}

static char *played(const struct script *s, bool secrets)
{
    struct play_options options = {.records_only = true, .secrets = secrets};
    return play(s->steps, s->count, &options);
}

/* The NTLM lines only. */
static char *ntlm_lines(const struct script *s, bool secrets)
{
    char *said = played(s, secrets), *lines = strdup(said), *rest = NULL;
    assert_non_null(lines);
    lines[0] = '\0';
    for (char *line = strtok_r(said, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        if (strncmp(line, "ntlm ", 5) == 0) {
            size_t len = strlen(lines);
            memcpy(lines + len, line, strlen(line) + 1);
            len += strlen(line);
            lines[len] = '\n';
            lines[len + 1] = '\0';
        }
    }
    free(said);
    return lines;
}

static struct script whole(const struct authenticate *a)
{
    struct script s = {.count = 0};
    struct built challenge = ntlm_challenge(CHALLENGE_FLAGS);
    add_request(&s, ntlm_negotiate());
    add_reply(&s, "401 Unauthorized", &challenge);
    add_request(&s, ntlm_authenticate(a));
    add_reply(&s, "200 OK", NULL);
    return s;
}

/* The steps point into the script itself, so a copy must be aimed again. */
static void aim(struct script *s)
{
    for (size_t i = 0; i < s->count; i++) {
        s->steps[i].data = built_bytes(&s->messages[i]);
    }
}

static void whole_v2(void **unused)
{
    (void)unused;
    struct built nt = ntlm_v2_response(true, true, "HTTP/mp01");
    struct authenticate a = {.domain = "CORP",
                             .user = "joe",
                             .workstation = "PC7",
                             .lm = bytes_of(response24, 24),
                             .nt = built_bytes(&nt),
                             .flags = NTLM_UNICODE | NTLM_SIGN | NTLM_SEAL};
    struct script s = whole(&a);
    aim(&s);
    char *said = ntlm_lines(&s, false);
    assert_string_equal(
        said, "ntlm @4 client ntlm.carrier=http ntlm.variant=v2 ntlm.user=joe ntlm.domain=CORP "
              "ntlm.workstation=PC7 ntlm.server_name=MP01 ntlm.server_domain=CORP "
              "ntlm.server_dns_name=mp01.corp.example ntlm.server_dns_domain=corp.example "
              "ntlm.server_challenge=0123456789abcdef ntlm.response_hash=d427dc6b8fa0a2ef "
              "ntlm.mic=1 ntlm.sign=1 ntlm.seal=1 "
              "ntlm.channel_binding=1 ntlm.target_spn=HTTP/mp01 ntlm.negotiate_packet=1 "
              "ntlm.challenge_packet=2 ntlm.authenticate_packet=3 ntlm.result_packet=4 "
              "ntlm.result=success ntlm.status=200\n");
    free(said);
    said = ntlm_lines(&s, true);
    assert_non_null(strstr(said, "ntlm.nt_proof=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa "));
    free(said);
    play_truncation_sweep(s.steps, s.count);
    play_chunking_sweep(s.steps, s.count);
    play_gap_sweep(s.steps, s.count);
    play_hostile_sweep(s.steps, s.count);
}

static void authenticates(void **unused)
{
    (void)unused;
    struct built v2 = ntlm_v2_response(false, false, "");
    const struct bytes none = {0}, lm = bytes_of(response24, 24), ess = bytes_of(response_ess, 24);
    const struct {
        const char *label;
        struct authenticate a;
        const char *says;
    } cases[] = {
        {"v1",
         {"D", "u", "W", lm, lm, NTLM_UNICODE, false},
         "variant=v1 ntlm.user=u ntlm.domain=D ntlm.workstation=W"},
        {"v1-ess", {"D", "u", "W", ess, lm, NTLM_UNICODE, false}, "variant=v1-ess "},
        {"LM only", {"D", "u", "W", lm, none, NTLM_UNICODE, false}, "variant=v1 "},
        {"v2 without extras",
         {"D", "u", "W", lm, built_bytes(&v2), NTLM_UNICODE, false},
         "ntlm.mic=0 ntlm.sign=0 ntlm.seal=0 ntlm.channel_binding=0 ntlm.negotiate_packet"},
        {"anonymous",
         {"", "", "W", bytes_of(octet, 1), none, NTLM_UNICODE, false},
         "variant=anonymous ntlm.user= ntlm.domain= ntlm.workstation=W"},
        {"OEM", {"D", "u", "W", lm, lm, 0, false}, "ntlm.user=u ntlm.domain=D ntlm.workstation=W"},
        {"OEM, UTF-8", {"D", "j\xc3\xb8", "W", lm, lm, 0, false}, "ntlm.user=j\xc3\xb8 "},
        {"OEM, Latin-1",
         {"D",
          "j\xf8"
          "e",
          "W", lm, lm, 0, false},
         "ntlm.user=j\xc3\xb8"
         "e "},
        {"old header: the challenge's flags",
         {"", "", "", lm, lm, NTLM_UNICODE, true},
         "ntlm.sign=1 ntlm.seal=0"},
        {"a response of no known length",
         {"D", "u", "W", lm, bytes_of(response24, 7), NTLM_UNICODE, false},
         "ntlm.carrier=http ntlm.user=u"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct script s = whole(&cases[i].a);
        aim(&s);
        char *said = ntlm_lines(&s, true);
        if (strstr(said, cases[i].says) == NULL) {
            fail_msg("%s: no \"%s\" in\n%s", cases[i].label, cases[i].says, said);
        }
        /* Neither response shows anywhere. */
        assert_null(strstr(said, "0909090909"));
        assert_null(strstr(said, "0808080808"));
        /* Against a digest of an older response passwords could be tried. */
        assert_int_equal(strstr(said, "response_hash") != NULL, strstr(said, "variant=v2") != NULL);
        free(said);
    }
}

/* Which messages make which records. */
static void lives(void **unused)
{
    (void)unused;
    static const struct {
        const char *label;
        const char *messages; /* n, c, a: NTLM; 2, 4: a final reply of 200 or 401 */
        const char *records[3];
    } cases[] = {
        {"refused", "nca4", {"ntlm.result_packet=4 ntlm.result=failure ntlm.status=401"}},
        {"no answer", "nca", {"ntlm.authenticate_packet=3 ntlm.result=unknown"}},
        {"challenge only",
         "nc",
         {"ntlm.sign=1 ntlm.seal=0 ntlm.negotiate_packet=1 ntlm.challenge_packet=2 "
          "ntlm.result=unknown"}},
        {"challenge alone", "c", {"@1 server ntlm.carrier=http ntlm.server_name=MP01"}},
        {"negotiate alone", "n", {"ntlm.negotiate_packet=1 ntlm.result=unknown"}},
        {"authenticate alone",
         "a2",
         {"ntlm.authenticate_packet=1 ntlm.result_packet=2 ntlm.result=success"}},
        {"twice",
         "nca4nca2",
         {"ntlm.result=failure",
          "ntlm.negotiate_packet=5 ntlm.challenge_packet=6 ntlm.authenticate_packet=7 "
          "ntlm.result_packet=8 ntlm.result=success"}},
        {"begun again",
         "ncnca2",
         {"ntlm.challenge_packet=2 ntlm.result=unknown", "ntlm.negotiate_packet=3"}},
        {"negotiate repeated", "nnca", {"ntlm.negotiate_packet=1 ntlm.challenge_packet=3"}},
        {"challenge after authenticate",
         "aca",
         {"ntlm.authenticate_packet=1", "ntlm.challenge_packet=2 ntlm.authenticate_packet=3"}},
    };
    struct authenticate a = {.domain = "D",
                             .user = "u",
                             .workstation = "W",
                             .lm = bytes_of(response24, 24),
                             .nt = bytes_of(response24, 24),
                             .flags = NTLM_UNICODE};
    struct built challenge = ntlm_challenge(CHALLENGE_FLAGS);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct script s = {.count = 0};
        for (const char *m = cases[i].messages; *m != '\0'; m++) {
            if (*m == 'n') {
                add_request(&s, ntlm_negotiate());
            } else if (*m == 'a') {
                add_request(&s, ntlm_authenticate(&a));
            } else if (*m == 'c') {
                add_reply(&s, "401 No", &challenge);
            } else {
                add_reply(&s, *m == '2' ? "200 OK" : "401 No", NULL);
            }
        }
        aim(&s);
        char *said = ntlm_lines(&s, false), *rest = NULL, *line = strtok_r(said, "\n", &rest);
        for (unsigned k = 0; k < 3 && cases[i].records[k] != NULL; k++) {
            if (line == NULL || strstr(line, cases[i].records[k]) == NULL) {
                fail_msg("%s: no \"%s\" in\n%s", cases[i].label, cases[i].records[k],
                         line ? line : "");
            }
            line = strtok_r(NULL, "\n", &rest);
        }
        if (line != NULL) {
            fail_msg("%s: more: %s", cases[i].label, line);
        }
        free(said);
    }
}

static char *play_authenticate(struct built message)
{
    struct built request = http_request("NTLM", &message);
    struct play_step step = {.dir = DIR_CLIENT, .data = built_bytes(&request)};
    return play(&step, 1, NULL);
}

static void set_le(struct built *b, size_t at, uint64_t number, unsigned octets)
{
    for (unsigned i = 0; i < octets; i++) {
        b->at[at + i] = (uint8_t)(number >> 8 * i);
    }
}

/* Every field at every offset: it is stated where it is clear of the header and of the other
 * fields, else named. */
static void offsets_everywhere(void **unused)
{
    (void)unused;
    struct authenticate a = {.domain = "DOM",
                             .user = "usr",
                             .workstation = "WKS",
                             .lm = bytes_of(response24, 24),
                             .nt = bytes_of(response24, 24),
                             .flags = 0};
    static const uint64_t far[] = {0xffff, 0x7fffffff, 0xfffffffc, 0xffffffff};
    struct built good = ntlm_authenticate(&a);
    char *said = play_authenticate(good);
    assert_non_null(strstr(said, "ntlm.workstation=WKS"));
    assert_null(strstr(said, "ntlm.bad_field"));
    free(said);
    for (size_t field = 12; field <= 52; field += 8) {
        for (size_t i = 0; i < good.len + 4 + COUNT_OF(far); i++) {
            struct built b = good;
            uint64_t offset = i < good.len + 4 ? i : far[i - good.len - 4];
            set_le(&b, field, field == 52 ? 4 : 3, 2);
            set_le(&b, field + 4, offset, 4);
            said = play_authenticate(b);
            if (offset < 52 || offset + 3 > b.len) {
                assert_non_null(strstr(said, "flow.anomalies=ntlm.bad_field"));
            }
            if (field == 44 && offset == good.len - 3) {
                assert_non_null(strstr(said, "ntlm.workstation=WKS"));
            } else if (field == 44 && (offset < 52 || offset >= 88)) {
                assert_null(strstr(said, "ntlm.workstation="));
            }
            free(said);
        }
    }
    for (unsigned len = 0; len < 0x10000; len += 97) {
        struct built b = good;
        set_le(&b, 36, len, 2);
        free(play_authenticate(b));
    }
}

static void broken_target_info(void **unused)
{
    (void)unused;
    struct built challenge = ntlm_challenge(CHALLENGE_FLAGS);
    set_le(&challenge, 56 + 8 + 2, 0xfff0, 2); /* the first AV pair's length */
    struct built reply = http_reply("401 No", "NTLM", &challenge);
    struct play_step step = {.dir = DIR_SERVER, .data = built_bytes(&reply)};
    char *said = play(&step, 1, NULL);
    assert_non_null(strstr(said, "ntlm.server_challenge=0123456789abcdef"));
    assert_non_null(strstr(said, "flow.anomalies=ntlm.bad_field"));
    assert_null(strstr(said, "server_name"));
    free(said);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_v2),
        cmocka_unit_test(authenticates),
        cmocka_unit_test(lives),
        cmocka_unit_test(offsets_everywhere),
        cmocka_unit_test(broken_target_info),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
