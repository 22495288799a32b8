/*
 * SMB 1: dialects, logons with extended security and without, ANDX chains, shares, data.
 */
#include "tests/test.h"

#include "tests/dissect/test_smb_messages.h"

enum {
    NT_STATUS_CODES = 0x4000,
    UNICODE = 0x8000,
    SIGNATURES = 0x0004,
    SIGNATURES_REQUIRED = 0x0010
};

/* ---- messages ---- */

static void say_dialects(struct script *s, unsigned flags2)
{
    static const char dialects[] = "\2PC NETWORK PROGRAM 1.0\0\2LANMAN1.0\0\2NT LM 0.12";
    say_smb1(s, (struct smb1){.command = 0x72, .flags2 = flags2, .mid = 1}, OCTETS(""),
             bytes_of(dialects, sizeof dialects));
}

/* 17 words: dialect, SecurityMode, limits, capabilities, time, length of the challenge. */
static void say_chosen(struct script *s, unsigned dialect, unsigned mode, uint32_t capabilities)
{
    begin_frame(s);
    put_smb1(s, (struct smb1){.command = 0x72, .mid = 1, .reply = true});
    put_le(s, 17, 1);
    put_le(s, dialect, 2);
    put_le(s, mode, 1);
    put_zero(s, 16);
    put_le(s, capabilities, 4);
    put_zero(s, 10);
    put_le(s, 8, 1);
    put_le(s, 16, 2);
    put(s, "\x01\x23\x45\x67\x89\xab\xcd\xef", 8);
    put(s, "DOMAIN\0\0", 8);
    end_frame(s, DIR_SERVER);
}

/* 13 words; responses of these lengths, then account and domain. */
static void put_logon(struct script *s, unsigned andx, unsigned andx_offset, unsigned oem,
                      unsigned nt)
{
    put_le(s, 13, 1);
    put_le(s, andx, 2);
    put_le(s, andx_offset, 2);
    put_zero(s, 10);
    put_le(s, oem, 2);
    put_le(s, nt, 2);
    put_zero(s, 8);
    put_le(s, oem + nt + 15, 2);
    put_zero(s, oem + nt);
    put(s, oem + nt > 1 ? "alice\0CORP\0\0\0\0" : "\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 15);
}

static void say_logon_plain(struct script *s, unsigned oem, unsigned nt)
{
    begin_frame(s);
    put_smb1(s, (struct smb1){.command = 0x73, .flags2 = NT_STATUS_CODES, .mid = 2});
    put_logon(s, 0xff, 0, oem, nt);
    end_frame(s, DIR_CLIENT);
}

static void say_logon_answer(struct script *s, uint32_t status, unsigned action)
{
    char words[6] = {(char)0xff, 0, 0, 0, (char)action, 0};
    say_smb1(s,
             (struct smb1){.command = 0x73,
                           .flags2 = NT_STATUS_CODES,
                           .mid = 2,
                           .user = 0x800,
                           .status = status,
                           .reply = true},
             bytes_of(words, sizeof words), OCTETS("Unix\0Samba\0"));
}

static void say_token(struct script *s, unsigned user, unsigned mid)
{
    static const char words[24] = {(char)0xff, [14] = 5};
    say_smb1(s,
             (struct smb1){
                 .command = 0x73, .flags2 = NT_STATUS_CODES | UNICODE, .mid = mid, .user = user},
             bytes_of(words, sizeof words), OCTETS("token\0\0"));
}

static void say_token_answer(struct script *s, unsigned mid, uint32_t status, const char *signature)
{
    static const char words[8] = {(char)0xff, [6] = 3};
    say_smb1(s,
             (struct smb1){.command = 0x73,
                           .flags2 = NT_STATUS_CODES | UNICODE | SIGNATURES,
                           .mid = mid,
                           .user = 0x801,
                           .status = status,
                           .reply = true,
                           .signature = signature},
             bytes_of(words, sizeof words), OCTETS("abc\0\0"));
}

static void say_connect1(struct script *s, unsigned mid)
{
    static const char words[8] = {(char)0xff, [6] = 1};
    static const char path[] = "\0\\\0\\\0d\0p\0\\\0S\0$\0\0\0?????\0";
    say_smb1(s,
             (struct smb1){
                 .command = 0x75, .flags2 = NT_STATUS_CODES | UNICODE, .mid = mid, .user = 0x800},
             bytes_of(words, sizeof words), OCTETS(path));
}

static void say_connected1(struct script *s, unsigned mid, struct bytes service)
{
    static const char words[6] = {(char)0xff};
    say_smb1(s,
             (struct smb1){.command = 0x75,
                           .flags2 = NT_STATUS_CODES | UNICODE,
                           .mid = mid,
                           .user = 0x800,
                           .tree = 7,
                           .reply = true},
             bytes_of(words, sizeof words), service);
}

static void say_write1(struct script *s, const char *signature, unsigned octets)
{
    char words[28] = {(char)0xff, [20] = (char)octets, [22] = 63};
    uint8_t data[256] = {0};
    say_smb1(s,
             (struct smb1){.command = 0x2f,
                           .flags2 = NT_STATUS_CODES | SIGNATURES,
                           .mid = 9,
                           .user = 0x800,
                           .tree = 7,
                           .signature = signature},
             bytes_of(words, sizeof words), bytes_of(data, octets));
}

static void say_read1(struct script *s, unsigned octets)
{
    char words[24] = {(char)0xff, [10] = (char)octets, [12] = 59};
    uint8_t data[256] = {0};
    say_smb1(s,
             (struct smb1){.command = 0x2e,
                           .flags2 = NT_STATUS_CODES,
                           .mid = 10,
                           .user = 0x800,
                           .tree = 7,
                           .reply = true},
             bytes_of(words, sizeof words), bytes_of(data, octets));
}

/* ---- conversations ---- */

static void chosen(struct script *s)
{
    say_dialects(s, SIGNATURES);
    say_chosen(s, 2, 0x07, 0);
}

static void chosen_required(struct script *s)
{
    say_dialects(s, SIGNATURES_REQUIRED);
    say_chosen(s, 2, 0x0f, 0x80000000);
}

static void chosen_lan_manager(struct script *s)
{
    static const char words[26] = {1, 0, 3};
    say_dialects(s, 0);
    say_smb1(s, (struct smb1){.command = 0x72, .mid = 1, .reply = true},
             bytes_of(words, sizeof words), OCTETS(""));
}

static void chosen_none(struct script *s)
{
    say_dialects(s, 0);
    say_smb1(s, (struct smb1){.command = 0x72, .mid = 1, .reply = true}, OCTETS("\xff\xff"),
             OCTETS(""));
}

static void logon_v1(struct script *s)
{
    chosen(s);
    say_logon_plain(s, 24, 24);
    say_logon_answer(s, 0, 0);
}

static void logon_v2(struct script *s)
{
    chosen(s);
    say_logon_plain(s, 24, 80);
    say_logon_answer(s, 0xc000006d, 0);
}

static void logon_empty(struct script *s)
{
    chosen(s);
    say_logon_plain(s, 1, 0);
    say_logon_answer(s, 0, 0);
}

static void logon_clear_text(struct script *s)
{
    say_dialects(s, 0);
    say_chosen(s, 2, 0x01, 0);
    say_logon_plain(s, 9, 0);
    say_logon_answer(s, 0, 1);
}

static void logon_unanswered(struct script *s)
{
    say_logon_plain(s, 24, 24);
}

static void logon_extended(struct script *s)
{
    say_token(s, 0, 2);
    say_token_answer(s, 2, 0xc0000016, "BSRSPYL ");
    say_token(s, 0x801, 3);
    say_token_answer(s, 3, 0, "12345678");
}

/* DOS error class 2 (ERRSRV), code 2 (ERRbadpw), as servers without NT status answer. */
static void logon_dos_error(struct script *s)
{
    static const char words[6] = {(char)0xff};
    say_logon_plain(s, 24, 24);
    say_smb1(s, (struct smb1){.command = 0x73, .mid = 2, .status = 0x00020002, .reply = true},
             bytes_of(words, sizeof words), OCTETS(""));
}

static void share(struct script *s)
{
    say_connect1(s, 3);
    say_connected1(s, 3, OCTETS("A:\0N\0T\0F\0S\0\0\0"));
    say_connect1(s, 4);
    say_connected1(s, 4, OCTETS("IPC\0\0\0"));
}

/* The path begins at an even place of the message: one octet of padding, here not 0, is passed. */
static void share_aligned(struct script *s)
{
    static const char words[8] = {(char)0xff};
    say_smb1(s, (struct smb1){.command = 0x75, .flags2 = NT_STATUS_CODES | UNICODE, .mid = 3},
             bytes_of(words, sizeof words), OCTETS("P\\\0\\\0d\0p\0\0\0?????\0"));
}

static void share_core(struct script *s)
{
    static const char words[4] = {0, 16, 9, 0};
    say_smb1(s, (struct smb1){.command = 0x70, .mid = 3}, OCTETS(""),
             OCTETS("\4\\\\dp\\OLD\0\4\0\4?????\0"));
    say_smb1(s, (struct smb1){.command = 0x70, .mid = 3, .reply = true},
             bytes_of(words, sizeof words), OCTETS(""));
}

/* SESSION_SETUP_ANDX with TREE_CONNECT_ANDX behind it, and both answers in one message. */
static void chain(struct script *s)
{
    static const char connect_words[8] = {(char)0xff, [6] = 1};
    begin_frame(s);
    put_smb1(s, (struct smb1){.command = 0x73, .flags2 = NT_STATUS_CODES, .mid = 2});
    put_logon(s, 0x75, 32 + 29 + 24 + 24 + 15, 24, 24);
    put_block(s, bytes_of(connect_words, sizeof connect_words), OCTETS("\0\\\\dp\\CHAIN\0?????\0"));
    end_frame(s, DIR_CLIENT);
    begin_frame(s);
    put_smb1(s, (struct smb1){.command = 0x73,
                              .flags2 = NT_STATUS_CODES,
                              .mid = 2,
                              .user = 0x800,
                              .tree = 7,
                              .reply = true});
    put_block(s, OCTETS("\x75\0\x2b\0\0\0"), OCTETS("AB"));
    put_block(s, OCTETS("\xff\0\0\0\0\0"), OCTETS("LPT1:\0"));
    end_frame(s, DIR_SERVER);
}

/* Each command says that the next is where it stands itself. */
static void chain_without_end(struct script *s)
{
    begin_frame(s);
    put_smb1(s, (struct smb1){.command = 0x73, .mid = 2});
    put_block(s, OCTETS("\x73\0\x20\0"), OCTETS(""));
    end_frame(s, DIR_CLIENT);
}

static void transfer(struct script *s)
{
    logon_v1(s);
    say_connect1(s, 3);
    say_connected1(s, 3, OCTETS("A:\0\0"));
    say_write1(s, "abcdefgh", 100);
    say_read1(s, 60);
}

static void transfer_unsigned(struct script *s)
{
    logon_v1(s);
    say_connect1(s, 3);
    say_connected1(s, 3, OCTETS("A:\0\0"));
    say_write1(s, "abcdefgh", 100);
    say_write1(s, NULL, 20);
    say_write1(s, "BSRSPYL ", 20);
}

static void words_lie(struct script *s)
{
    begin_frame(s);
    put_smb1(s, (struct smb1){.command = 0x75, .mid = 2});
    put(s, "\xf0\xff\0", 3);
    end_frame(s, DIR_CLIENT);
}

/* ---- what is stated ---- */

// clang-format off
static const struct smb_case cases[] = {
    {"NT LM 0.12",
     chosen,
     {"smb @2 server|smb.message=negotiate|smb.dialect=NT LM 0.12|smb.dialects_offered=LANMAN1.0",
      "smb.signing.client=enabled|smb.signing.server=enabled"},
     "smb.server_guid"},
    {"signing required",
     chosen_required,
     {"smb.signing.client=required|smb.signing.server=required",
      "smb.server_guid=67452301-ab89-efcd-444f-4d41494e0000"},
     NULL},
    {"LAN Manager", chosen_lan_manager, {"smb.dialect=LANMAN1.0|smb.signing.server=none"}, NULL},
    {"no dialect in common",
     chosen_none,
     {"smb.message=negotiate|smb.response_packet=2"},
     "smb.dialect="},
    {"NTLMv1 without extended security",
     logon_v1,
     {"ntlm @4 "
      "server|ntlm.carrier=smb|ntlm.variant=v1|ntlm.user=alice|ntlm.domain=CORP|ntlm.result=success",
      "ntlm.server_challenge=0123456789abcdef|ntlm.authenticate_packet=3|ntlm.result_packet=4",
      "smb.message=session_setup|smb.status=STATUS_SUCCESS|smb.mechanism=ntlm|smb.session=0x0800"},
     "smb.guest=1"},
    {"NTLMv2 without extended security",
     logon_v2,
     {"ntlm.variant=v2|ntlm.result=failure|ntlm.status=STATUS_LOGON_FAILURE",
      "smb.status=STATUS_LOGON_FAILURE"},
     "smb.anonymous"},
    {"null session",
     logon_empty,
     {"ntlm.variant=anonymous", "smb.anonymous=1|smb.guest=0"},
     "alice"},
    {"clear text password", logon_clear_text, {"smb.guest=1|smb.anonymous=0"}, "ntlm "},
    {"logon without an answer",
     logon_unanswered,
     {"ntlm @1 client|ntlm.variant=v1|ntlm.result=unknown"},
     "session_setup"},
    {"extended security",
     logon_extended,
     {"smb @2 server|smb.status=STATUS_MORE_PROCESSING_REQUIRED|smb.session=0x0801",
      "smb @4 server|smb.status=STATUS_SUCCESS|smb.signed=1|smb.request_packet=3"},
     "smb.signed=0"},
    {"DOS error", logon_dos_error, {"smb.status=ERRbadpw|smb.status_code=0x20002"}, NULL},
    {"shares",
     share,
     {"smb @2 server|smb.message=tree_connect|smb.path=\\\\dp\\S$|smb.share_type=disk",
      "smb @4 server|smb.share_type=pipe"},
     NULL},
    {"aligned path", share_aligned, {"smb @1 client|smb.path=\\\\dp "}, "smb.status"},
    {"core tree connect", share_core, {"smb.path=\\\\dp\\OLD|smb.status=STATUS_SUCCESS"}, NULL},
    {"chain",
     chain,
     {"smb @2 server|smb.message=session_setup|smb.status=STATUS_SUCCESS",
      "smb @2 "
      "server|smb.message=tree_connect|smb.path=\\\\dp\\CHAIN|smb.share_type=print|smb.session=0x0800"},
     "smb.bad"},
    {"chain without end", chain_without_end, {"smb.bad_offset"}, NULL},
    {"signed transfer",
     transfer,
     {"smb.message=transfer|smb.path=\\\\dp\\S$|smb.written_bytes=100|smb.read_bytes=60|smb.signed=1"},
     "smb.bad"},
    {"unsigned transfer",
     transfer_unsigned,
     {"smb.message=transfer|smb.written_bytes=140|smb.unsigned=2|smb.unsigned_packet=8|smb.signed=0"},
     NULL},
    {"more words than octets", words_lie, {"flow "}, "smb.path"},
};
// clang-format on

static void test_what_is_stated(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        check_case(&cases[i]);
    }
}

static void test_sweeps(void **state)
{
    (void)state;
    void (*const builds[])(struct script *) = {transfer, logon_extended, share, chain, share_core};
    for (size_t i = 0; i < sizeof builds / sizeof builds[0]; i++) {
        struct script s = {0};
        builds[i](&s);
        play_truncation_sweep(s.steps, s.count);
        play_chunking_sweep(s.steps, s.count);
        play_gap_sweep(s.steps, s.count);
        play_hostile_sweep(s.steps, s.count);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_stated),
        cmocka_unit_test(test_sweeps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
