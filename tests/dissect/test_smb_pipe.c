/*
 * DCERPC in the named pipes of SMB 1 and 2: by writes and reads, in pieces, by transactions, with
 * and without the messages that open the share and the pipe.
 */
#include "tests/test.h"

#include "capture/limits.h"
#include "tests/dissect/test_smb_messages.h"

enum { CREATE = 5, READ = 8, WRITE = 9, IOCTL = 11 };
enum { HEADER2 = 64, IPC = 3, FILE_ID = 0x77, TRANSCEIVE = 0x0011c017 };

/* C706 12.6.4.3: a BIND to svcctl, with an NTLM NEGOTIATE in its verifier ([MS-RPCE] 2.2.2.11). */
static const uint8_t BIND[112] =
    "\5\0\13\3\x10\0\0\0\x70\0\x20\0\1\0\0\0\xb8\x10\xb8\x10\0\0\0\0\1\0\0\0\0\0\1\0"
    "\x81\xbb\x7a\x36\x44\x98\xf1\x35\xad\x32\x98\xf0\x38\0\x10\3\2\0\0\0"
    "\4\x5d\x88\x8a\xeb\x1c\xc9\x11\x9f\xe8\x08\0\x2b\x10\x48\x60\2\0\0\0"
    "\12\6\0\0\0\0\0\0NTLMSSP\0\1\0\0\0\7\x82\x08\xa2";
/* C706 12.6.4.5: a BIND_NAK. */
static const uint8_t NAK[20] = "\5\0\15\3\x10\0\0\0\x14\0\0\0\1\0\0\0";

/* ---- SMB 2 ---- */

static struct smb2 request(unsigned command, uint64_t message)
{
    return (struct smb2){.command = command, .message = message, .session = SESSION, .tree = IPC};
}

static struct smb2 reply(unsigned command, uint64_t message)
{
    struct smb2 h = request(command, message);
    h.flags = FLAG2_REPLY;
    return h;
}

/* [MS-SMB2] 2.2.13, 2.2.14 */
static void say_open(struct script *s, uint64_t message, const char *name, uint64_t file)
{
    begin_frame(s);
    put_smb2(s, request(CREATE, message));
    put_le(s, 57, 2);
    put_zero(s, 42);
    put_le(s, HEADER2 + 56, 2);
    put_le(s, 2 * strlen(name), 2);
    put_zero(s, 8);
    put_utf16(s, name);
    end_frame(s, DIR_CLIENT);
    begin_frame(s);
    put_smb2(s, reply(CREATE, message));
    put_le(s, 89, 2);
    put_zero(s, 62);
    put_le(s, file, 8);
    put_le(s, file, 8);
    put_zero(s, 8);
    end_frame(s, DIR_SERVER);
}

/* [MS-SMB2] 2.2.21 */
static void write_pipe(struct script *s, uint64_t message, uint64_t file, struct bytes data)
{
    begin_frame(s);
    put_smb2(s, request(WRITE, message));
    put_le(s, 49, 2);
    put_le(s, HEADER2 + 48, 2);
    put_le(s, data.len, 4);
    put_zero(s, 8);
    put_le(s, file, 8);
    put_le(s, file, 8);
    put_zero(s, 16);
    put(s, data.at, data.len);
    end_frame(s, DIR_CLIENT);
}

/* [MS-SMB2] 2.2.19, 2.2.20 */
static void read_pipe(struct script *s, uint64_t message, uint64_t file, struct bytes data)
{
    begin_frame(s);
    put_smb2(s, request(READ, message));
    put_le(s, 49, 2);
    put_zero(s, 14);
    put_le(s, file, 8);
    put_le(s, file, 8);
    put_zero(s, 17);
    end_frame(s, DIR_CLIENT);
    begin_frame(s);
    put_smb2(s, reply(READ, message));
    put_le(s, 17, 2);
    put_le(s, HEADER2 + 16, 2);
    put_le(s, data.len, 4);
    put_zero(s, 8);
    put(s, data.at, data.len);
    end_frame(s, DIR_SERVER);
}

/* [MS-SMB2] 2.2.31, 2.2.32 */
static void transceive(struct script *s, uint64_t message, uint64_t file, struct bytes in,
                       struct bytes out)
{
    begin_frame(s);
    put_smb2(s, request(IOCTL, message));
    put_le(s, 57, 4);
    put_le(s, TRANSCEIVE, 4);
    put_le(s, file, 8);
    put_le(s, file, 8);
    put_le(s, HEADER2 + 56, 4);
    put_le(s, in.len, 4);
    put_zero(s, 24);
    put(s, in.at, in.len);
    end_frame(s, DIR_CLIENT);
    begin_frame(s);
    put_smb2(s, reply(IOCTL, message));
    put_le(s, 49, 4);
    put_le(s, TRANSCEIVE, 4);
    put_le(s, file, 8);
    put_le(s, file, 8);
    put_zero(s, 8);
    put_le(s, HEADER2 + 48, 4);
    put_le(s, out.len, 4);
    put_zero(s, 8);
    put(s, out.at, out.len);
    end_frame(s, DIR_SERVER);
}

static struct bytes whole_bind(void)
{
    return bytes_of(BIND, sizeof BIND);
}

static void share(struct script *s)
{
    say_connect(s, 1, "\\\\DP01\\IPC$");
    say_connected(s, 1, IPC, 2, 0);
}

static void written_and_read(struct script *s)
{
    share(s);
    say_open(s, 2, "svcctl", FILE_ID);
    write_pipe(s, 3, FILE_ID, whole_bind());
    read_pipe(s, 4, FILE_ID, bytes_of(NAK, sizeof NAK));
}

/* A fragment in three writes, its answer in two reads, and another pipe in between. */
static void in_pieces(struct script *s)
{
    share(s);
    say_open(s, 2, "svcctl", FILE_ID);
    say_open(s, 3, "\\PIPE\\winreg", 0x78);
    write_pipe(s, 4, FILE_ID, bytes_slice(whole_bind(), 0, 40));
    write_pipe(s, 5, 0x78, whole_bind());
    write_pipe(s, 6, FILE_ID, bytes_slice(whole_bind(), 40, 40));
    write_pipe(s, 7, FILE_ID, bytes_slice(whole_bind(), 80, 32));
    read_pipe(s, 8, FILE_ID, bytes_of(NAK, 10));
    read_pipe(s, 9, FILE_ID, bytes_of(NAK + 10, 10));
}

static void in_transactions(struct script *s)
{
    share(s);
    say_open(s, 2, "svcctl", FILE_ID);
    transceive(s, 3, FILE_ID, whole_bind(), bytes_of(NAK, sizeof NAK));
}

/* Nothing that opens was captured. */
static void joined_late(struct script *s)
{
    write_pipe(s, 5, FILE_ID, whole_bind());
    read_pipe(s, 6, FILE_ID, bytes_of(NAK, sizeof NAK));
}

static void other_content(struct script *s)
{
    share(s);
    say_open(s, 2, "mypipe", FILE_ID);
    write_pipe(s, 3, FILE_ID, bytes_text("this is something else"));
    write_pipe(s, 4, FILE_ID, whole_bind());
}

/* The same octets in a file. */
static void on_a_disk(struct script *s)
{
    say_connect(s, 1, "\\\\DP01\\DATA");
    say_connected(s, 1, IPC, 1, 0);
    say_open(s, 2, "svcctl", FILE_ID);
    write_pipe(s, 3, FILE_ID, whole_bind());
}

/* More pipes than rows: the earlier ones' rows and children serve the later ones. */
static void pipe_after_pipe(struct script *s)
{
    share(s);
    for (unsigned i = 0; i < LIMIT_SMB_PIPES + 4; i++) {
        char name[] = "pipeA";
        name[4] = (char)('A' + i);
        say_open(s, 10 + 2 * i, name, 100 + i);
        write_pipe(s, 11 + 2 * i, 100 + i, whole_bind());
    }
}

/* ---- SMB 1 ---- */

static struct smb1 header(unsigned command, unsigned mid, bool answer)
{
    return (struct smb1){.command = command,
                         .flags2 = 0x4000,
                         .tree = 7,
                         .user = 0x800,
                         .mid = mid,
                         .reply = answer};
}

static void share1(struct script *s)
{
    static const char words[8] = {(char)0xff, [6] = 1};
    say_smb1(s, header(0x75, 1, false), bytes_of(words, 8), OCTETS("\0\\\\dp\\IPC$\0?????\0"));
    say_smb1(s, header(0x75, 1, true), bytes_of(words, 6), OCTETS("IPC\0"));
}

/* [MS-CIFS] 2.2.4.64 */
static void say_open1(struct script *s, unsigned mid)
{
    static const char ask[48] = {(char)0xff}, answer[68] = {(char)0xff, [5] = 0x0b, [6] = 0x40};
    say_smb1(s, header(0xa2, mid, false), bytes_of(ask, sizeof ask), OCTETS("\\svcctl\0"));
    say_smb1(s, header(0xa2, mid, true), bytes_of(answer, sizeof answer), OCTETS(""));
}

/* [MS-SMB] 2.2.4.3.1; with a length before the data where `mode` says so */
static void write_pipe1(struct script *s, unsigned mid, unsigned mode, struct bytes data)
{
    char words[28] = {(char)0xff, [4] = 0x0b, [5] = 0x40, [22] = 63};
    uint8_t octets[256] = {0};
    size_t before = mode == 0 ? 0 : 2;
    memcpy(octets + before, data.at, data.len);
    words[14] = (char)mode;
    words[20] = (char)(before + data.len);
    say_smb1(s, header(0x2f, mid, false), bytes_of(words, sizeof words),
             bytes_of(octets, before + data.len));
}

/* [MS-SMB] 2.2.4.2 */
static void read_pipe1(struct script *s, unsigned mid, struct bytes data)
{
    char ask[24] = {(char)0xff, [4] = 0x0b, [5] = 0x40}, answer[24] = {(char)0xff, [12] = 59};
    answer[10] = (char)data.len;
    say_smb1(s, header(0x2e, mid, false), bytes_of(ask, sizeof ask), OCTETS(""));
    say_smb1(s, header(0x2e, mid, true), bytes_of(answer, sizeof answer), data);
}

/* [MS-CIFS] 2.2.5.6 */
static void transact1(struct script *s, unsigned mid, struct bytes in, struct bytes out)
{
    char ask[32] = {[24] = 67, [26] = 2, [28] = 0x26, [30] = 0x0b, [31] = 0x40};
    char answer[20] = {[14] = 55};
    ask[22] = (char)in.len;
    answer[12] = (char)out.len;
    say_smb1(s, header(0x25, mid, false), bytes_of(ask, sizeof ask), in);
    say_smb1(s, header(0x25, mid, true), bytes_of(answer, sizeof answer), out);
}

static void written_and_read1(struct script *s)
{
    share1(s);
    say_open1(s, 2);
    write_pipe1(s, 3, 0, bytes_slice(whole_bind(), 0, 100));
    write_pipe1(s, 4, 0, bytes_slice(whole_bind(), 100, 12));
    read_pipe1(s, 5, bytes_of(NAK, sizeof NAK));
}

static void written_raw1(struct script *s)
{
    share1(s);
    say_open1(s, 2);
    write_pipe1(s, 3, 0x0c, whole_bind());
}

static void in_transactions1(struct script *s)
{
    share1(s);
    say_open1(s, 2);
    transact1(s, 3, whole_bind(), bytes_of(NAK, sizeof NAK));
}

static void joined_late1(struct script *s)
{
    transact1(s, 3, whole_bind(), bytes_of(NAK, sizeof NAK));
}

/* ---- what is stated ---- */

#define BOUND                                                                                      \
    "dcerpc @|dcerpc.interface=svcctl|dcerpc.auth=ntlm|dcerpc.level=privacy|dcerpc.carrier="
#define REFUSED "ntlm @|ntlm.carrier=dcerpc|ntlm.result=failure|ntlm.status=bind_nak"

static const struct smb_case cases[] = {
    {"written and read", written_and_read, {BOUND "smb-pipe:svcctl", REFUSED}, NULL},
    {"in pieces", in_pieces, {BOUND "smb-pipe:svcctl", BOUND "smb-pipe:winreg", REFUSED}, "bad_"},
    {"in transactions", in_transactions, {BOUND "smb-pipe:svcctl", REFUSED}, NULL},
    {"joined late", joined_late, {BOUND "smb-pipe ", REFUSED}, NULL},
    {"other content", other_content, {"smb @|smb.path=\\\\DP01\\IPC$"}, "dcerpc"},
    {"on a disk", on_a_disk, {"smb.written_bytes=112"}, "dcerpc"},
    {"pipe after pipe", pipe_after_pipe, {BOUND "smb-pipe:pipeA", BOUND "smb-pipe:pipeT"}, NULL},
    {"SMB1, written and read", written_and_read1, {BOUND "smb-pipe:svcctl", REFUSED}, NULL},
    {"SMB1, written raw", written_raw1, {BOUND "smb-pipe:svcctl"}, NULL},
    {"SMB1, in transactions", in_transactions1, {BOUND "smb-pipe:svcctl", REFUSED}, NULL},
    {"SMB1, joined late", joined_late1, {BOUND "smb-pipe ", REFUSED}, NULL},
};

static void test_what_is_stated(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        check_case(&cases[i]);
    }
}

/* Every pipe of a client that opens more than there are rows for is read, and every logon is
 * written once. */
static void test_rows_are_used_again(void **state)
{
    (void)state;
    struct script s = {.count = 0};
    pipe_after_pipe(&s);
    char *answer = play(s.steps, s.count, NULL);
    size_t binds = 0, logons = 0;
    for (const char *line = answer; line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n';
        binds += strncmp(line, "dcerpc ", 7) == 0;
        logons += strncmp(line, "ntlm ", 5) == 0;
    }
    assert_int_equal(binds, LIMIT_SMB_PIPES + 4);
    assert_int_equal(logons, LIMIT_SMB_PIPES + 4);
    free(answer);
}

static void test_sweeps(void **state)
{
    (void)state;
    void (*const builds[])(struct script *) = {in_pieces, in_transactions, written_and_read1,
                                               in_transactions1};
    for (size_t i = 0; i < COUNT_OF(builds); i++) {
        struct script s = {.count = 0};
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
        cmocka_unit_test(test_rows_are_used_again),
        cmocka_unit_test(test_sweeps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
