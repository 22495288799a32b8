#include "capture/source_reader.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>

#include "capture/decode.h"

/* What people hand over in place of a capture. */
static const struct {
    const char *magic;
    size_t len;
    const char *is, *mend;
} others[] = {
    {"snoop\0\0\0", 8, "a Solaris snoop capture", "convert it: editcap -F pcapng IN OUT"},
    {"GMBU", 4, "a Microsoft Network Monitor capture", "convert it: editcap -F pcapng IN OUT"},
    {"RTSS", 4, "a Microsoft Network Monitor capture", "convert it: editcap -F pcapng IN OUT"},
    {"PK\3\4", 4, "a zip archive", "unpack it first"},
    {"BZh", 3, "bzip2", "unpack it first"},
    {"\xfd"
     "7zXZ",
     5, "xz", "unpack it first"},
    {"\x04\x22\x4d\x18", 4, "lz4", "unpack it first"},
};

static bool looks_like_text(struct bytes head)
{
    for (size_t i = 0; i < head.len && i < 64; i++) {
        uint8_t c = head.at[i];
        if (c == 0x7f || (c < 0x20 && c != '\t' && c != '\n' && c != '\r' && c != '\f')) {
            return false;
        }
    }
    return true;
}

static int not_a_capture(const struct reader *r, const char *path, char error[SOURCE_ERROR])
{
    struct bytes head = feed_window(&r->feed);
    const char *inside = r->feed.inflation != NULL ? " inside its compression" : "";
    if (head.len == 0) {
        (void)snprintf(error, SOURCE_ERROR,
                       "%s: the file is empty%s: record it again, or leave it out", path, inside);
        return -EBADMSG;
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (bytes_has_prefix(head, others[i].magic, others[i].len)) {
            (void)snprintf(error, SOURCE_ERROR, "%s: not a pcap or pcapng capture but %s%s: %s",
                           path, others[i].is, inside, others[i].mend);
            return -EBADMSG;
        }
    }
    (void)snprintf(error, SOURCE_ERROR,
                   "%s: not a capture%s%s: give a pcap or pcapng file, plain, gzip or zstd", path,
                   looks_like_text(head) ? " (looks like text)" : "", inside);
    return -EBADMSG;
}

static void name_link(uint32_t link_type, char text[32])
{
    const char *name = pcap_datalink_val_to_name((int)link_type);
    if (link_type >= 147 && link_type <= 162) { /* for private use; libpcap leaves them nameless */
        (void)snprintf(text, 32, "USER%u", link_type - 147);
    } else {
        (void)snprintf(text, 32, "%s", name != NULL ? name : "no name");
    }
}

/* -EPROTONOSUPPORT where no frame of this file could be decoded. Of a pcapng file's interfaces one
 * that is known is enough: frames of the others are delivered and counted as not decoded. */
static int check_link(const struct reader *r, const char *path, char error[SOURCE_ERROR])
{
    bool pcap = r->record_header != 0;
    const struct reader_interface *all = pcap ? &r->only : r->interfaces;
    uint32_t count = pcap ? 1 : r->interface_count;
    for (uint32_t i = 0; i < count; i++) {
        if (decode_knows_link(all[i].link_type)) {
            return 0;
        }
    }
    if (count == 0) {
        return 0; /* pcapng without an interface, and so without packets */
    }
    char name[32];
    name_link(all[0].link_type, name);
    (void)snprintf(error, SOURCE_ERROR,
                   "%s: link type %u (%s) cannot be decoded: record on an Ethernet, cooked, PPP or "
                   "raw IP interface",
                   path, all[0].link_type, name);
    return -EPROTONOSUPPORT;
}

static int open_format(struct reader *r, const char *path, char error[SOURCE_ERROR])
{
    (void)feed_need(&r->feed, 4);
    int taken = r->feed.error != 0 ? r->feed.error : reader_try_pcap(r);
    if (taken == 0) {
        taken = reader_try_pcapng(r);
    }
    if (taken == 0 && r->feed.cut && feed_window(&r->feed).len < 4) {
        taken = -ENODATA;
    }
    if (taken == -ENODATA) {
        size_t left = feed_window(&r->feed).len;
        (void)snprintf(error, SOURCE_ERROR,
                       "%s: cut inside the file header, after %zu octets: copy or record it again",
                       path, left);
        return -ENODATA;
    }
    if (r->feed.error != 0) {
        (void)snprintf(error, SOURCE_ERROR, "%s: cannot be read: %s", path,
                       strerror(-r->feed.error));
        return r->feed.error;
    }
    return taken > 0 ? 0 : not_a_capture(r, path, error);
}

int reader_open(struct reader *r, const struct reader_origin *origin, struct chunk_pool *pool,
                struct source_counts *counts, char error[SOURCE_ERROR])
{
    *r = (struct reader){.counts = counts, .file = origin->file};
    int result =
        feed_open(&r->feed, origin->fd, pool, origin->step, &counts->octets_read, origin->spool);
    if (result != 0) {
        (void)snprintf(error, SOURCE_ERROR, "%s: cannot be read: %s", origin->path,
                       strerror(-result));
    } else {
        r->feed.stop = origin->stop;
        result = open_format(r, origin->path, error);
    }
    if (result == 0) {
        r->head_answer = r->next(r, &r->head);
        r->has_head = true;
        result = check_link(r, origin->path, error);
    }
    if (result != 0) {
        reader_close(r);
    }
    return result;
}

void reader_close(struct reader *r)
{
    feed_close(&r->feed);
    free(r->interfaces);
    r->interfaces = NULL;
}
