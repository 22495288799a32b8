/*
 * evidence.h - for each finding of a document a small capture that Wireshark opens: the packets it
 * cites, each with a comment that says what it shows and which octets decide, and the handshakes of
 * their connections.
 *
 * Spec:   draft-ietf-opsawg-pcapng (blocks of little-endian order, times in ns).
 * Errors: 0 or a negative errno, with one line in `error`.
 * Limits: LIMIT_EVIDENCE_FILE for each file; what it costs is counted.
 */
#ifndef ROLECALL_REPORTS_EVIDENCE_H
#define ROLECALL_REPORTS_EVIDENCE_H

#include "reports/document.h"
#include "reports/evidence_packets.h"

/* Beside the report; files are named by the finding's id. */
#define EVIDENCE_FOLDER "evidence"

struct evidence_counts {
    size_t files, packets;
    size_t left_out; /* cited packets: a limit was reached, or they were not there any more */
};

/* Asks for every packet that the document cites. False: out of memory. */
bool evidence_ask(struct cited_packets *packets, const struct document *d) MUST_USE;
/* Findings of which a capture is going to be written say so (`evidence_file`), the others do not.
 * `packets` NULL: none is. */
void evidence_link(struct document *d, const struct cited_packets *packets);
/* Into `folder`, which is there. */
int evidence_write(const struct document *d, const struct cited_packets *packets,
                   const char *folder, char error[EVIDENCE_ERROR],
                   struct evidence_counts *ret) MUST_USE;

#endif
