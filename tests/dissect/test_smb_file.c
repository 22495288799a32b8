/*
 * SMB beyond shares: files and pipes by name, the session service of NetBIOS, sessions joined and
 * renewed, compressed messages, and what old servers let clients send in clear.
 */
#include "tests/test.h"

#include "capture/limits.h"
#include "tests/dissect/test_smb_messages.h"

enum {
    CREATE = 5,
    CLOSE = 6,
    READ = 8,
    WRITE = 9,
    QUERY_DIRECTORY = 14,
    LOGOFF = 2,
    HEADER2 = 64,
    SHARE = 5
};
#define SAME_FILE UINT64_MAX

/* ---- SMB 2 ---- */

static struct smb2 request(unsigned command, uint64_t message)
{
    return (struct smb2){.command = command, .message = message, .session = SESSION, .tree = SHARE};
}

static struct smb2 reply(unsigned command, uint64_t message)
{
    struct smb2 h = request(command, message);
    h.flags = FLAG2_REPLY;
    return h;
}

static void share(struct script *s, unsigned type)
{
    say_connect(s, 3, type == 2 ? "\\\\dp01\\IPC$" : "\\\\dp01\\S$");
    say_connected(s, 3, SHARE, type, 0);
}

/* [MS-SMB2] 2.2.13; padded, so that another message may follow. */
static void put_create(struct script *s, const char *name)
{
    size_t begin = s->used;
    put_le(s, 57, 2);
    put_zero(s, 42);
    put_le(s, HEADER2 + 56, 2);
    put_le(s, 2 * strlen(name), 2);
    put_zero(s, 8);
    put_utf16(s, name);
    put_zero(s, (8 - (s->used - begin) % 8) % 8);
}

static void say_create(struct script *s, uint64_t message, const char *name)
{
    begin_frame(s);
    put_smb2(s, request(CREATE, message));
    put_create(s, name);
    end_frame(s, DIR_CLIENT);
}

/* [MS-SMB2] 2.2.14 */
static void say_created(struct script *s, uint64_t message, unsigned action, uint64_t file)
{
    begin_frame(s);
    put_smb2(s, reply(CREATE, message));
    put_le(s, 89, 2);
    put_zero(s, 2);
    put_le(s, action, 4);
    put_zero(s, 56);
    put_le(s, file, 8);
    put_le(s, file, 8);
    put_zero(s, 8);
    end_frame(s, DIR_SERVER);
}

static void say_failed(struct script *s, unsigned command, uint64_t message, unsigned status)
{
    struct smb2 h = reply(command, message);
    h.status = status;
    say_smb2(s, h, "\x09\0\0\0\0\0\0\0\0", 9);
}

/* [MS-SMB2] 2.2.21 */
static void write_file(struct script *s, uint64_t message, uint64_t file, unsigned octets)
{
    begin_frame(s);
    put_smb2(s, request(WRITE, message));
    put_le(s, 49, 2);
    put_le(s, HEADER2 + 48, 2);
    put_le(s, octets, 4);
    put_zero(s, 8);
    put_le(s, file, 8);
    put_le(s, file, 8);
    put_zero(s, 16 + octets);
    end_frame(s, DIR_CLIENT);
}

/* [MS-SMB2] 2.2.19, as far as the FileId and behind it */
static void put_read(struct script *s, uint64_t file)
{
    put_le(s, 49, 2);
    put_zero(s, 14);
    put_le(s, file, 8);
    put_le(s, file, 8);
    put_zero(s, 24);
}

static void read_file(struct script *s, uint64_t message, uint64_t file, unsigned octets)
{
    begin_frame(s);
    put_smb2(s, request(READ, message));
    put_read(s, file);
    end_frame(s, DIR_CLIENT);
    say_data(s, message, SHARE, 0, octets);
}

static void put_close(struct script *s, uint64_t file)
{
    put_le(s, 24, 2);
    put_zero(s, 6);
    put_le(s, file, 8);
    put_le(s, file, 8);
}

static void say_close(struct script *s, uint64_t message, uint64_t file)
{
    begin_frame(s);
    put_smb2(s, request(CLOSE, message));
    put_close(s, file);
    end_frame(s, DIR_CLIENT);
    say_failed(s, CLOSE, message, 0);
}

static void files(struct script *s)
{
    share(s, 1);
    say_create(s, 4, "a\\one.txt");
    say_created(s, 4, 2, 70);
    say_create(s, 5, "two.txt");
    say_created(s, 5, 1, 71);
    write_file(s, 6, 70, 100);
    read_file(s, 7, 71, 50);
    write_file(s, 8, 70, 20);
    say_close(s, 9, 70);
    say_create(s, 10, "secret");
    say_failed(s, CREATE, 10, 0xc0000022);
    say_create(s, 11, "");
    say_created(s, 11, 1, 72);
}

static void telling_files(struct script *s)
{
    share(s, 1);
    say_create(s, 4, "pfx.txt");
    say_created(s, 4, 1, 70);
    say_create(s, 5, "a\\web.PFX");
    say_created(s, 5, 1, 71);
    write_file(s, 6, 70, 7);
    read_file(s, 7, 71, 50);
    say_close(s, 8, 71);
}

/* [MS-SMB2] 2.2.33, as far as the FileId and behind it */
static void put_list(struct script *s, uint64_t file)
{
    put_le(s, 33, 2);
    put_zero(s, 6);
    put_le(s, file, 8);
    put_le(s, file, 8);
    put_zero(s, 16);
}

static void say_list(struct script *s, uint64_t message, uint64_t file)
{
    begin_frame(s);
    put_smb2(s, request(QUERY_DIRECTORY, message));
    put_list(s, file);
    end_frame(s, DIR_CLIENT);
    say_failed(s, QUERY_DIRECTORY, message, 0);
}

/* The list, a package that is refused, a file deeper down, and a package listed in a compound. */
static void content_list(struct script *s)
{
    struct smb2 create = request(CREATE, 20), list = request(QUERY_DIRECTORY, 21);
    say_connect(s, 3, "\\\\dp01\\sccmcontentlib$");
    say_connected(s, 3, SHARE, 1, 0);
    say_create(s, 4, "DataLib");
    say_created(s, 4, 1, 70);
    say_list(s, 5, 70);
    say_close(s, 6, 70);
    say_create(s, 7, "datalib\\P0100001.1");
    say_failed(s, CREATE, 7, 0xc0000022);
    say_create(s, 8, "DataLib\\P0100001.1\\x");
    say_created(s, 8, 1, 71);
    create.next = HEADER2 + 56 + 32;
    list.flags = FLAG2_RELATED;
    begin_frame(s);
    put_smb2(s, create);
    put_create(s, "DataLib\\P0100002");
    put_smb2(s, list);
    put_list(s, SAME_FILE);
    end_frame(s, DIR_CLIENT);
    say_created(s, 20, 1, 72);
}

/* [MS-SMB2] 3.2.4.1.4: CREATE, READ and CLOSE in one frame; the last two name no file. */
static void compound(struct script *s)
{
    struct smb2 create = request(CREATE, 4), read = request(READ, 5), close = request(CLOSE, 6);
    share(s, 1);
    create.next = HEADER2 + 56 + 8;
    read.flags = close.flags = FLAG2_RELATED;
    read.next = HEADER2 + 56;
    begin_frame(s);
    put_smb2(s, create);
    put_create(s, "c.tx");
    put_smb2(s, read);
    put_read(s, SAME_FILE);
    put_smb2(s, close);
    put_close(s, SAME_FILE);
    end_frame(s, DIR_CLIENT);
    say_created(s, 4, 1, 90);
    say_data(s, 5, SHARE, 0, 33);
    say_failed(s, CLOSE, 6, 0);
}

static void more_files_than_rows(struct script *s)
{
    share(s, 1);
    for (unsigned i = 0; i < LIMIT_SMB_FILES + 1; i++) {
        say_create(s, 4 + i, "x");
    }
}

static void pipes(struct script *s)
{
    share(s, 2);
    say_create(s, 4, "svcctl");
    say_created(s, 4, 1, 70);
    say_create(s, 5, "spoolss");
    say_failed(s, CREATE, 5, 0xc0000034);
}

static void registry(struct script *s)
{
    share(s, 2);
    say_create(s, 4, "svcctl");
    say_created(s, 4, 1, 70);
    say_create(s, 5, "WinReg");
    say_created(s, 5, 1, 71);
}

/* ---- sessions ---- */

static void say_bind(struct script *s, uint64_t message, unsigned flags, uint64_t previous)
{
    begin_frame(s);
    put_smb2(s, (struct smb2){.command = 1, .message = message, .session = SESSION});
    put_le(s, 25, 2);
    put_le(s, flags, 1);
    put_zero(s, 9);
    put_le(s, 88, 2);
    put_le(s, 5, 2);
    put_le(s, previous, 8);
    put(s, "token", 5);
    end_frame(s, DIR_CLIENT);
}

static void binding(struct script *s)
{
    say_negotiate(s, 0, 1);
    say_negotiated(s, 0, 1, 0x0311);
    say_bind(s, 1, 1, 0);
    say_setup_reply(s, 1, 0xc0000016, 0, 0);
    say_bind(s, 2, 1, 0);
    say_setup_reply(s, 2, 0, 0, FLAG2_SIGNED);
}

static void renewed(struct script *s)
{
    say_logon(s, 0, FLAG2_SIGNED);
    say_bind(s, 5, 0, 0);
    say_setup_reply(s, 5, 0xc0000016, 0, FLAG2_SIGNED);
    say_bind(s, 6, 0, 0);
    say_setup_reply(s, 6, 0, 0, FLAG2_SIGNED);
}

/* After LOGOFF the session is gone; another connection's may be taken over. */
static void left_and_reconnected(struct script *s)
{
    say_logon(s, 0, FLAG2_SIGNED);
    say_smb2(s, request(LOGOFF, 3), "\4\0\0\0", 4);
    say_smb2(s, reply(LOGOFF, 3), "\4\0\0\0", 4);
    say_bind(s, 5, 0, 0x77);
    say_setup_reply(s, 5, 0, 0, FLAG2_SIGNED);
}

/* ---- compression ---- */

/* [MS-SMB2] 2.2.42: a READ reply of 4096 octets whose head is as it was. */
static void say_compressed(struct script *s, bool chained, unsigned prefix)
{
    begin_frame(s);
    put(s, "\xfcSMB", 4);
    put_le(s, chained ? HEADER2 + 16 + 4096 : 4096 + HEADER2 + 16 - prefix, 4);
    put_le(s, chained ? 0 : 3, 2);
    put_le(s, chained ? 1 : 0, 2);
    put_le(s, prefix, 4);
    size_t begin = s->used;
    put_smb2(s, reply(READ, 9));
    put_le(s, 17, 2);
    put_le(s, 80, 2);
    put_le(s, 4096, 4);
    put_zero(s, 8);
    s->used = begin + prefix;
    put(s, "compressed octets", 17);
    end_frame(s, DIR_SERVER);
}

static void compressed(struct script *s)
{
    share(s, 1);
    say_compressed(s, false, HEADER2 + 16);
    say_data(s, 10, SHARE, 0, 4);
    say_compressed(s, true, HEADER2 + 16);
    say_data(s, 11, SHARE, 0, 4);
}

static void compressed_whole(struct script *s)
{
    share(s, 1);
    say_compressed(s, false, 0);
    say_data(s, 10, SHARE, 0, 4);
}

/* ---- NetBIOS ---- */

static void put_name(struct script *s, const char *name, unsigned suffix)
{
    uint8_t octets[16];
    memset(octets, ' ', sizeof octets);
    memcpy(octets, name, strlen(name));
    octets[15] = (uint8_t)suffix;
    put_le(s, 32, 1);
    for (size_t i = 0; i < sizeof octets; i++) {
        put_le(s, 'A' + (octets[i] >> 4), 1);
        put_le(s, 'A' + (octets[i] & 15), 1);
    }
    put_zero(s, 1);
}

static void say_session_request(struct script *s)
{
    size_t begin = s->used;
    put(s, "\x81\0\0\x44", 4);
    put_name(s, "DP01", 0x20);
    put_name(s, "CM01", 0);
    assert(s->count < SCRIPT_STEPS);
    s->steps[s->count++] = (struct play_step){.data = bytes_of(s->octets + begin, s->used - begin)};
}

static void session_accepted(struct script *s)
{
    say_session_request(s);
    put_raw(s, DIR_SERVER, "\x82\0\0\0", 4);
    say_negotiate(s, 0, 1);
}

static void session_refused(struct script *s)
{
    say_session_request(s);
    put_raw(s, DIR_SERVER, "\x83\0\0\1\x82", 5);
}

static void session_sent_on(struct script *s)
{
    say_session_request(s);
    put_raw(s, DIR_SERVER, "\x84\0\0\6\12\0\0\7\0\x8b", 10);
}

static void session_unanswered(struct script *s)
{
    say_session_request(s);
}

/* ---- SMB 1 ---- */

enum { UNICODE = 0x8000, NT_STATUS_CODES = 0x4000 };

static struct smb1 message1(unsigned command, unsigned mid, bool is_reply)
{
    return (struct smb1){.command = command,
                         .flags2 = NT_STATUS_CODES,
                         .mid = mid,
                         .user = 0x800,
                         .tree = 7,
                         .reply = is_reply};
}

static void share1(struct script *s)
{
    static const char words[8] = {(char)0xff, [6] = 1};
    say_smb1(s, message1(0x75, 1, false), bytes_of(words, sizeof words),
             OCTETS("\0\\\\dp\\S\0A:\0"));
    say_smb1(s, message1(0x75, 1, true), OCTETS("\xff\0\0\0\0\0"), OCTETS("A:\0NTFS\0"));
}

/* NT_CREATE_ANDX, WRITE_ANDX, READ_ANDX and CLOSE of one file. */
static void files1(struct script *s)
{
    static const char create[48] = {(char)0xff, [5] = 5};
    static const char created[68] = {(char)0xff, [5] = 0x11, [6] = 0x40, [7] = 2};
    static const char write[28] = {(char)0xff, [4] = 0x11, [5] = 0x40, [20] = 9, [22] = 64};
    static const char read[20] = {(char)0xff, [4] = 0x11, [5] = 0x40};
    static const char data[24] = {(char)0xff, [10] = 5, [12] = 59};
    static const char closed[6] = {0x11, 0x40};
    share1(s);
    say_smb1(s, message1(0xa2, 2, false), bytes_of(create, sizeof create), OCTETS("\\a.txt\0"));
    say_smb1(s, message1(0xa2, 2, true), bytes_of(created, sizeof created), OCTETS(""));
    say_smb1(s, message1(0x2f, 3, false), bytes_of(write, sizeof write), OCTETS("\0abcdefghi"));
    say_smb1(s, message1(0x2e, 4, false), bytes_of(read, sizeof read), OCTETS(""));
    say_smb1(s, message1(0x2e, 4, true), bytes_of(data, sizeof data), OCTETS("hello"));
    say_smb1(s, message1(0x04, 5, false), bytes_of(closed, sizeof closed), OCTETS(""));
    say_smb1(s, message1(0x04, 5, true), OCTETS(""), OCTETS(""));
}

static void key1(struct script *s)
{
    static const char create[48] = {(char)0xff, [5] = 5};
    static const char created[68] = {(char)0xff, [5] = 0x11, [6] = 0x40, [7] = 2};
    static const char read[20] = {(char)0xff, [4] = 0x11, [5] = 0x40};
    static const char data[24] = {(char)0xff, [10] = 5, [12] = 59};
    static const char closed[6] = {0x11, 0x40};
    share1(s);
    say_smb1(s, message1(0xa2, 2, false), bytes_of(create, sizeof create), OCTETS("\\a.p12\0"));
    say_smb1(s, message1(0xa2, 2, true), bytes_of(created, sizeof created), OCTETS(""));
    say_smb1(s, message1(0x2e, 4, false), bytes_of(read, sizeof read), OCTETS(""));
    say_smb1(s, message1(0x2e, 4, true), bytes_of(data, sizeof data), OCTETS("hello"));
    say_smb1(s, message1(0x04, 5, false), bytes_of(closed, sizeof closed), OCTETS(""));
    say_smb1(s, message1(0x04, 5, true), OCTETS(""), OCTETS(""));
}

static void say_security(struct script *s, unsigned mode)
{
    say_smb1(s, message1(0x72, 1, false), OCTETS(""), OCTETS("\2NT LM 0.12\0"));
    begin_frame(s);
    put_smb1(s, message1(0x72, 1, true));
    put_le(s, 17, 1);
    put_le(s, 0, 2);
    put_le(s, mode, 1);
    put_zero(s, 31);
    put_le(s, 0, 2);
    end_frame(s, DIR_SERVER);
}

/* The share's password and the user's cross in clear. */
static void clear_passwords(struct script *s)
{
    static const char words[26] = {(char)0xff, [14] = 10};
    static const char connect[8] = {(char)0xff, [6] = 6};
    say_security(s, 0);
    say_smb1(s, message1(0x73, 2, false), bytes_of(words, sizeof words),
             OCTETS("topsecret\0alice\0CORP\0"));
    say_smb1(s, message1(0x73, 2, true), OCTETS("\xff\0\0\0\0\0"), OCTETS(""));
    say_smb1(s, message1(0x75, 3, false), bytes_of(connect, sizeof connect),
             OCTETS("xyzzy\0\\\\dp\\S\0A:\0"));
}

/* 10 words: the logon of LANMAN dialects, with an LM response. */
static void lanman_logon(struct script *s)
{
    static const char words[20] = {(char)0xff, [14] = 24};
    say_security(s, 3);
    say_smb1(s, message1(0x73, 2, false), bytes_of(words, sizeof words),
             OCTETS("abcdefghijklmnopqrstuvwxalice\0CORP\0"));
}

/* ---- what is stated ---- */

static const struct smb_case cases[] = {
    {"files",
     files,
     {"smb.message=file|smb.status=STATUS_SUCCESS|smb.path=\\\\dp01\\S$|smb.name=a\\one.txt|"
      "smb.action=created|smb.read_bytes=0|smb.written_bytes=120|smb.first_packet=7",
      "smb.message=file|smb.name=two.txt|smb.action=opened|smb.read_bytes=50|smb.written_bytes=0",
      "smb.message=file|smb.status=STATUS_ACCESS_DENIED|smb.name=secret",
      "smb.message=file|smb.status=STATUS_SUCCESS|smb.share_type=disk smb.action=opened",
      "smb.message=transfer|smb.read_bytes=50|smb.written_bytes=120"},
     NULL},
    {"compound",
     compound,
     {"smb @6 server|smb.message=file|smb.name=c.tx|smb.action=opened|smb.read_bytes=33"},
     "smb.bad"},
    {"more files than rows",
     more_files_than_rows,
     {"smb.message=file|smb.name=x", "smb.file_limit"},
     NULL},
    {"binding",
     binding,
     {"smb.message=session_setup|smb.status=STATUS_MORE_PROCESSING_REQUIRED|smb.binding=1",
      "smb.message=session_setup|smb.status=STATUS_SUCCESS|smb.binding=1|smb.signed=1"},
     "smb.reauthentication"},
    {"renewed session",
     renewed,
     {"smb @6 server|smb.status=STATUS_MORE_PROCESSING_REQUIRED|smb.reauthentication=1",
      "smb @8 server|smb.status=STATUS_SUCCESS|smb.reauthentication=1"},
     "smb.binding"},
    {"left and reconnected",
     left_and_reconnected,
     {"smb @8 server|smb.status=STATUS_SUCCESS|smb.previous_session=0x0000000000000077"},
     "smb.reauthentication"},
    {"compressed", compressed, {"smb.message=transfer|smb.read_bytes=8200"}, "smb.compressed"},
    {"compressed as a whole",
     compressed_whole,
     {"smb.message=transfer|smb.read_bytes=4 ", "flow|smb.compressed"},
     NULL},
    {"NetBIOS session accepted",
     session_accepted,
     {"smb @2 server|smb.message=netbios_session|smb.called_name=DP01<20>|"
      "smb.calling_name=CM01<00>|smb.result=positive|smb.request_packet=1"},
     "smb.error"},
    {"NetBIOS session refused",
     session_refused,
     {"smb.result=negative|smb.error=Called name not present|smb.error_code=130"},
     NULL},
    {"NetBIOS session sent on",
     session_sent_on,
     {"smb.result=retarget|smb.retarget=10.0.0.7:139"},
     NULL},
    {"NetBIOS session unanswered",
     session_unanswered,
     {"smb @1 client|smb.message=netbios_session|smb.called_name=DP01<20>"},
     "smb.result"},
    {"files of SMB 1",
     files1,
     {"smb @9 server|smb.message=file|smb.status=STATUS_SUCCESS|smb.path=\\\\dp\\S|"
      "smb.name=\\a.txt|smb.action=created|smb.read_bytes=5|smb.written_bytes=9"},
     "smb.bad"},
    {"passwords in clear",
     clear_passwords,
     {"smb.message=negotiate|smb.security=share",
      "smb.message=session_setup|smb.status=STATUS_SUCCESS|smb.user=alice|smb.password_exposed=1",
      "smb.message=tree_connect|smb.path=\\\\dp\\S|smb.password_exposed=1"},
     "secret"},
    {"LANMAN logon",
     lanman_logon,
     {"smb.message=negotiate|smb.security=user",
      "ntlm @3 client|ntlm.variant=v1|ntlm.user=alice|ntlm.domain=CORP"},
     "smb.password_exposed"},
};

static const struct smb_case plain_cases[] = {
    {"files that nobody asked for",
     files,
     {"smb.message=transfer|smb.path=\\\\dp01\\S$|smb.read_bytes=50|smb.written_bytes=120"},
     "smb.name="},
    {"pipes",
     pipes,
     {"smb @4 server|smb.message=pipe|smb.status=STATUS_SUCCESS|smb.name=svcctl",
      "smb.message=pipe|smb.status=STATUS_OBJECT_NAME_NOT_FOUND|smb.path=\\\\dp01\\IPC$|"
      "smb.name=spoolss"},
     "smb.message=file"},
};

static const struct smb_case audited_cases[] = {
    {"keys and backups, with what of them moved",
     telling_files,
     {"smb @11 server|smb.message=file|smb.status=STATUS_SUCCESS|smb.path=\\\\dp01\\S$|"
      "smb.name=a\\web.PFX|smb.read_bytes=50|smb.written_bytes=0|smb.first_packet=9",
      "smb.message=transfer|smb.read_bytes=50|smb.written_bytes=7"},
     "smb.name=pfx.txt"},
    {"the list of all content",
     content_list,
     {"smb @8 server|smb.message=file|smb.name=DataLib|smb.listed=1",
      "smb @10 "
      "server|smb.message=file|smb.status=STATUS_ACCESS_DENIED|smb.name=datalib\\P0100001.1",
      "smb @14 client|smb.message=file|smb.name=DataLib\\P0100002|smb.listed=1"},
     "smb.name=DataLib\\P0100001.1\\x"},
    {"files of no kind that is asked for", files, {"smb.message=transfer"}, "smb.name="},
    {"a key by SMB 1",
     key1,
     {"smb @8 server|smb.message=file|smb.path=\\\\dp\\S|smb.name=\\a.p12|smb.read_bytes=5"},
     "smb.bad"},
    {"the remote registry's pipe alone",
     registry,
     {"smb @6 server|smb.message=pipe|smb.status=STATUS_SUCCESS|smb.name=WinReg"},
     "svcctl"},
};

static void test_what_is_stated(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        check_case_with(&cases[i], (struct play_options){.paths = true});
    }
    for (size_t i = 0; i < COUNT_OF(plain_cases); i++) {
        check_case(&plain_cases[i]);
    }
    for (size_t i = 0; i < COUNT_OF(audited_cases); i++) {
        check_case_with(&audited_cases[i],
                        (struct play_options){.audited = true, .brief = i % 2 == 0});
    }
}

static void test_probe(void **state)
{
    (void)state;
    static const struct {
        const char *octets;
        size_t len;
        enum probe seen;
    } rows[] = {
        {"\x83\0\0\1\x82", 5, PROBE_SERVER},
        {"\x83\0\0\1\x8f", 5, PROBE_SERVER},
        {"\x83\0\0\1\x84", 5, PROBE_NO},
        {"\x83\0\0\2\x82\0", 6, PROBE_NO},
        {"\x84\0\0\6\12\0\0\7\0\x8b", 10, PROBE_SERVER},
        {"\x84\0\0\6\0\0\0\7\0\x8b", 10, PROBE_NO},
        {"\x83\0\0", 3, PROBE_MORE},
        {"\x86\0\0", 3, PROBE_NO},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (smb_dissector.probe(bytes_of(rows[i].octets, rows[i].len)) != rows[i].seen) {
            fail_msg("row %zu", i);
        }
    }
}

static void test_sweeps(void **state)
{
    (void)state;
    void (*const builds[])(struct script *) = {files,
                                               compound,
                                               pipes,
                                               binding,
                                               renewed,
                                               left_and_reconnected,
                                               files1,
                                               content_list,
                                               telling_files,
                                               key1,
                                               compressed,
                                               session_refused,
                                               session_accepted,
                                               clear_passwords,
                                               lanman_logon};
    for (size_t i = 0; i < COUNT_OF(builds); i++) {
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
        cmocka_unit_test(test_probe),
        cmocka_unit_test(test_sweeps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
