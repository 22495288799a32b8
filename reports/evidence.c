#include "reports/evidence.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "reports/finding_view.h"
#include "reports/pcapng.h"

struct shown { /* a packet as it stands in the file */
    const struct kept_packet *packet;
    const json_t *row; /* of the finding's evidence; NULL: of a handshake */
    bool leads;        /* up to the one that the row cites */
    unsigned which;    /* of a handshake */
    size_t place;
};

#define SHOWN_OF_ROW (1 + HANDSHAKE_PACKETS + LEAD_PACKETS)
#define SHOWN_MOST (LIMIT_EVIDENCE * SHOWN_OF_ROW)

struct writing {
    const struct document *document;
    const struct cited_packets *packets;
    const char *folder;
    char *error;
    struct evidence_counts counts;
};

/* ---- what is cited ---- */

static uint32_t file_of(const json_t *row)
{
    return (uint32_t)member_number(row, "file_index");
}

static const struct cited_packet *cited_by(const struct cited_packets *packets, const json_t *row)
{
    return packets == NULL
               ? NULL
               : cited_packets_find(packets, file_of(row), member_number(row, "packet"));
}

bool evidence_ask(struct cited_packets *packets, const struct document *d)
{
    bool kept = true;
    for (size_t f = 0; f < d->findings.count && kept; f++) {
        const json_t *rows = member_at(d->findings.at[f], "evidence");
        for (size_t i = 0; i < json_array_size(rows) && kept; i++) {
            const json_t *row = json_array_get(rows, i);
            kept = cited_packets_ask(packets, file_of(row), member_number(row, "packet"));
        }
    }
    return kept;
}

void evidence_link(struct document *d, const struct cited_packets *packets)
{
    for (size_t f = 0; f < d->findings.count; f++) {
        json_t *finding = d->findings.at[f];
        const json_t *rows = member_at(finding, "evidence");
        bool written = false;
        for (size_t i = 0; i < json_array_size(rows) && !written; i++) {
            const struct cited_packet *cited = cited_by(packets, json_array_get(rows, i));
            written = cited != NULL && cited->packet != NULL;
        }
        if (written) {
            (void)json_object_set_new(
                finding, "evidence_file",
                json_sprintf(EVIDENCE_FOLDER "/%s.pcapng", member_or_empty(finding, "id")));
        } else {
            (void)json_object_del(finding, "evidence_file");
        }
    }
}

/* ---- comments ---- */

static int by_order(const void *left, const void *right)
{
    const struct shown *x = left, *y = right;
    if (x->packet->order != y->packet->order) {
        return x->packet->order < y->packet->order ? -1 : 1;
    }
    /* What a cited packet shows comes before what it is. */
    int by = (x->row == NULL) - (y->row == NULL);
    by = by != 0 ? by : x->leads - y->leads;
    return by != 0 ? by : (x->place > y->place) - (x->place < y->place);
}

static void comment_on(struct output *text, const struct finding_view *f, const struct shown *s)
{
    static const char *const steps[HANDSHAKE_PACKETS] = {
        "opens the connection (SYN)", "answers it (SYN, ACK)", "completes the handshake (ACK)"};
    const char *hex = s->row == NULL ? NULL : member_text(s->row, "hex");
    uint64_t in = member_number(s->row, "hex_packet");
    output_text(text, "rolecall ");
    escaped_text(text, f->code, "", SIZE_MAX);
    output_text(text, ": ");
    if (s->leads) {
        output_format(text, "leads up to packet %" PRIu64 " of the capture",
                      member_number(s->row, "packet"));
    } else {
        escaped_text(text, s->row == NULL ? steps[s->which] : member_or_empty(s->row, "says"), "",
                     SIZE_MAX);
    }
    if (hex != NULL && (s->leads ? in == s->packet->packet.at.packet : in == 0)) {
        output_text(text, "\n");
        escaped_text(text, member_or_empty(s->row, "hex_of"), "", SIZE_MAX);
        output_format(
            text, " from octet %" PRIu64 " of the frame on: ", member_number(s->row, "hex_offset"));
        escaped_text(text, hex, "", SIZE_MAX);
    }
}

/* ---- files ---- */

/* The base name of an input of the audit. */
static const char *input_name(const struct document *d, uint32_t file)
{
    const char *path = member_text(json_array_get(member_at(d->audit, "files"), file), "file");
    const char *slash = path == NULL ? NULL : strrchr(path, '/');
    return path == NULL ? "" : slash == NULL ? path : slash + 1;
}

static uint32_t interface_of(struct output *out, const struct writing *w,
                             const struct kept_packet *k,
                             const struct kept_packet *known[SHOWN_MOST])
{
    uint32_t i = 0;
    for (; known[i] != NULL; i++) {
        if (known[i]->packet.at.file == k->packet.at.file &&
            known[i]->packet.link_type == k->packet.link_type) {
            return i;
        }
    }
    pcapng_interface(out, k->packet.link_type, input_name(w->document, k->packet.at.file));
    known[i] = k;
    return i;
}

/* Packets that come twice have all their comments in one. */
static void write_packets(struct output *out, struct writing *w, const struct finding_view *f,
                          struct shown *all, size_t count)
{
    const struct kept_packet *known[SHOWN_MOST + 1] = {NULL};
    size_t octets = 0;
    for (size_t i = 0, n = 0; i < count; i += n) {
        struct output *text = output_to_memory();
        const struct kept_packet *k = all[i].packet;
        for (n = 0; text != NULL && i + n < count && all[i + n].packet->order == k->order; n++) {
            if (n == 0 || (all[i + n].row != NULL && all[i + n - 1].row != all[i + n].row)) {
                output_text(text, n == 0 ? "" : "\n");
                comment_on(text, f, &all[i + n]);
            }
        }
        n = n == 0 ? 1 : n;
        octets += k->packet.data.len;
        if (text == NULL || octets > LIMIT_EVIDENCE_FILE) {
            w->counts.left_out++;
        } else {
            size_t len = 0;
            output_octets(text, "", 1);
            pcapng_packet(out, &(struct pcapng_packet){.interface = interface_of(out, w, k, known),
                                                       .ns = k->packet.at.ns,
                                                       .data = k->packet.data,
                                                       .wire_len = k->packet.wire_len,
                                                       .comment = output_memory(text, &len)});
            w->counts.packets++;
        }
        output_drop(text);
    }
}

/* Ids are of our own making, and of an older store's: no path leads out of the folder. */
static bool is_name(const char *id)
{
    return *id != '\0' && strlen(id) == strspn(id, "0123456789abcdef");
}

static int write_file(struct writing *w, const struct finding_view *f, struct shown *all,
                      size_t count)
{
    char path[4096], comment[400];
    struct output *out = NULL;
    if (!is_name(f->id)) {
        return 0;
    }
    (void)snprintf(path, sizeof path, "%s/%s.pcapng", w->folder, f->id);
    int failed = output_open(path, &out);
    if (failed == 0) {
        (void)snprintf(comment, sizeof comment, "rolecall finding %s: %s %s", f->id, f->code,
                       f->title);
        pcapng_section(out, comment);
        write_packets(out, w, f, all, count);
        failed = output_close(out);
    }
    if (failed < 0) {
        (void)snprintf(w->error, EVIDENCE_ERROR, "%s: cannot write: %s", path, strerror(-failed));
    }
    w->counts.files += failed == 0;
    return failed;
}

/* A cited packet with what belongs to it; how many. */
static size_t show_row(const struct cited_packet *cited, const json_t *row, size_t place,
                       struct shown *ret)
{
    size_t n = 0;
    ret[n++] = (struct shown){.packet = cited->packet, .row = row, .place = place};
    for (unsigned i = 0; i < cited->lead_count; i++) {
        ret[n++] =
            (struct shown){.packet = cited->lead[i], .row = row, .leads = true, .place = place};
    }
    for (unsigned i = 0; i < HANDSHAKE_PACKETS; i++) {
        if (cited->handshake[i] != NULL) {
            ret[n++] = (struct shown){.packet = cited->handshake[i], .which = i, .place = place};
        }
    }
    return n;
}

static int write_finding(struct writing *w, const struct finding_view *f)
{
    const json_t *rows = member_at(f->record, "evidence");
    struct shown all[SHOWN_MOST];
    size_t n = 0;
    for (size_t i = 0; i < json_array_size(rows) && i < LIMIT_EVIDENCE; i++) {
        const json_t *row = json_array_get(rows, i);
        const struct cited_packet *cited = cited_by(w->packets, row);
        if (cited == NULL || cited->packet == NULL) {
            w->counts.left_out++;
        } else {
            n += show_row(cited, row, i, all + n);
        }
    }
    qsort(all, n, sizeof *all, by_order);
    return n == 0 ? 0 : write_file(w, f, all, n);
}

int evidence_write(const struct document *d, const struct cited_packets *packets,
                   const char *folder, char error[EVIDENCE_ERROR], struct evidence_counts *ret)
{
    struct writing w = {.document = d, .packets = packets, .folder = folder, .error = error};
    int failed = 0;
    for (size_t i = 0; i < d->findings.count && failed == 0; i++) {
        const struct finding_view f = finding_view(d, i);
        failed = write_finding(&w, &f);
    }
    *ret = w.counts;
    return failed;
}
