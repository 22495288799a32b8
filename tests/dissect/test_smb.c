/*
 * Framing, probing, and SMB 2 and 3. SMB 1 has a file of its own.
 */
#include "tests/test.h"

#include "tests/dissect/test_smb_messages.h"

/* ---- conversations ---- */

static void negotiated(struct script *s)
{
    say_negotiate(s, 0, 1);
    say_negotiated(s, 0, 3, 0x0311);
}

static void negotiated_older(struct script *s)
{
    say_negotiate(s, 0, 0);
    say_negotiated(s, 0, 1, 0x0210);
}

static void negotiate_refused(struct script *s)
{
    say_negotiate(s, 0, 2);
    say_smb2(s, (struct smb2){.command = 0, .status = 0xc00000bb, .flags = FLAG2_REPLY},
             "\t\0\0\0\0\0\0\0\0", 9);
}

static void negotiate_unanswered(struct script *s)
{
    say_negotiate(s, 0, 2);
}

static void negotiate_reply_alone(struct script *s)
{
    say_negotiated(s, 0, 1, 0x0302);
}

static void multi_protocol(struct script *s)
{
    static const char dialects[] = "\2NT LM 0.12\0\2SMB 2.002\0\2SMB 2.???";
    say_smb1(s, (struct smb1){.command = 0x72, .mid = 1}, OCTETS(""),
             bytes_of(dialects, sizeof dialects));
    say_negotiated(s, 0, 1, 0x02ff);
    negotiated(s);
}

static void logon(struct script *s)
{
    say_logon(s, 0, FLAG2_SIGNED);
}

static void logon_as_guest(struct script *s)
{
    say_logon(s, 1, 0);
    say_connect(s, 3, "\\\\dp01\\SMSPKGD$");
    say_connected(s, 3, 5, 1, 0);
    say_write(s, 4, 5, 0, 100);
}

static void logon_anonymously(struct script *s)
{
    say_logon(s, 2, 0);
}

static void logon_encrypted(struct script *s)
{
    say_logon(s, 4, FLAG2_SIGNED);
}

static void logon_refused(struct script *s)
{
    say_setup(s, 1, 0, bytes_text("one"));
    say_setup_reply(s, 1, 0xc000006d, 0, 0);
    say_setup(s, 2, 0, bytes_text("two"));
    say_setup_reply(s, 2, 0xdeadbeef, 0, 0);
}

/* Samba's null session has no flag: the NTLM message without an account tells. */
static void logon_without_account(struct script *s)
{
    static const uint8_t authenticate[72] = {'N', 'T', 'L', 'M',      'S',     'S',
                                             'P', 0,   3,   [60] = 1, [61] = 8};
    static const uint8_t negotiate[32] = {'N', 'T', 'L', 'M', 'S', 'S', 'P', 0, 1, [12] = 1};
    say_setup(s, 1, 0, bytes_of(negotiate, sizeof negotiate));
    say_setup_reply(s, 1, 0xc0000016, 0, 0);
    say_setup(s, 2, SESSION, bytes_of(authenticate, sizeof authenticate));
    say_setup_reply(s, 2, 0, 0, 0);
}

/* Offsets that lie outside of the message: nothing is read there. */
static void lying_offsets(struct script *s)
{
    begin_frame(s);
    put_smb2(s, (struct smb2){.command = 1, .message = 1});
    put_le(s, 25, 2);
    put_zero(s, 10);
    put_le(s, 0xfff0, 2);
    put_le(s, 0xffff, 2);
    put_zero(s, 8);
    end_frame(s, DIR_CLIENT);
    begin_frame(s);
    put_smb2(s, (struct smb2){.command = 3, .message = 2, .session = SESSION});
    put_le(s, 9, 2);
    put_zero(s, 2);
    put_le(s, 4, 2); /* inside the header */
    put_le(s, 8, 2);
    put_utf16(s, "\\\\a\\b");
    end_frame(s, DIR_CLIENT);
}

static void shares(struct script *s)
{
    say_connect(s, 3, "\\\\DP01\\ADMIN$");
    say_connect(s, 4, "\\\\DP01\\IPC$");
    say_connect(s, 5, "\\\\DP01\\PRN");
    say_connect(s, 6, "\\\\DP01\\NONE");
    say_connected(s, 4, 2, 2, 0);
    say_connected(s, 3, 1, 1, 0x8000);
    say_connected(s, 5, 3, 3, 0);
    say_smb2(s,
             (struct smb2){.command = 3,
                           .status = 0xc00000cc,
                           .flags = FLAG2_REPLY,
                           .message = 6,
                           .session = SESSION},
             "\t\0\0\0\0\0\0\0\0", 9);
}

static void share_unanswered(struct script *s)
{
    say_connect(s, 3, "\\\\DP01\\ADMIN$");
}

static void share_reply_alone(struct script *s)
{
    say_connected(s, 4, 2, 2, 0);
}

/* ---- data ---- */

static void transfer(struct script *s)
{
    say_logon(s, 0, FLAG2_SIGNED);
    say_connect(s, 3, "\\\\dp01\\SMS_DP$");
    say_connected(s, 3, 5, 1, 0);
    say_write(s, 4, 5, FLAG2_SIGNED, 100);
    say_write(s, 5, 5, FLAG2_SIGNED, 200);
    say_read(s, 6, 5, FLAG2_SIGNED);
    say_data(s, 6, 5, 0, 50);
}

static void transfer_unsigned(struct script *s)
{
    say_logon(s, 0, FLAG2_SIGNED);
    say_connect(s, 3, "\\\\dp01\\SMS_DP$");
    say_connected(s, 3, 5, 1, 0);
    say_read(s, 4, 5, FLAG2_SIGNED);
    say_read(s, 5, 5, 0); /* the eighth step */
    say_read(s, 6, 5, 0);
}

/* An asynchronous reply has no tree: it is that of its request. */
static void transfer_asynchronous(struct script *s)
{
    say_connect(s, 3, "\\\\dp01\\SMS_DP$");
    say_connected(s, 3, 5, 1, 0);
    say_read(s, 4, 5, FLAG2_SIGNED);
    say_smb2(s,
             (struct smb2){.command = 8,
                           .status = 0x103,
                           .flags = FLAG2_REPLY | FLAG2_ASYNC,
                           .message = 4,
                           .session = SESSION,
                           .tree = 99},
             "\t\0\0\0\0\0\0\0\0", 9);
    say_data(s, 4, 99, FLAG2_ASYNC, 70);
}

/* CREATE, then WRITE and READ on what it opened, in one frame; the replies likewise. */
static void transfer_compound(struct script *s)
{
    say_connect(s, 3, "\\\\dp01\\SMS_DP$");
    say_connected(s, 3, 5, 1, 0);
    begin_frame(s);
    put_smb2(s,
             (struct smb2){.command = 5, .message = 4, .session = SESSION, .tree = 5, .next = 72});
    put_zero(s, 8);
    put_smb2(s, (struct smb2){.command = 9,
                              .message = 5,
                              .session = UINT64_MAX,
                              .tree = ALL_TREES,
                              .flags = FLAG2_RELATED,
                              .next = 128});
    put_write_data(s, 16);
    put_smb2(s, (struct smb2){.command = 8,
                              .message = 6,
                              .session = UINT64_MAX,
                              .tree = ALL_TREES,
                              .flags = FLAG2_RELATED});
    put_zero(s, 49);
    end_frame(s, DIR_CLIENT);
    begin_frame(s);
    put_smb2(s, (struct smb2){.command = 5,
                              .message = 4,
                              .session = SESSION,
                              .tree = 5,
                              .next = 72,
                              .flags = FLAG2_REPLY});
    put_zero(s, 8);
    put_smb2(s, (struct smb2){.command = 8,
                              .message = 6,
                              .session = UINT64_MAX,
                              .tree = ALL_TREES,
                              .flags = FLAG2_REPLY | FLAG2_RELATED});
    put_read_data(s, 24);
    end_frame(s, DIR_SERVER);
}

/* What a tree moved goes on when its share is left and entered again. */
static void transfer_again(struct script *s)
{
    for (uint32_t tree = 1; tree <= 2; tree++) {
        say_connect(s, tree * 10, "\\\\dp01\\SMS_DP$");
        say_connected(s, tree * 10, tree, 1, 0);
        say_write(s, tree * 10 + 1, tree, FLAG2_SIGNED, 100);
        say_smb2(s,
                 (struct smb2){.command = 4,
                               .message = tree * 10 + 2,
                               .session = SESSION,
                               .tree = tree,
                               .flags = FLAG2_REPLY},
                 "\4\0\0\0", 4);
    }
}

/* A mirror port may show the request to leave a share behind its answer. */
static void left_late(struct script *s)
{
    transfer(s);
    say_smb2(s,
             (struct smb2){.command = 4,
                           .message = 7,
                           .session = SESSION,
                           .tree = 5,
                           .flags = FLAG2_REPLY | FLAG2_SIGNED},
             "\4\0\0\0", 4);
    say_smb2(s, (struct smb2){.command = 4, .message = 7, .session = SESSION, .tree = 5},
             "\4\0\0\0", 4);
}

static void transfer_midstream(struct script *s)
{
    say_write(s, 4, 5, 0, 100);
    say_data(s, 6, 5, 0, 50);
}

static void data_length_lies(struct script *s)
{
    begin_frame(s);
    put_smb2(s,
             (struct smb2){
                 .command = 9, .message = 4, .session = SESSION, .tree = 5, .flags = FLAG2_SIGNED});
    put_le(s, 49, 2);
    put_le(s, 112, 2);
    put_le(s, 0x7fffffff, 4);
    put_zero(s, 40);
    end_frame(s, DIR_CLIENT);
}

static void encrypted(struct script *s)
{
    begin_frame(s);
    put(s, "\xfdSMB", 4);
    put_zero(s, 32);
    put_le(s, 80, 4);
    put_zero(s, 2);
    put_le(s, 1, 2);
    put_le(s, SESSION, 8);
    put_zero(s, 80);
    end_frame(s, DIR_CLIENT);
}

static void encrypted_session(struct script *s)
{
    say_logon(s, 4, FLAG2_SIGNED);
    encrypted(s);
    encrypted(s);
}

static void compressed(struct script *s)
{
    negotiated(s);
    begin_frame(s);
    put(s, "\xfcSMB", 4);
    put_le(s, 4096, 4);
    put_le(s, 1, 2);
    put_zero(s, 40);
    end_frame(s, DIR_CLIENT);
    say_connect(s, 3, "\\\\DP01\\ADMIN$");
}

/* ---- frames ---- */

static void next_command_lies(struct script *s)
{
    negotiated(s);
    say_smb2(s, (struct smb2){.command = 13, .message = 2, .next = 8}, "\4\0\0\0", 4);
    say_connect(s, 3, "\\\\DP01\\ADMIN$");
}

static void frame_too_short(struct script *s)
{
    negotiated(s);
    put_raw(s, DIR_CLIENT, "\0\0\0\5hello", 9);
    say_connect(s, 3, "\\\\DP01\\ADMIN$");
}

/* RFC 1002 4.3: request with two names, positive response, keepalive. */
static void netbios_session(struct script *s)
{
    uint8_t request[72] = {0x81, 0, 0, 68};
    for (size_t name = 4; name < sizeof request; name += 34) {
        request[name] = 32;
        memset(request + name + 1, 'C', 32);
    }
    put_raw(s, DIR_CLIENT, request, sizeof request);
    put_raw(s, DIR_SERVER, "\x82\0\0\0", 4);
    say_negotiate(s, 0, 1);
    put_raw(s, DIR_CLIENT, "\x85\0\0\0", 4);
    say_negotiated(s, 0, 1, 0x0202);
}

static void netbios_refused(struct script *s)
{
    negotiated(s);
    put_raw(s, DIR_SERVER, "\x83\0\0\1\x82", 5);
    say_connected(s, 4, 2, 2, 0);
}

static void more_shares_than_answers(struct script *s)
{
    for (unsigned i = 0; i < LIMIT_SMB_CONNECTS + 1; i++) {
        char path[] = "\\\\dp01\\A";
        path[7] = (char)('A' + i);
        say_connect(s, i, path);
    }
}

/* One share more than the table holds, all of them connected. */
static void more_shares_than_rows(struct script *s)
{
    for (uint32_t tree = 1; tree <= LIMIT_SMB_TREES + 1; tree++) {
        say_connected(s, tree, tree, 1, 0);
    }
    say_write(s, 100, LIMIT_SMB_TREES + 1, FLAG2_SIGNED, 77);
}

/* The table is full, but one share was left: its row is written and given to the next. */
static void row_of_a_share_that_was_left(struct script *s)
{
    for (uint32_t tree = 1; tree <= LIMIT_SMB_TREES; tree++) {
        say_connected(s, tree, tree, 1, 0);
    }
    say_write(s, 100, 7, FLAG2_SIGNED, 55);
    say_smb2(s,
             (struct smb2){
                 .command = 4, .message = 101, .session = SESSION, .tree = 7, .flags = FLAG2_REPLY},
             "\4\0\0\0", 4);
    say_connect(s, 102, "\\\\dp01\\LAST");
    say_connected(s, 102, 200, 1, 0);
    say_write(s, 103, 200, FLAG2_SIGNED, 66);
}

/* Logons that never end, one more than there are rows. */
static void more_logons_than_rows(struct script *s)
{
    for (unsigned i = 0; i <= LIMIT_SMB_SESSIONS; i++) {
        say_setup(s, i, SESSION + i, bytes_text("token"));
    }
}

/* A logon again in the same session: both end in a record. */
static void logon_again(struct script *s)
{
    say_logon(s, 0, FLAG2_SIGNED);
    say_setup(s, 9, SESSION, bytes_text("again"));
    say_setup_reply(s, 9, 0xc000035c, 0, 0);
}

/* Before a logon has ended nothing can be signed; while an old session logs on again it can. */
static void unsigned_while_logging_on(struct script *s)
{
    say_setup(s, 1, SESSION, bytes_text("token"));
    say_read(s, 2, 5, 0);
}

static void unsigned_while_logging_on_again(struct script *s)
{
    logon(s);
    say_setup(s, 9, SESSION, bytes_text("again"));
    say_read(s, 10, 5, 0);
}

/* ---- what is stated ---- */

// clang-format off
static const struct smb_case cases[] = {
    {"3.1.1",
     negotiated,
     {"smb @2 server|smb.message=negotiate|smb.response_packet=2|smb.request_packet=1",
      "smb.dialect=3.1.1", "smb.signing.client=enabled", "smb.signing.server=required",
      "smb.cipher=AES-128-GCM", "smb.server_guid=a3a2a1a0-a5a4-a7a6-a8a9-aaabacadaeaf"},
     "smb.status"},
    {"contexts of 3.1.1",
     negotiated,
     {"smb.cipher=AES-128-GCM|smb.preauth=SHA-512|smb.signing.algorithm=AES-GMAC|smb.compression=Pattern_V1|smb.netname=dp01"},
     "smb.bad"},
    {"older dialects have no contexts",
     negotiated_older,
     {"smb.dialect=2.1", "smb.signing.client=none", "smb.signing.server=enabled",
      "smb.dialects_offered=2.0.2", "smb.dialects_offered=3.1.1",
      "smb.client_guid=04030201-0605-0807-090a-0b0c0d0e0f10"},
     "smb.cipher"},
    {"refused negotiate",
     negotiate_refused,
     {"smb.status=STATUS_NOT_SUPPORTED", "smb.status_code=0xc00000bb",
      "smb.signing.client=required"},
     "smb.dialect="},
    {"request alone",
     negotiate_unanswered,
     {"smb @1 client|smb.message=negotiate"},
     "smb.response_packet"},
    {"reply alone",
     negotiate_reply_alone,
     {"smb.dialect=3.0.2", "smb.response_packet=1"},
     "smb.request_packet"},
    {"multi-protocol is one record",
     multi_protocol,
     {"smb @4 server|smb.message=negotiate|smb.request_packet=3", "smb.dialects_offered=NT LM 0.12",
      "smb.dialects_offered=2.0.2", "smb.dialect=3.1.1", "smb.signing.client=enabled"},
     "02ff"},
    {"each leg of a logon",
     logon,
     {"smb @2 server|smb.message=session_setup|smb.status=STATUS_MORE_PROCESSING_REQUIRED",
      "smb @4 server|smb.message=session_setup|smb.status=STATUS_SUCCESS",
      "smb.status_code=0xc0000016", "smb.session=0x0000400000000011", "smb.signed=1",
      "smb.guest=0"},
     "transfer"},
    {"guest",
     logon_as_guest,
     {"smb.guest=1", "smb.message=transfer|smb.guest=1|smb.written_bytes=100|smb.signed=0|smb.unsigned_packet=7"},
     NULL},
    {"anonymous by flag", logon_anonymously, {"smb.anonymous=1"}, NULL},
    {"anonymous by NTLM", logon_without_account, {"smb.anonymous=1", "smb.mechanism=ntlm"}, NULL},
    {"encrypted session", logon_encrypted, {"smb.encrypted=1"}, NULL},
    {"refused, with and without a name",
     logon_refused,
     {"smb.status=STATUS_LOGON_FAILURE", "smb.status=0xdeadbeef"},
     "smb.guest"},
    {"offsets outside of the message",
     lying_offsets,
     {"smb.bad_offset", "smb.message=tree_connect"},
     "smb.path"},
    {"shares, answered out of order",
     shares,
     {"smb @5 server|smb.message=tree_connect|smb.share_type=pipe|smb.path=\\\\DP01\\IPC$",
      "smb @6 server|smb.message=tree_connect|smb.share_type=disk|smb.path=\\\\DP01\\ADMIN$",
      "smb.share_type=print|smb.path=\\\\DP01\\PRN",
      "smb.status=STATUS_BAD_NETWORK_NAME|smb.path=\\\\DP01\\NONE",
      "smb.encrypted=1|smb.path=\\\\DP01\\ADMIN$"},
     NULL},
    {"share without an answer",
     share_unanswered,
     {"smb @1 client|smb.path=\\\\DP01\\ADMIN$"},
     "smb.status"},
    {"answer without a request",
     share_reply_alone,
     {"smb.share_type=pipe", "smb.status=STATUS_SUCCESS"},
     "smb.path"},
    {"signed transfer",
     transfer,
     {"smb.message=transfer|smb.path=\\\\dp01\\SMS_DP$", "smb.read_bytes=50",
      "smb.written_bytes=300", "smb.signed=1", "smb.unsigned=0", "smb.first_packet=7"},
     "unsigned_packet"},
    {"unsigned requests",
     transfer_unsigned,
     {"smb.read_bytes=0", "smb.unsigned=2", "smb.unsigned_packet=8", "smb.signed=0"},
     "smb.first_packet"},
    {"asynchronous read", transfer_asynchronous, {"smb.path=\\\\dp01\\SMS_DP$|smb.read_bytes=70"}, "0x103"},
    {"compound", transfer_compound, {"smb.path=\\\\dp01\\SMS_DP$|smb.written_bytes=16|smb.read_bytes=24"}, "smb.bad"},
    {"before the logon ends", unsigned_while_logging_on, {"flow.protocol=smb"}, "smb.unsigned"},
    {"while logging on again", unsigned_while_logging_on_again, {"smb.unsigned=1|smb.unsigned_packet=6"}, NULL},
    {"share left behind the answer", left_late, {"smb.message=transfer|smb.path=\\\\dp01\\SMS_DP$|smb.written_bytes=300|smb.unsigned=1"}, NULL},
    {"share entered twice", transfer_again, {"smb.written_bytes=200"}, "smb.written_bytes=100"},
    {"middle of a transfer",
     transfer_midstream,
     {"smb.read_bytes=50", "smb.written_bytes=100"},
     "smb.path"},
    {"data longer than the message", data_length_lies, {"smb.bad_length"}, "smb.message=transfer"},
    {"encrypted messages", encrypted, {"smb.message=transfer", "smb.encrypted=1"}, "read_bytes"},
    {"encrypted session's messages",
     encrypted_session,
     {"smb.message=transfer", "smb.first_packet=5"},
     NULL},
    {"compressed message", compressed, {"smb.path=\\\\DP01\\ADMIN$"}, "smb.bad"},
    {"NextCommand inside the header",
     next_command_lies,
     {"smb.bad_length", "smb.path=\\\\DP01\\ADMIN$"},
     NULL},
    {"frame without room for a message",
     frame_too_short,
     {"smb.bad_length", "smb.path=\\\\DP01\\ADMIN$"},
     NULL},
    {"NetBIOS session", netbios_session, {"smb.dialect=2.0.2", "smb.request_packet=3"}, "smb.bad"},
    {"NetBIOS negative response", netbios_refused, {"smb.share_type=pipe"}, "smb.bad"},
    {"more shares than rows",
     more_shares_than_rows,
     {"flow.|smb.tree_limit", "smb.message=transfer|smb.written_bytes=77"},
     "smb.bad"},
    {"row of a share that was left",
     row_of_a_share_that_was_left,
     {"smb @36 |smb.message=transfer|smb.written_bytes=55", "smb.message=transfer|smb.written_bytes=66|LAST"},
     "smb.tree_limit"},
    {"more logons than rows", more_logons_than_rows, {"flow.|smb.session_limit"}, "smb.message"},
    {"logon again",
     logon_again,
     {"smb @4 server|smb.status=STATUS_SUCCESS", "smb @6 server|smb.status=STATUS_NETWORK_SESSION_EXPIRED"},
     "smb.session_limit"},
    {"more open questions than slots",
     more_shares_than_answers,
     {"smb.connect_limit", "smb.path=\\\\dp01\\A", "smb.path=\\\\dp01\\I"},
     NULL},
};
// clang-format on

static void test_what_is_stated(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        check_case(&cases[i]);
    }
}

/* ---- probing ---- */

static void test_probe(void **state)
{
    (void)state;
    uint8_t noise[132] = {0, 0, 0, 128};
    for (size_t i = 4; i < sizeof noise; i++) {
        noise[i] = (uint8_t)(i * 151 + 13);
    }
    struct script s = {0};
    negotiated(&s);
    encrypted(&s);
    netbios_session(&s);
    uint8_t late[200];
    assert_true(s.steps[0].data.len <= sizeof late);
    memcpy(late, s.steps[0].data.at, s.steps[0].data.len);
    late[4 + 12] = 19; /* one command too many */
    const struct {
        const char *label;
        struct bytes head;
        enum probe answer;
    } heads[] = {
        {"empty", {0}, PROBE_MORE},
        {"request", s.steps[0].data, PROBE_CLIENT},
        {"reply", s.steps[1].data, PROBE_SERVER},
        {"first octets of a request", bytes_slice(s.steps[0].data, 0, 20), PROBE_MORE},
        {"encrypted", s.steps[2].data, PROBE_EITHER},
        {"session request", s.steps[3].data, PROBE_CLIENT},
        {"half a session request", bytes_slice(s.steps[3].data, 0, 40), PROBE_MORE},
        {"positive response", s.steps[4].data, PROBE_MORE},
        {"unknown command", bytes_of(late, s.steps[0].data.len), PROBE_NO},
        {"noise of the right length", bytes_of(noise, sizeof noise), PROBE_NO},
        {"other text", bytes_text("GET / HTTP/1.1\r\n"), PROBE_NO},
    };
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        if (smb_dissector.probe(heads[i].head) != heads[i].answer) {
            fail_msg("%s", heads[i].label);
        }
    }
}

/* ---- sweeps ---- */

static void test_sweeps(void **state)
{
    (void)state;
    void (*const builds[])(struct script *) = {multi_protocol,  transfer, transfer_compound,
                                               netbios_session, shares,   encrypted_session};
    for (size_t i = 0; i < sizeof builds / sizeof builds[0]; i++) {
        struct script s = {0};
        builds[i](&s);
        play_truncation_sweep(s.steps, s.count);
        play_chunking_sweep(s.steps, s.count);
        play_gap_sweep(s.steps, s.count);
        play_hostile_sweep(s.steps, s.count);
    }
}

/* A flow joined in its middle, with client and server guessed the wrong way round. */
static void test_turned_round(void **state)
{
    (void)state;
    struct script s = {0};
    transfer_midstream(&s);
    struct play_options options = {.midstream = true, .wrong_guess = true};
    char *answer = play(s.steps, s.count, &options);
    assert_non_null(strstr(answer, "smb.read_bytes=50"));
    assert_non_null(strstr(answer, "smb.written_bytes=100"));
    free(answer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_stated),
        cmocka_unit_test(test_probe),
        cmocka_unit_test(test_sweeps),
        cmocka_unit_test(test_turned_round),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
