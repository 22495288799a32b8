/*
 * test_source.c - formats, compressions, damage, merging, filters and error lines of source.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture/limits.h"
#include "capture/source.h"
#include "tests/capture/capture_build.h"

#define SECOND INT64_C(1000000000)

static char folder[] = "/tmp/rolecall-source-XXXXXX";

static const char *in_folder(const char *name)
{
    static char paths[4][200];
    static unsigned turn;
    char *path = paths[turn++ % 4];
    (void)snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static const char *write_file(const char *name, const void *octets, size_t len)
{
    const char *path = in_folder(name);
    FILE *out = fopen(path, "wb");
    assert_non_null(out);
    assert_int_equal(fwrite(octets, 1, len, out), len);
    assert_int_equal(fclose(out), 0);
    return path;
}

static struct source *open_or_fail(const char *const *paths, size_t count, const char *filter)
{
    char error[SOURCE_ERROR] = "";
    struct source *s = NULL;
    struct source_options options = {.filter = filter};
    if (source_open(paths, count, &options, error, &s) != 0) {
        fail_msg("%s", error);
    }
    return s;
}

static struct source *open_octets(const struct octets *o)
{
    const char *path = write_file("one", o->at, o->len);
    return open_or_fail(&path, 1, NULL);
}

static size_t drain(struct source *s)
{
    struct packet p;
    size_t count = 0;
    while (source_next(s, &p) == 1) {
        count++;
    }
    return count;
}

static void test_pcap_kinds(void **state)
{
    (void)state;
    static const struct {
        uint32_t magic;
        size_t extra;
        int64_t ns;
        uint8_t precision;
    } kinds[] = {
        {0xa1b2c3d4, 0, 1700000000 * SECOND + 123456000, 6},
        {0xa1b23c4d, 0, 1700000000 * SECOND + 123456, 9},
        {0xa1b2cd34, 8, 1700000000 * SECOND + 123456000, 6},
    };
    for (size_t i = 0; i < 2 * COUNT_OF(kinds); i++) {
        bool big = i % 2 == 1;
        struct octets o = {0};
        put_pcap_header(&o, big, kinds[i / 2].magic,
                        0xf0000000 | 113); /* with a frame check length */
        for (unsigned n = 0; n < 3; n++) {
            struct record r = {1700000000, 123456, "abcdef", n * 2, n == 1 ? 60 : n == 2 ? 1 : 0};
            put_pcap_record(&o, big, (struct record){r.seconds, r.fraction, NULL, 0, 0});
            o.len -= 8;
            put_number(&o, big, r.len, 4);
            put_number(&o, big, r.wire_len, 4);
            put_number(&o, big, 0, (unsigned)kinds[i / 2].extra);
            put(&o, r.data, r.len);
        }
        struct source *s = open_octets(&o);
        for (unsigned n = 0; n < 3; n++) {
            struct packet p;
            assert_int_equal(source_next(s, &p), 1);
            assert_int_equal(p.at.ns, kinds[i / 2].ns);
            assert_int_equal(p.at.precision, kinds[i / 2].precision);
            assert_int_equal(p.at.packet, n + 1);
            assert_int_equal(p.at.order, n + 1);
            assert_int_equal(p.at.file, 0);
            assert_int_equal(p.link_type, 113);
            assert_true(bytes_is(p.data, "abcdef", n * 2));
            assert_int_equal(p.wire_len, n == 0   ? 0
                                         : n == 1 ? 60
                                                  : 4); /* never less than captured */
        }
        struct packet p;
        assert_int_equal(source_next(s, &p), 0);
        assert_int_equal(source_next(s, &p), 0);
        const struct source_counts *c = source_counts(s);
        assert_int_equal(c->packets, 3);
        assert_int_equal(c->bytes, 64);
        assert_int_equal(c->snapped, 1);
        assert_int_equal(c->truncated_files, 0);
        assert_int_equal(c->octets_read, o.len);
        assert_int_equal(c->octets_total, o.len);
        assert_string_equal(source_file_name(s, 0), "one");
        assert_null(source_free(s));
        octets_done(&o);
    }
}

static void test_pcapng_clocks(void **state)
{
    (void)state;
    static const struct {
        int resolution;
        int64_t offset;
        uint64_t units;
        int64_t ns;
        uint8_t precision;
    } clocks[] = {
        {-1, 0, 1700000000123456, 1700000000123456000, 6},
        {6, 0, 1700000000123456, 1700000000123456000, 6},
        {9, 0, 1700000000123456789, 1700000000123456789, 9},
        {3, 0, 1700000000123, 1700000000123000000, 6},
        {0, 0, 1700000000, 1700000000000000000, 6},
        {8, 0, 170000000012345678, 1700000000123456780, 9},
        {12, 0, 1700000000123456, 1700000000123, 9},
        {9, 1700000000, 5, 1700000000000000005, 9},
        {6, -10, 1700000010000001, 1700000000000001000, 6},
        {0x80 | 10, 0, 1700000000 * UINT64_C(1024) + 512, 1700000000500000000, 6},
        {0x80 | 32, 0, UINT64_C(1700000000) << 32 | 0x80000000, 1700000000500000000, 9},
        {0x80 | 60, 0, UINT64_C(3) << 59, 1500000000, 9},
        {0x80 | 100, 0, UINT64_MAX, 0, 9},
        {127, 0, UINT64_MAX - 1, 0, 9},
    };
    for (size_t i = 0; i < 2 * COUNT_OF(clocks); i++) {
        bool big = i % 2 == 1;
        struct octets o = {0};
        put_section(&o, big);
        put_interface(&o, big, 1, clocks[i / 2].resolution, clocks[i / 2].offset);
        put_enhanced(&o, big, 0, clocks[i / 2].units,
                     (struct record){.data = "frame", .len = 5, .wire_len = 9});
        struct source *s = open_octets(&o);
        struct packet p;
        assert_int_equal(source_next(s, &p), 1);
        assert_int_equal(p.at.ns, clocks[i / 2].ns);
        assert_int_equal(p.at.precision, clocks[i / 2].precision);
        assert_true(bytes_is(p.data, "frame", 5));
        assert_int_equal(p.wire_len, 9);
        assert_int_equal(source_next(s, &p), 0);
        (void)source_free(s);
        octets_done(&o);
    }
}

static void put_statistics(struct octets *o, bool big, uint64_t interface_drop,
                           uint64_t system_drop)
{
    struct octets body = {0};
    put_number(&body, big, 0, 12);
    put_number(&body, big, 5, 2);
    put_number(&body, big, 8, 2);
    put_number(&body, big, interface_drop, 8);
    put_number(&body, big, 7, 2);
    put_number(&body, big, 8, 2);
    put_number(&body, big, system_drop, 8);
    put_number(&body, big, 0, 4);
    put_block(o, big, 5, &body);
    octets_done(&body);
}

/* Two sections in different byte orders, with every block type between the packets. */
static struct octets rich_pcapng(void)
{
    struct octets o = {0};
    struct octets body = {0};
    put_section(&o, false);
    put_interface(&o, false, 1, -1, 0);
    put_interface(&o, false, 101, 9, 0);
    put_interface(&o, false, 147, 9, 0); /* no frame of it can be decoded: delivered all the same */
    put_enhanced(&o, false, 0, 1000000, (struct record){.data = "a", .len = 1, .wire_len = 1});
    put(&body, "names, or what a newer program wrote", 36);
    put_block(&o, false, 4, &body);
    put_block(&o, false, 0x0bad, &body);
    put_statistics(&o, false, 3, 4);
    put_enhanced(&o, false, 1, 2000000000, (struct record){.data = "bb", .len = 2, .wire_len = 2});
    put_statistics(&o, false, 5, 4);
    octets_done(&body);
    for (unsigned i = 0; i < 300000; i++) { /* larger than any chunk */
        put(&body, "secrets", 8);
    }
    put_block(&o, false, 10, &body);
    put_enhanced(&o, false, 2, 3000000000, (struct record){.data = "ccc", .len = 3, .wire_len = 3});
    octets_done(&body);
    put_number(&body, false, 4, 4); /* simple packet: original length */
    put(&body, "dddd", 4);
    put_block(&o, false, 3, &body);
    octets_done(&body);
    put_section(&o, true);
    put_interface(&o, true, 228, -1, 0);
    put_number(&body, true, 0, 4); /* obsolete packet: interface, drops */
    put_number(&body, true, 0, 4);
    put_number(&body, true, 4000000, 4);
    put_number(&body, true, 5, 4);
    put_number(&body, true, 5, 4);
    put(&body, "eeeee", 5);
    put_block(&o, true, 2, &body);
    put_statistics(&o, true, 1, 0);
    octets_done(&body);
    return o;
}

static void test_pcapng_blocks(void **state)
{
    (void)state;
    static const struct {
        uint32_t link;
        int64_t ns;
        const char *data;
    } expected[] = {{1, 1 * SECOND, "a"},
                    {101, 2 * SECOND, "bb"},
                    {147, 3 * SECOND, "ccc"},
                    {1, 3 * SECOND, "dddd"},
                    {228, 4 * SECOND, "eeeee"}};
    struct octets o = rich_pcapng();
    struct source *s = open_octets(&o);
    struct packet p;
    for (size_t i = 0; i < COUNT_OF(expected); i++) {
        assert_int_equal(source_next(s, &p), 1);
        assert_int_equal(p.link_type, expected[i].link);
        assert_int_equal(p.at.ns, expected[i].ns);
        assert_int_equal(p.at.packet, i + 1);
        assert_true(bytes_is(p.data, expected[i].data, i + 1));
    }
    assert_int_equal(source_next(s, &p), 0);
    assert_int_equal(source_counts(s)->dropped, 5 + 4 + 1);
    assert_int_equal(source_counts(s)->truncated_files, 0);
    (void)source_free(s);
    octets_done(&o);
}

/* A file cut after every octet: what is whole before the cut is delivered, and the cut is counted.
 */
static void test_every_cut(void **state)
{
    (void)state;
    for (unsigned pcapng = 0; pcapng < 2; pcapng++) {
        struct octets o = {0};
        size_t ends[4] = {0};  /* where the frames end */
        size_t clean[4] = {0}; /* where the file may end */
        pcapng ? put_section(&o, false) : put_pcap_header(&o, false, 0xa1b2c3d4, 1);
        const size_t header = 24; /* of either format */
        size_t first = o.len;
        if (pcapng) {
            put_interface(&o, false, 1, -1, 0);
        }
        clean[0] = o.len;
        for (uint32_t i = 1; i < 4; i++) {
            struct record r = {i, 0, "12345678", 2 * i, 2 * i};
            pcapng ? put_enhanced(&o, false, 0, i, r) : put_pcap_record(&o, false, r);
            ends[i] = pcapng ? clean[i - 1] + 28 + 2 * i : o.len;
            clean[i] = o.len;
        }
        for (size_t len = 1; len < o.len; len++) {
            const char *path = write_file("cut", o.at, len);
            char error[SOURCE_ERROR] = "";
            struct source *s = NULL;
            int result = source_open(&path, 1, NULL, error, &s);
            if (len < header) {
                assert_int_equal(result, len < 4 ? -EBADMSG : -ENODATA);
                assert_non_null(strstr(error, "cut: "));
                continue;
            }
            assert_int_equal(result, 0);
            size_t whole = 0;
            for (size_t i = 1; i < 4; i++) {
                whole += len >= ends[i] ? 1 : 0;
            }
            bool at_end =
                len == clean[0] || len == clean[1] || len == clean[2] || (pcapng && len == first);
            assert_int_equal(drain(s), whole);
            assert_int_equal(source_counts(s)->truncated_files, at_end ? 0 : 1);
            (void)source_free(s);
        }
        octets_done(&o);
    }
}

static void test_damaged_records(void **state)
{
    (void)state;
    struct octets o = {0};
    put_pcap(&o, 1, (const uint32_t[]){1, 2}, 2);
    put_pcap_record(&o, false, (struct record){3, 0, "x", 0, 0});
    o.len -= 8;
    put_number(&o, false, LIMIT_FRAME_OCTETS + 1, 4);
    put_number(&o, false, LIMIT_FRAME_OCTETS + 1, 4);
    for (unsigned i = 0; i < 40000; i++) {
        put(&o, "octets  ", 8);
    }
    struct source *s = open_octets(&o);
    assert_int_equal(drain(s), 2);
    assert_int_equal(source_counts(s)->truncated_files, 1);
    assert_int_equal(source_counts(s)->octets_read, o.len); /* progress does not stop short */
    (void)source_free(s);
    octets_done(&o);

    static const struct {
        size_t at; /* in an enhanced packet block */
        uint32_t value;
    } faults[] = {{4, 8}, {4, 33}, {4, 24}, {8, 1}, {20, 100}, {20, LIMIT_FRAME_OCTETS + 1}};
    for (size_t i = 0; i < COUNT_OF(faults); i++) {
        put_section(&o, false);
        put_interface(&o, false, 1, -1, 0);
        put_enhanced(&o, false, 0, 1, (struct record){.data = "a", .len = 1, .wire_len = 1});
        size_t at = o.len + faults[i].at;
        put_enhanced(&o, false, 0, 1, (struct record){.data = "a", .len = 1, .wire_len = 1});
        for (unsigned n = 0; n < 4; n++) {
            o.at[at + n] = (uint8_t)(faults[i].value >> 8 * n);
        }
        s = open_octets(&o);
        assert_int_equal(drain(s), 1);
        assert_int_equal(source_counts(s)->truncated_files, 1);
        (void)source_free(s);
        octets_done(&o);
    }
}

/* Many chunks of frames of every size, each frame filled with its own number. */
static struct octets large_pcap(size_t count)
{
    static uint8_t fill[LIMIT_FRAME_OCTETS];
    struct octets o = {0};
    put_pcap_header(&o, false, 0xa1b23c4d, 1);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t len = i % 97 == 0 ? LIMIT_FRAME_OCTETS - i : i * 7919 % 1515;
        memset(fill, (int)(i % 251), len);
        put_pcap_record(&o, false, (struct record){1000 + i, i, fill, len, len});
    }
    return o;
}

static void assert_filled(const struct packet *p)
{
    uint8_t fill = (uint8_t)((p->at.packet - 1) % 251);
    for (size_t i = 0; i < p->data.len; i++) {
        assert_int_equal(p->data.at[i], fill);
    }
}

struct held {
    struct packet *packets;
    size_t count;
};

static void *drop_all(void *user)
{
    struct held *held = user;
    for (size_t i = 0; i < held->count; i++) {
        block_drop(held->packets[i].block);
    }
    return NULL;
}

static void test_blocks_outlive_the_source(void **state)
{
    (void)state;
    const size_t count = 3000;
    struct octets o = large_pcap(count);
    for (unsigned kind = 0; kind < 3; kind++) {
        struct octets packed = kind == 1   ? gzipped(&o)
                               : kind == 2 ? zstandard(&o)
                                           : (struct octets){0};
        struct source *s = open_octets(kind == 0 ? &o : &packed);
        struct held held = {.packets = calloc(count, sizeof(struct packet))};
        assert_non_null(held.packets);
        while (source_next(s, &held.packets[held.count]) == 1) {
            (void)block_hold(held.packets[held.count].block);
            held.count++;
            assert_true(held.count <= count);
        }
        assert_int_equal(held.count, count);
        assert_int_equal(source_counts(s)->truncated_files, 0);
        assert_int_equal(source_counts(s)->octets_read, kind == 0 ? o.len : packed.len);
        assert_int_equal(source_counts(s)->octets_total, kind == 0 ? o.len : packed.len);
        (void)source_free(s);
        for (size_t i = 0; i < count; i++) {
            assert_filled(&held.packets[i]);
        }
        pthread_t other;
        assert_int_equal(pthread_create(&other, NULL, drop_all, &held), 0);
        assert_int_equal(pthread_join(other, NULL), 0);
        free(held.packets);
        octets_done(&packed);
    }
    octets_done(&o);
}

static void test_blocks_are_used_again(void **state)
{
    (void)state;
    struct octets o = large_pcap(500);
    struct source *s = open_octets(&o);
    struct packet p;
    struct block *before = NULL;
    const struct block *seen[64];
    size_t different = 0;
    while (source_next(s, &p) == 1) {
        assert_filled(&p);
        size_t i = 0;
        while (i < different && seen[i] != p.block) {
            i++;
        }
        if (i == different && different < 64) {
            seen[different++] = p.block;
        }
        block_drop(before);
        before = block_hold(p.block);
    }
    block_drop(before);
    assert_in_range(different, 1,
                    6); /* of some 20 fillings; the largest frames take chunks of their own */
    (void)source_free(s);
    octets_done(&o);
}

static void test_compressions(void **state)
{
    (void)state;
    struct octets half[2] = {{0}, {0}};
    const uint32_t seconds[] = {1, 2, 3, 4, 5, 6};
    put_pcap(&half[0], 1, seconds, 3);
    for (size_t i = 3; i < 6; i++) {
        put_pcap_record(&half[1], false, (struct record){seconds[i], 0, &seconds[i], 4, 4});
    }
    for (unsigned zstd = 0; zstd < 2; zstd++) {
        struct octets both = zstd ? zstandard(&half[0]) : gzipped(&half[0]);
        struct octets second = zstd ? zstandard(&half[1]) : gzipped(&half[1]);
        size_t first = both.len;
        put(&both, second.at, second.len);
        size_t from =
            zstd ? first : first - 1; /* zstd gives nothing of a block that is not whole */
        for (size_t len = from; len <= both.len; len++) {
            struct octets cut = {.at = both.at, .len = len};
            struct source *s = open_octets(&cut);
            size_t got = drain(s);
            assert_true(len == both.len ? got == 6 : len == first ? got == 3 : got <= 6);
            assert_int_equal(source_counts(s)->truncated_files,
                             len == both.len || len == first ? 0 : 1);
            (void)source_free(s);
        }
        put(&both, "\0\0\0\0\0\0\0\0", 8); /* padding, as tapes and some copies have it */
        struct source *s = open_octets(&both);
        assert_int_equal(drain(s), 6);
        assert_int_equal(source_counts(s)->truncated_files, 0);
        (void)source_free(s);
        octets_done(&both);
        octets_done(&second);
    }
    octets_done(&half[0]);
    octets_done(&half[1]);
}

static void write_pcap(const char *name, const uint32_t *seconds, size_t count)
{
    struct octets o = {0};
    put_pcap(&o, 1, seconds, count);
    (void)write_file(name, o.at, o.len);
    octets_done(&o);
}

static void test_merge(void **state)
{
    (void)state;
    write_pcap("a", (const uint32_t[]){1, 4, 4, 9}, 4);
    write_pcap("b", (const uint32_t[]){2, 4, 3, 10}, 4); /* 3 comes late, and stays behind 4 */
    write_pcap("c", NULL, 0);
    static const uint32_t order[] = {1, 2, 4, 4, 4, 3, 9, 10};
    static const uint32_t files[] = {0, 2, 0, 0, 2, 2, 0, 2};
    const char *paths[] = {in_folder("a"), in_folder("c"), in_folder("b")};
    struct source *s = open_or_fail(paths, 3, NULL);
    assert_int_equal(source_files(s), 3);
    assert_string_equal(source_file_path(s, 2), paths[2]);
    uint64_t in_file[3] = {0};
    struct packet p;
    for (size_t i = 0; i < COUNT_OF(order); i++) {
        assert_int_equal(source_next(s, &p), 1);
        assert_int_equal(p.at.ns, order[i] * SECOND);
        assert_int_equal(p.at.file, files[i]);
        assert_int_equal(p.at.packet, ++in_file[files[i]]);
        assert_int_equal(p.at.order, i + 1);
    }
    assert_int_equal(source_next(s, &p), 0);
    const struct source_counts *c = source_counts(s);
    assert_true(c->first_ns == 1 * SECOND && c->last_ns == 10 * SECOND);
    assert_int_equal(c->octets_read, c->octets_total);
    (void)source_free(s);
}

static void test_single_file_keeps_its_order(void **state)
{
    (void)state;
    write_pcap("back", (const uint32_t[]){5, 3, 8, 1}, 4);
    const char *path = in_folder("back");
    struct source *s = open_or_fail(&path, 1, NULL);
    static const uint32_t order[] = {5, 3, 8, 1};
    struct packet p;
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(source_next(s, &p), 1);
        assert_int_equal(p.at.ns, order[i] * SECOND);
    }
    assert_true(source_counts(s)->first_ns == SECOND && source_counts(s)->last_ns == 8 * SECOND);
    (void)source_free(s);
}

static void test_directory(void **state)
{
    (void)state;
    assert_int_equal(mkdir(in_folder("dir"), 0700), 0);
    assert_int_equal(mkdir(in_folder("dir/inner"), 0700), 0);
    write_pcap("dir/b.pcap", (const uint32_t[]){1, 3}, 2);
    write_pcap("dir/a.dump", (const uint32_t[]){2, 4}, 2);
    write_pcap("dir/inner/c.pcap", (const uint32_t[]){1}, 1);
    (void)write_file("dir/readme.txt", "not a capture at all", 20);
    (void)write_file("dir/empty.pcap", "", 0);
    (void)write_file("dir/started.pcap", "\xd4\xc3\xb2\xa1\2\0\4\0", 8);
    const char *path = in_folder("dir");
    struct source *s = open_or_fail(&path, 1, NULL);
    assert_int_equal(source_files(s), 2);
    assert_string_equal(source_file_name(s, 0), "a.dump");
    assert_string_equal(source_file_name(s, 1), "b.pcap");
    assert_int_equal(source_counts(s)->truncated_files, 1);
    struct packet p;
    for (int64_t i = 1; i <= 4; i++) {
        assert_int_equal(source_next(s, &p), 1);
        assert_int_equal(p.at.ns, i * SECOND);
        assert_int_equal(p.at.file, i % 2);
    }
    assert_int_equal(source_next(s, &p), 0);
    (void)source_free(s);
}

/* More files than descriptors: no more are open than overlap in time. */
static void test_many_files(void **state)
{
    (void)state;
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    struct rlimit few = {.rlim_cur = 24, .rlim_max = before.rlim_max};
    assert_int_equal(mkdir(in_folder("many"), 0700), 0);
    for (uint32_t i = 0; i < 100; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "many/%03u", 99 - i);
        write_pcap(name, (const uint32_t[]){10 * i + 1, 10 * i + 15}, 2);
    }
    const char *path = in_folder("many");
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    struct source *s = open_or_fail(&path, 1, NULL);
    struct packet p;
    int64_t last = 0;
    size_t count = 0;
    while (source_next(s, &p) == 1) {
        assert_true(p.at.ns >= last);
        last = p.at.ns;
        count++;
    }
    assert_int_equal(count, 200);
    (void)source_free(s);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

static void test_standard_input(void **state)
{
    (void)state;
    int saved = dup(STDIN_FILENO);
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    struct octets o = {0};
    put_pcap(&o, 1, (const uint32_t[]){1, 2, 3}, 3);
    assert_int_equal(write(ends[1], o.at, o.len), o.len);
    assert_int_equal(close(ends[1]), 0);
    assert_int_equal(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
    const char *path = "-";
    struct source *s = open_or_fail(&path, 1, NULL);
    assert_string_equal(source_file_name(s, 0), "-");
    assert_int_equal(drain(s), 3);
    assert_int_equal(source_counts(s)->octets_total, 0);
    (void)source_free(s);
    assert_int_equal(fcntl(STDIN_FILENO, F_GETFD), 0); /* not ours to close */
    if (saved >= 0) {
        (void)dup2(saved, STDIN_FILENO);
        (void)close(saved);
    }
    (void)close(ends[0]);
    octets_done(&o);
}

static void test_filter(void **state)
{
    (void)state;
    static const uint8_t udp[28] = {
        0x45, [3] = 28, [8] = 64, [9] = 17, [12] = 10, [19] = 1, [21] = 53, [23] = 88};
    static const uint8_t tcp[28] = {0x45, [3] = 28, [8] = 64, [9] = 6, [12] = 10, [19] = 1};
    static const uint32_t links[] = {101, 12, 228};
    for (size_t i = 0; i < COUNT_OF(links); i++) {
        struct octets o = {0};
        put_pcap_header(&o, false, 0xa1b2c3d4, links[i]);
        put_pcap_record(&o, false, (struct record){1, 0, tcp, 28, 28});
        put_pcap_record(&o, false, (struct record){2, 0, udp, 28, 28});
        put_pcap_record(&o, false, (struct record){3, 0, tcp, 28, 28});
        const char *paths[2] = {write_file("filtered", o.at, o.len), NULL};
        paths[1] = paths[0];
        for (size_t count = 1; count <= 2; count++) {
            struct source *s = open_or_fail(paths, count, "udp port 88");
            struct packet p;
            for (size_t n = 1; n <= count; n++) {
                assert_int_equal(source_next(s, &p), 1);
                assert_int_equal(p.at.packet, 2);
                assert_int_equal(p.at.order, n);
            }
            assert_int_equal(source_next(s, &p), 0);
            assert_int_equal(source_counts(s)->packets, count);
            assert_int_equal(source_counts(s)->filtered, 2 * count);
            (void)source_free(s);
        }
        octets_done(&o);
    }
}

static void write_no_captures(void)
{
    struct octets o = {0};
    put_pcap(&o, 147, (const uint32_t[]){1}, 1);
    (void)write_file("e-link", o.at, o.len);
    octets_done(&o);
    put_section(&o, false);
    put_interface(&o, false, 148, -1, 0);
    put_enhanced(&o, false, 0, 1, (struct record){.data = "a", .len = 1, .wire_len = 1});
    (void)write_file("e-linkng", o.at, o.len);
    octets_done(&o);
    put(&o, "text in gzip", 12);
    struct octets packed = gzipped(&o);
    (void)write_file("e-gz", packed.at, packed.len);
    (void)write_file("e-gzcut", packed.at, 11);
    octets_done(&packed);
    octets_done(&o);
    write_pcap("e-good", (const uint32_t[]){1}, 1);
    (void)write_file("e-text", "Frame 1: 60 bytes on wire\n", 26);
    (void)write_file("e-binary", "\1\2\3\4\5\6\7\10\11\12", 10);
    (void)write_file("e-netmon", "GMBU\0\2\1\0", 8);
    (void)write_file("e-zip", "PK\3\4\24\0\0\0", 8);
    (void)write_file("e-empty", "", 0);
    (void)write_file("e-cut", "\xd4\xc3\xb2\xa1\2\0\4\0\0\0", 10);
    assert_int_equal(mkdir(in_folder("e-dir"), 0700), 0);
}

static void test_error_lines(void **state)
{
    (void)state;
    write_no_captures();
    static const struct {
        const char *name, *filter;
        int result;
        const char *says[3];
    } cases[] = {
        {"nowhere.pcap",
         NULL,
         -ENOENT,
         {"nowhere.pcap: cannot be opened", "No such file", "check the path"}},
        {"e-dir", NULL, -ENOENT, {"e-dir: no captures in this directory", "give", "pcap"}},
        {"e-text", NULL, -EBADMSG, {"e-text: not a capture", "looks like text", "give a pcap"}},
        {"e-binary", NULL, -EBADMSG, {"e-binary: not a capture:", "give a pcap", "zstd"}},
        {"e-gz", NULL, -EBADMSG, {"e-gz: not a capture", "text", "inside its compression"}},
        {"e-netmon", NULL, -EBADMSG, {"e-netmon: not", "Network Monitor", "editcap"}},
        {"e-zip", NULL, -EBADMSG, {"e-zip: not", "zip archive", "unpack"}},
        {"e-empty", NULL, -EBADMSG, {"e-empty: the file is empty", "record it again", ""}},
        {"e-cut",
         NULL,
         -ENODATA,
         {"e-cut: cut inside the file header", "after 10 octets", "again"}},
        {"e-link",
         NULL,
         -EPROTONOSUPPORT,
         {"e-link: link type 147 (USER0)", "cannot be decoded", "Ethernet"}},
        {"e-linkng", NULL, -EPROTONOSUPPORT, {"e-linkng: link type 148 (USER1)", "", ""}},
        {"e-good",
         "tcp port frog",
         -EINVAL,
         {"bad filter \"tcp port frog\"", "frog", "pcap-filter(7)"}},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const char *path = in_folder(cases[i].name);
        struct source_options options = {.filter = cases[i].filter};
        char error[SOURCE_ERROR] = "";
        struct source *s = NULL;
        assert_int_equal(source_open(&path, 1, &options, error, &s), cases[i].result);
        print_message("%s\n", error);
        assert_null(s);
        assert_null(strchr(error, '\n'));
        for (size_t n = 0; n < 3; n++) {
            assert_non_null(strstr(error, cases[i].says[n]));
        }
    }
    char error[SOURCE_ERROR];
    struct source *s = NULL;
    assert_int_equal(source_open(NULL, 0, NULL, error, &s), -EINVAL);
    assert_null(source_free(NULL));
}

static void test_unreadable(void **state)
{
    (void)state;
    write_pcap("secret", (const uint32_t[]){1}, 1);
    const char *path = in_folder("secret");
    assert_int_equal(chmod(path, 0), 0);
    char error[SOURCE_ERROR] = "";
    struct source *s = NULL;
    if (geteuid() == 0) {
        assert_int_equal(chmod(folder, 0755), 0);
        assert_int_equal(seteuid(65534), 0);
    }
    int result = source_open(&path, 1, NULL, error, &s);
    (void)seteuid(getuid());
    assert_int_equal(result, -EACCES);
    assert_non_null(strstr(error, "let this user read it"));
}

/* A file that vanishes between the first look and its turn is an error of source_next. */
static void test_vanished(void **state)
{
    (void)state;
    write_pcap("stays", (const uint32_t[]){1}, 1);
    write_pcap("goes", (const uint32_t[]){2}, 1);
    const char *paths[] = {in_folder("stays"), in_folder("goes")};
    struct source *s = open_or_fail(paths, 2, NULL);
    assert_int_equal(unlink(paths[1]), 0);
    struct packet p;
    assert_int_equal(source_next(s, &p), 1);
    assert_int_equal(source_next(s, &p), -ENOENT);
    assert_non_null(strstr(source_error(s), "goes: cannot be opened"));
    assert_int_equal(source_next(s, &p), 0);
    (void)source_free(s);
}

static int set_up(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL ? -1 : 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
    (void)st;
    (void)type;
    (void)where;
    return remove(path);
}

static int tear_down(void **state)
{
    (void)state;
    return nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pcap_kinds),
        cmocka_unit_test(test_pcapng_clocks),
        cmocka_unit_test(test_pcapng_blocks),
        cmocka_unit_test(test_every_cut),
        cmocka_unit_test(test_damaged_records),
        cmocka_unit_test(test_blocks_outlive_the_source),
        cmocka_unit_test(test_blocks_are_used_again),
        cmocka_unit_test(test_compressions),
        cmocka_unit_test(test_merge),
        cmocka_unit_test(test_single_file_keeps_its_order),
        cmocka_unit_test(test_directory),
        cmocka_unit_test(test_many_files),
        cmocka_unit_test(test_standard_input),
        cmocka_unit_test(test_filter),
        cmocka_unit_test(test_error_lines),
        cmocka_unit_test(test_unreadable),
        cmocka_unit_test(test_vanished),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
