/*
 * source.h - packets from files, directories and standard input, as one timeline; or of interfaces,
 * live.
 *
 * Reads pcap (both byte orders, micro- and nanoseconds) and pcapng (several interfaces, each with
 * its own link type and clock), plain, gzip or zstd, found out by content. Many inputs are merged
 * by time; packet numbers stay those of their file. Specification: draft-ietf-opsawg-pcap, -pcapng.
 *
 * Owner:  the caller frees with source_free. A packet's data is valid while its block is held; the
 * source itself holds the block until the next call. Errors: 0 or a negative errno, and one line in
 * `error`: what, where, how to mend it. A capture that is cut short is no error: the packets before
 * the cut are delivered and `truncated` counts it.
 */
#ifndef ROLECALL_CAPTURE_SOURCE_H
#define ROLECALL_CAPTURE_SOURCE_H

#include <signal.h>

#include "capture/attributes.h"
#include "capture/packet.h"

struct source;
struct keeper;
struct spool; /* spool.h */

#define SOURCE_ERROR 512 /* octets of an error line */

struct source_options {
    const char *filter; /* BPF expression applied to each frame, or NULL */
    /* Not 0: an input that keeps us waiting ends here. A signal handler may set it. NULL: none. */
    const volatile sig_atomic_t *stop;
    struct spool *spool;   /* where standard input is kept as well; NULL: nowhere */
    bool live;             /* the paths are names of network interfaces */
    struct keeper *keeper; /* live: keeps the packets for a while; NULL: nobody does */
    size_t buffer;         /* live: octets of the kernel's ring of each */
};

struct source_counts {
    uint64_t packets, bytes;  /* delivered; bytes on the wire */
    uint64_t filtered;        /* held back by the BPF filter */
    uint64_t truncated_files; /* inputs that end inside a record */
    uint64_t snapped;         /* packets captured shorter than they were on the wire */
    uint64_t
        dropped; /* drops that the capture file itself reports (pcapng statistics), or the kernel */
    uint64_t clock_steps;      /* live: how often the clock was put forward or back */
    int64_t clock_step_ns;     /* and by how much, the last time */
    unsigned load;             /* live: thousandths of the fullest ring that wait in it */
    uint64_t card_dropped;     /* live: of these, by the interface itself */
    uint64_t interface_losses; /* live: how often an interface went away or down */
    int64_t first_ns, last_ns;
    uint64_t octets_read, octets_total; /* of the files, for progress; total 0 when not known */
};

/* Opens every path: a file, a directory (all captures directly in it, by name), or "-". */
int source_open(const char *const *paths, size_t count, const struct source_options *options,
                char error[SOURCE_ERROR], struct source **ret_source) MUST_USE;
/* source_next: live, nothing came for a while; the packet is none, its `at` tells the time. */
#define SOURCE_IDLE 2
/* 1 and a packet; 0 at the end; negative errno when an input cannot be read on (see source_error).
 */
int source_next(struct source *s, struct packet *ret_packet) MUST_USE;
const struct source_counts *source_counts(const struct source *s);
size_t source_files(const struct source *s);
const char *source_file_name(const struct source *s,
                             uint32_t file); /* base name; "-" for standard input; NULL: live */
const char *source_file_path(const struct source *s, uint32_t file);
struct source *source_free(struct source *s);     /* NULL is fine; returns NULL */
const char *source_error(const struct source *s); /* why source_next failed */

#endif
