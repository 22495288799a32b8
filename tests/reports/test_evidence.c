/*
 * test_evidence.c - captures of evidence, read again by our own reader: packets, times, comments
 * that are cut where they must be; a finding's packets, the handshake of their connection, and what
 * leads up to them.
 */
#include "tests/test.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reports/evidence.h"
#include "reports/pcapng.h"
#include "tests/reports/report_scene.h"

#define LINK_ETHERNET 1

static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/rolecall-evidence-XXXXXX");
    return mkdtemp(folder) == NULL;
}

static int remove_folder(void **state)
{
    char command[128];
    (void)state;
    (void)snprintf(command, sizeof command, "rm -r '%s'", folder);
    return system(command);
}

static struct source *opened(const char *name)
{
    char path[128], error[SOURCE_ERROR] = "";
    const char *paths[] = {path};
    const struct source_options options = {0};
    struct source *s = NULL;
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    if (source_open(paths, 1, &options, error, &s) != 0) {
        fail_msg("%s", error);
    }
    return s;
}

static struct output *to_file(const char *name)
{
    char path[128];
    struct output *out = NULL;
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(output_open(path, &out), 0);
    return out;
}

static void what_is_written_is_read(void **state)
{
    static char longest[80000];
    static const uint8_t octets[] = {1, 2, 3, 4, 5, 6, 7};
    (void)state;
    memset(longest, 'x', 65534);
    memcpy(longest + 65534, "\xc3\xa4\xc3\xa4", 5); /* a character where an option ends */
    const struct pcapng_packet packets[] = {
        {.ns = 0, .data = bytes_of(octets, 7), .wire_len = 7, .comment = ""},
        {.ns = SCENE_START + 123, .data = bytes_of(octets, 4), .wire_len = 1500, .comment = "a\nb"},
        {.interface = 1,
         .ns = SCENE_START,
         .data = bytes_of(octets, 1),
         .wire_len = 1,
         .comment = longest},
    };
    struct output *out = to_file("written.pcapng");
    pcapng_section(out, "a section");
    pcapng_interface(out, LINK_ETHERNET, "monday.pcap");
    pcapng_interface(out, 101, "");
    for (size_t i = 0; i < COUNT_OF(packets); i++) {
        pcapng_packet(out, &packets[i]);
    }
    assert_int_equal(output_close(out), 0);
    struct source *s = opened("written.pcapng");
    /* One file is read in the order in which it stands. */
    for (size_t i = 0; i < COUNT_OF(packets); i++) {
        struct packet p;
        assert_int_equal(source_next(s, &p), 1);
        assert_true(p.at.ns == packets[i].ns);
        assert_int_equal(p.at.precision, 9);
        assert_int_equal(p.wire_len, packets[i].wire_len);
        assert_int_equal(p.link_type, i == 2 ? 101 : LINK_ETHERNET);
        assert_int_equal(p.data.len, packets[i].data.len);
        assert_memory_equal(p.data.at, packets[i].data.at, p.data.len);
    }
    struct packet p;
    assert_int_equal(source_next(s, &p), 0);
    assert_int_equal(source_counts(s)->truncated_files, 0);
    source_free(s);
}

/* ---- a finding ---- */

static void put16(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

/* Ethernet, IPv4, TCP from 10.1.0.5:50000 to 10.0.0.3:445, or back. */
static void make_segment(uint8_t frame[54], bool back, uint8_t flags)
{
    static const uint8_t plain[54] = {[12] = 8, [14] = 0x45, [22] = 64, [23] = IP_TCP, [46] = 0x50};
    static const uint8_t client[4] = {10, 1, 0, 5}, server[4] = {10, 0, 0, 3};
    memcpy(frame, plain, sizeof plain);
    put16(frame + 16, 40);
    memcpy(frame + 26, back ? server : client, 4);
    memcpy(frame + 30, back ? client : server, 4);
    put16(frame + 34, back ? 445 : 50000);
    put16(frame + 36, back ? 50000 : 445);
    frame[47] = flags;
}

static void put_segment(struct output *out, int64_t ns, bool back, uint8_t flags)
{
    uint8_t frame[54];
    make_segment(frame, back, flags);
    pcapng_packet(
        out, &(struct pcapng_packet){
                 .ns = ns, .data = bytes_of(frame, sizeof frame), .wire_len = 54, .comment = ""});
}

/* Cites packets 6 and 60 of the first of two files, and the second packet of the other. */
static const char cites[] =
    "{\"type\":\"audit\",\"files\":[{\"file\":\"x/input.pcapng\"},{\"file\":\"y.pcap\"}]}\n"
    "{\"type\":\"finding\",\"id\":\"00000000000000aa\",\"code\":\"R020\",\"title\":\"t\","
    "\"evidence_file\":\"of an older report\",\"evidence\":["
    "{\"packet\":6,\"says\":\"the sixth packet\",\"hex_of\":\"TCP header\",\"hex_offset\":34,"
    "\"hex\":\"c350\"},{\"packet\":60,\"says\":\"not there\"}]}\n"
    "{\"type\":\"finding\",\"id\":\"00000000000000bb\",\"code\":\"R020\",\"title\":\"t\","
    "\"evidence_file\":\"x\",\"evidence\":[{\"file_index\":1,\"packet\":2}]}\n"
    "{\"type\":\"finding\",\"id\":\"../../../etc/cron\",\"code\":\"R020\",\"title\":\"t\","
    "\"evidence\":[{\"packet\":6}]}\n"
    "{\"type\":\"summary\"}\n";

static struct document *citing(void)
{
    char error[DOCUMENT_ERROR] = "";
    struct document *d = NULL;
    assert_int_equal(document_parse(bytes_text(cites), error, &d), 0);
    return d;
}

static struct cited_packets *read_again(const struct document *d, const struct cited_input *input)
{
    char error[EVIDENCE_ERROR] = "";
    struct cited_packets *packets = cited_packets_new();
    assert_non_null(packets);
    assert_true(evidence_ask(packets, d));
    if (cited_packets_read(packets, input, error) != 0) {
        fail_msg("%s", error);
    }
    return packets;
}

static void write_input(void)
{
    static const uint8_t flags[] = {TCP_ACK, TCP_SYN, TCP_SYN | TCP_ACK, TCP_ACK,
                                    TCP_ACK, TCP_ACK, TCP_FIN | TCP_ACK};
    struct output *out = to_file("input.pcapng");
    pcapng_section(out, "");
    pcapng_interface(out, LINK_ETHERNET, "");
    for (size_t i = 0; i < COUNT_OF(flags); i++) {
        put_segment(out, SCENE_START + (int64_t)i, i == 2 || i == 4, flags[i]);
    }
    assert_int_equal(output_close(out), 0);
}

static void packets_of_a_finding(void **state)
{
    static const int64_t shown[] = {1, 2, 3, 5}; /* the handshake, and what is cited */
    char path[128], error[EVIDENCE_ERROR] = "";
    const char *paths[] = {path};
    (void)state;
    write_input();
    (void)snprintf(path, sizeof path, "%s/input.pcapng", folder);
    struct document *d = citing();
    struct cited_packets *packets =
        read_again(d, &(struct cited_input){.paths = paths, .count = 1});
    evidence_link(d, packets);
    assert_string_equal(member_text(d->findings.at[0], "evidence_file"),
                        "evidence/00000000000000aa.pcapng");
    assert_null(member_at(d->findings.at[1], "evidence_file"));
    struct evidence_counts counts;
    assert_int_equal(evidence_write(d, packets, folder, error, &counts), 0);
    assert_int_equal(counts.files, 1); /* none where an id is a path */
    assert_int_equal(counts.packets, COUNT_OF(shown));
    assert_int_equal(counts.left_out, 2);
    struct source *s = opened("00000000000000aa.pcapng");
    struct packet p;
    for (size_t i = 0; i < COUNT_OF(shown); i++) {
        assert_int_equal(source_next(s, &p), 1);
        assert_true(p.at.ns == SCENE_START + shown[i]);
    }
    assert_int_equal(source_next(s, &p), 0);
    source_free(s);
    cited_packets_free(packets);
    document_free(d);
}

/* Files keep their numbers when others are gone. */
static void numbers_of_files(void **state)
{
    static const uint32_t second = 1;
    char path[128];
    const char *paths[] = {path};
    (void)state;
    write_input();
    (void)snprintf(path, sizeof path, "%s/input.pcapng", folder);
    struct document *d = citing();
    struct cited_packets *packets =
        read_again(d, &(struct cited_input){.paths = paths, .files = &second, .count = 1});
    assert_null(cited_packets_find(packets, 0, 6)->packet);
    assert_null(cited_packets_find(packets, 0, 7));
    const struct cited_packet *cited = cited_packets_find(packets, 1, 2);
    assert_true(cited->packet->packet.at.ns == SCENE_START + 1);
    evidence_link(d, packets);
    assert_null(member_at(d->findings.at[0], "evidence_file"));
    assert_non_null(member_at(d->findings.at[1], "evidence_file"));
    evidence_link(d, NULL);
    assert_null(member_at(d->findings.at[1], "evidence_file"));
    cited_packets_free(packets);
    document_free(d);
}

/* What leads up to a segment in the middle of a message comes with it, unless some of it is
 * missing.
 */
static void what_leads_up(void **state)
{
    static const uint32_t sequences[] = {1000, 1004, 1008, 1016, 1020};
    (void)state;
    struct cited_packets *c = cited_packets_new();
    assert_true(cited_packets_ask(c, 0, 3) && cited_packets_ask(c, 0, 5));
    for (unsigned pass = CITED_MEETS; pass <= CITED_KEEPS; pass++) {
        assert_int_equal(cited_packets_begin(c, (enum cited_pass)pass), 0);
        for (size_t i = 0; i < COUNT_OF(sequences); i++) {
            uint8_t frame[58];
            make_segment(frame, false, TCP_ACK);
            put16(frame + 16, 44);
            put16(frame + 40, sequences[i]);
            memset(frame + 54, 0xff, 4);
            const struct packet p = {.at = {.order = i + 1, .packet = i + 1},
                                     .data = bytes_of(frame, sizeof frame),
                                     .wire_len = sizeof frame,
                                     .link_type = LINK_ETHERNET};
            assert_int_equal(cited_packets_see(c, &p), i < COUNT_OF(sequences) - 1);
        }
    }
    const struct cited_packet *third = cited_packets_find(c, 0, 3);
    assert_int_equal(third->lead_count, 2);
    assert_int_equal(third->lead[0]->packet.at.packet, 1);
    assert_int_equal(third->lead[1]->packet.at.packet, 2);
    const struct cited_packet *fifth = cited_packets_find(c, 0, 5);
    assert_int_equal(fifth->lead_count, 1);
    assert_int_equal(fifth->lead[0]->packet.at.packet, 4);
    cited_packets_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(packets_of_a_finding),
        cmocka_unit_test(numbers_of_files),
        cmocka_unit_test(what_leads_up),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
