/*
 * evidence.h - for each finding a small capture that Wireshark opens: the packets it cites, each
 * with a comment that says what it shows, and the handshakes of their connections.
 *
 * The inputs are read again, twice: which connections the cited packets belong to, then the
 * packets. So they must be files; or, live, packets that were kept.
 *
 * Spec:   draft-ietf-opsawg-pcapng (blocks of little-endian order, times in ns).
 * Errors: 0 or a negative errno, with one line in `error`.
 * Limits: LIMIT_EVIDENCE_FILE for each file, LIMIT_EVIDENCE_OCTETS for all; what they cost is
 * counted.
 */
#ifndef ROLECALL_REPORTS_EVIDENCE_H
#define ROLECALL_REPORTS_EVIDENCE_H

#include "capture/source.h"
#include "policy/audit.h"
#include "reports/pins.h"

struct evidence_request {
    const char *const *inputs; /* as they were audited */
    size_t input_count;
    const struct source *source; /* of the audit, for names of files */
    const char *filter;          /* likewise; NULL: none */
    const struct pins *pins;     /* live: the packets, instead of inputs; NULL: inputs */
    const char *folder;          /* which is there; files are named by the finding's id */
};

struct evidence_counts {
    size_t files, packets;
    size_t left_out; /* cited packets: a limit was reached, or they were not there any more */
};

#define EVIDENCE_ERROR (SOURCE_ERROR + 64)
/* Whether the inputs can be read again: neither standard input nor pipes. */
bool evidence_is_possible(const char *const *inputs, size_t count);
int evidence_write(const struct evidence_request *request, const struct audit *audit,
                   char error[EVIDENCE_ERROR], struct evidence_counts *ret) MUST_USE;

#endif
