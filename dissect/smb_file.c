/*
 * smb_file.c - named pipes by name; and files, those that an audit asks for and, where the user
 * wants them, all: what was opened on a share, how that ended, and how much of it moved.
 *
 * A file is named by its FileId once it is open. Until then, and in a compound that goes on with a
 * file it just opened ([MS-SMB2] 3.2.4.1.4), it is named by the message that opens it.
 */
#include "dissect/smb.h"

#include "dissect/nt_status.h"

struct smb_open {
    struct smb_open *next;
    struct observation *draft; /* NULL: a free row */
    struct smb_file file;
    uint64_t message, closing;
    unsigned use; /* tells whom the row serves, for those who remember it */
    bool open, is_pipe, closes, listed;
    uint64_t read, written;
    struct stamp first;
    int64_t last_ns;
};

static struct smb_open *to_front(struct smb_state *s, struct smb_open **link)
{
    struct smb_open *row = *link;
    *link = row->next;
    row->next = s->opens;
    s->opens = row;
    return row;
}

static void send_row(struct dissection *dx, struct smb_open *row, enum dir dir)
{
    struct observation *o = row->draft;
    if (o != NULL && row->first.order != 0) {
        observation_num(o, FACT_SMB_READ_BYTES, row->read);
        observation_num(o, FACT_SMB_WRITTEN_BYTES, row->written);
        observation_num(o, FACT_SMB_FIRST, (uint64_t)row->first.ns);
        observation_num(o, FACT_SMB_LAST, (uint64_t)row->last_ns);
        observation_stamp(o, FACT_SMB_FIRST_PACKET, &row->first);
    }
    if (o != NULL && row->listed) {
        observation_bool(o, FACT_SMB_LISTED, true);
    }
    dissection_send(dx, o, dir);
    *row = (struct smb_open){.next = row->next, .use = row->use + 1};
}

/* A row at the front: a free one, a new one, or that which was used longest ago. */
static struct smb_open *take(struct dissection *dx, struct smb_state *s)
{
    struct smb_open **last = NULL;
    for (struct smb_open **link = &s->opens; *link != NULL; link = &(*link)->next) {
        last = link;
        if ((*link)->draft == NULL) {
            return to_front(s, link);
        }
    }
    if (s->open_count < LIMIT_SMB_FILES) {
        struct smb_open *row = arena_alloc(dissection_arena(dx), sizeof *row);
        if (row != NULL) {
            row->next = s->opens;
            s->opens = row;
            s->open_count++;
        }
        return row;
    }
    dissection_anomaly(dx, "smb.file_limit");
    struct smb_open *row = to_front(s, last);
    send_row(dx, row, DIR_CLIENT);
    return row;
}

/* ---- what an audit is told ---- */

/* The name's letters and digits at `at`, without regard to case; names are UTF-16 or octets. */
static bool letters_are(struct bytes name, bool unicode, size_t at, const char *wanted)
{
    size_t width = unicode ? 2 : 1, len = strlen(wanted);
    if (at + len > name.len / width) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        const uint8_t *letter = name.at + (at + i) * width;
        int lower = letter[0] >= 'A' && letter[0] <= 'Z' ? letter[0] + 32 : letter[0];
        if (lower != wanted[i] || (unicode && letter[1] != 0)) {
            return false;
        }
    }
    return true;
}

static bool name_ends(struct bytes name, bool unicode, const char *end)
{
    size_t letters = name.len / (unicode ? 2 : 1), len = strlen(end);
    return letters >= len && letters_are(name, unicode, letters - len, end);
}

/* "DataLib", and what lies in it, but not deeper: one name a package. */
static bool is_content_list(struct bytes name, bool unicode)
{
    size_t width = unicode ? 2 : 1;
    unsigned parts = 0;
    if (!letters_are(name, unicode, 0, "datalib")) {
        return false;
    }
    for (size_t i = 0; i + width <= name.len; i += width) {
        parts += name.at[i] == '\\' && (!unicode || name.at[i + 1] == 0);
    }
    return parts <= 1;
}

static bool is_share(const struct smb_tree *tree, const char *share)
{
    size_t len = strlen(share), whole = tree == NULL || tree->path == NULL ? 0 : strlen(tree->path);
    return whole > len && tree->path[whole - len - 1] == '\\' &&
           strcasecmp(tree->path + whole - len, share) == 0;
}

/* An audit asks who opens task sequence variables (R067) and the list of a distribution point's
 * content (R066), and what crosses readable of keys, task sequences and backups (R063). Such files
 * are few; other names are stated where the user asked for them. */
static bool is_telling(const struct smb_tree *tree, const struct smb_opening *opening)
{
    static const char *const ends[] = {".pfx", ".p12", ".ts", ".bak", ".mdf"};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        if (name_ends(opening->name, opening->unicode, ends[i])) {
            return true;
        }
    }
    return is_share(tree, "REMINST") ||
           (is_share(tree, "SCCMContentLib$") && is_content_list(opening->name, opening->unicode));
}

static bool is_wanted(const struct dissection *dx, const struct smb_tree *tree,
                      const struct smb_opening *opening, bool is_pipe)
{
    if (is_pipe) { /* R065 asks for the remote registry's */
        return dissection_details(dx) ||
               (dissection_audited(dx) && name_ends(opening->name, opening->unicode, "winreg"));
    }
    return dissection_paths(dx) || (dissection_audited(dx) && is_telling(tree, opening));
}

bool smb_files_matter(const struct dissection *dx)
{
    return dissection_paths(dx) || dissection_audited(dx);
}

/* ---- a file's life ---- */

void smb_file_open(struct dissection *dx, struct smb_state *s, const struct smb_opening *opening)
{
    const struct smb_tree *tree = smb_tree_find(s, opening->session, opening->tree);
    const char *type = tree == NULL ? NULL : tree->share_type;
    bool is_pipe = type != NULL && strcmp(type, "pipe") == 0;
    if (!is_wanted(dx, tree, opening, is_pipe)) {
        return;
    }
    struct smb_open *row = take(dx, s);
    struct observation *o = row == NULL ? NULL : smb_record(dx, is_pipe ? "pipe" : "file");
    if (o == NULL) {
        return;
    }
    row->draft = o;
    row->is_pipe = is_pipe;
    row->message = opening->message;
    observation_string(o, FACT_SMB_PATH, tree == NULL ? NULL : tree->path);
    observation_string(o, FACT_SMB_SHARE_TYPE, type);
    smb_state_session(o, opening->session);
    if (opening->unicode) { /* nothing: the share's own folder */
        observation_utf16le(o, FACT_SMB_NAME, opening->name);
    } else {
        observation_utf8(o, FACT_SMB_NAME, opening->name);
    }
    observation_stamp(o, FACT_SMB_REQUEST_PACKET, dissection_at(dx));
}

void smb_file_opened(struct dissection *dx, struct smb_state *s, const struct smb_opened *opened)
{
    /* [MS-SMB2] 2.2.14, [MS-CIFS] 2.2.4.64.2: CreateAction */
    static const char *const actions[] = {"superseded", "opened", "created", "overwritten"};
    struct smb_open *row = s->opens;
    while (row != NULL && (row->draft == NULL || row->open || row->message != opened->message)) {
        row = row->next;
    }
    if (row == NULL) {
        return;
    }
    smb_state_status(row->draft, opened->status);
    observation_stamp(row->draft, FACT_SMB_RESPONSE_PACKET, dissection_at(dx));
    if (opened->status == NT_STATUS_SUCCESS &&
        opened->action < sizeof actions / sizeof actions[0]) {
        observation_string(row->draft, FACT_SMB_ACTION, actions[opened->action]);
    }
    row->open = true;
    row->file = opened->file;
    if (opened->status != NT_STATUS_SUCCESS || row->is_pipe) {
        send_row(dx, row, DIR_SERVER);
    }
}

/* The row of a file, or of what `opening` opens where the file is the one that a compound just
 * named. */
static struct smb_open *find(struct smb_state *s, struct smb_file file, uint64_t opening)
{
    bool related = file.high == UINT64_MAX && file.low == UINT64_MAX;
    for (struct smb_open **link = &s->opens; *link != NULL; link = &(*link)->next) {
        const struct smb_open *row = *link;
        bool same = row->file.high == file.high && row->file.low == file.low;
        if (row->draft != NULL && (related ? row->message == opening : row->open && same)) {
            return to_front(s, link);
        }
    }
    return NULL;
}

struct smb_open *smb_file_find(struct smb_state *s, struct smb_file file, uint64_t opening,
                               unsigned *ret_use)
{
    struct smb_open *row = find(s, file, opening);
    *ret_use = row == NULL ? 0 : row->use;
    return row;
}

void smb_file_moved(struct dissection *dx, struct smb_open *row, unsigned use, uint64_t octets,
                    bool written)
{
    if (row == NULL || row->use != use || row->draft == NULL || octets == 0) {
        return;
    }
    *(written ? &row->written : &row->read) += octets;
    if (row->first.order == 0) {
        row->first = *dissection_at(dx);
    }
    row->last_ns = dissection_at(dx)->ns;
}

void smb_file_list(struct smb_state *s, struct smb_file file, uint64_t opening)
{
    struct smb_open *row = find(s, file, opening);
    if (row != NULL) {
        row->listed = true;
    }
}

void smb_file_close(struct smb_state *s, struct smb_file file, uint64_t opening, uint64_t message)
{
    struct smb_open *row = find(s, file, opening);
    if (row != NULL) {
        row->closes = true;
        row->closing = message;
    }
}

void smb_file_closed(struct dissection *dx, struct smb_state *s, uint64_t message)
{
    for (struct smb_open *row = s->opens; row != NULL; row = row->next) {
        if (row->draft != NULL && row->closes && row->closing == message) {
            send_row(dx, row, DIR_SERVER);
            return;
        }
    }
}

/* ---- reads ---- */

void smb_read_remember(struct dissection *dx, struct smb_state *s, const struct smb_read *read)
{
    if (s->reads == NULL) {
        s->reads = arena_alloc(dissection_arena(dx), LIMIT_SMB_READS * sizeof *s->reads);
    }
    if (s->reads != NULL) {
        s->reads[s->next_read] = *read;
        s->reads[s->next_read].taken = true;
        s->next_read = (s->next_read + 1) % LIMIT_SMB_READS;
    }
}

const struct smb_read *smb_read_find(const struct smb_state *s, uint64_t message, uint64_t session)
{
    static const struct smb_read none = {.tree = UINT32_MAX};
    for (size_t i = 0; s->reads != NULL && i < LIMIT_SMB_READS; i++) {
        const struct smb_read *read = &s->reads[i];
        if (read->taken && read->message == message && read->session == session) {
            return read;
        }
    }
    return &none;
}

void smb_files_end(struct dissection *dx, struct smb_state *s)
{
    for (struct smb_open *row = s->opens; row != NULL; row = row->next) {
        send_row(dx, row, DIR_CLIENT);
    }
}
