/*
 * test_evidence.c - captures of evidence, read again by our own reader: packets, times, comments
 * that are cut where they must be; a finding's packets and the handshake of their connection.
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
static void put_segment(struct output *out, int64_t ns, bool back, uint8_t flags)
{
    uint8_t frame[54] = {[12] = 8, [14] = 0x45, [22] = 64, [23] = IP_TCP, [46] = 0x50};
    static const uint8_t client[4] = {10, 1, 0, 5}, server[4] = {10, 0, 0, 3};
    put16(frame + 16, 40);
    memcpy(frame + 26, back ? server : client, 4);
    memcpy(frame + 30, back ? client : server, 4);
    put16(frame + 34, back ? 445 : 50000);
    put16(frame + 36, back ? 50000 : 445);
    frame[47] = flags;
    pcapng_packet(
        out, &(struct pcapng_packet){
                 .ns = ns, .data = bytes_of(frame, sizeof frame), .wire_len = 54, .comment = ""});
}

static void packets_of_a_finding(void **state)
{
    static const uint8_t flags[] = {TCP_ACK, TCP_SYN, TCP_SYN | TCP_ACK, TCP_ACK,
                                    TCP_ACK, TCP_ACK, TCP_FIN | TCP_ACK};
    static const int64_t shown[] = {1, 2, 3, 5}; /* the handshake, and what is cited */
    (void)state;
    struct output *out = to_file("input.pcapng");
    pcapng_section(out, "");
    pcapng_interface(out, LINK_ETHERNET, "");
    for (size_t i = 0; i < COUNT_OF(flags); i++) {
        put_segment(out, SCENE_START + (int64_t)i, i == 2 || i == 4, flags[i]);
    }
    assert_int_equal(output_close(out), 0);
    struct scene_files f;
    scene_begin(&f, "hosts: {}\n", "10.1.0.5", "10.0.0.3");
    bool is_new = false;
    const struct breach b = {
        .client = &f.client, .server = &f.server, .confidence = CONFIDENCE_PROVEN};
    struct finding *finding = judge_breach(f.audit, rules[0], &b, &is_new);
    finding_evidence(f.audit, finding, scene_stamp(6), "the sixth packet");
    finding_evidence(f.audit, finding, scene_stamp(60), "a packet that is not there");
    audit_finish(f.audit);
    struct source *source = opened("input.pcapng");
    char path[128], error[EVIDENCE_ERROR] = "", name[32];
    const char *inputs[] = {path};
    (void)snprintf(path, sizeof path, "%s/input.pcapng", folder);
    struct evidence_counts counts;
    const struct evidence_request request = {
        .inputs = inputs, .input_count = 1, .source = source, .folder = folder};
    assert_true(evidence_is_possible(inputs, 1));
    assert_int_equal(evidence_write(&request, f.audit, error, &counts), 0);
    assert_int_equal(counts.files, 1);
    assert_int_equal(counts.packets, COUNT_OF(shown));
    assert_int_equal(counts.left_out, 1);
    (void)snprintf(name, sizeof name, "%s.pcapng", finding->id);
    struct source *s = opened(name);
    struct packet p;
    for (size_t i = 0; i < COUNT_OF(shown); i++) {
        assert_int_equal(source_next(s, &p), 1);
        assert_true(p.at.ns == SCENE_START + shown[i]);
    }
    assert_int_equal(source_next(s, &p), 0);
    source_free(s);
    source_free(source);
    scene_end(&f);
}

static void inputs_that_are_gone(void **state)
{
    static const char *const impossible[] = {"-", "/no/such/file", "/dev/null"};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(impossible); i++) {
        assert_false(evidence_is_possible(&impossible[i], 1));
    }
    const char *there[] = {folder};
    assert_true(evidence_is_possible(there, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(packets_of_a_finding),
        cmocka_unit_test(inputs_that_are_gone),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
