/*
 * smb_tree.c - shares: who connected to them, what moved through them, and whether it was signed.
 */
#include "dissect/smb.h"

#include "dissect/nt_status.h"

/* ---- rows ---- */

static struct smb_tree *to_front(struct smb_state *s, struct smb_tree **link)
{
    struct smb_tree *row = *link;
    *link = row->next;
    row->next = s->trees;
    s->trees = row;
    return row;
}

static struct smb_tree *find_row(struct smb_state *s, uint64_t session, uint32_t id, bool connected)
{
    for (struct smb_tree **link = &s->trees; *link != NULL; link = &(*link)->next) {
        if ((*link)->connected == connected && (*link)->id == id && (*link)->session == session) {
            return to_front(s, link);
        }
    }
    return NULL;
}

static struct smb_tree *find(struct smb_state *s, uint64_t session, uint32_t id)
{
    return find_row(s, session, id, true);
}

static void state_transfer(struct observation *o, const struct smb_tree *row)
{
    observation_string(o, FACT_SMB_PATH, row->path);
    observation_string(o, FACT_SMB_SHARE_TYPE, row->share_type);
    smb_state_session(o, row->session);
    observation_num(o, FACT_SMB_READ_BYTES, row->read);
    observation_num(o, FACT_SMB_WRITTEN_BYTES, row->written);
    if (row->first.order != 0) {
        observation_num(o, FACT_SMB_FIRST, (uint64_t)row->first.ns);
        observation_num(o, FACT_SMB_LAST, (uint64_t)row->last_ns);
        observation_stamp(o, FACT_SMB_FIRST_PACKET, &row->first);
    }
    observation_bool(o, FACT_SMB_GUEST, row->guest);
    observation_bool(o, FACT_SMB_ANONYMOUS, row->anonymous);
    if (row->encrypted) {
        observation_bool(o, FACT_SMB_ENCRYPTED, true);
    }
    if (row->signed_requests + row->unsigned_requests > 0) {
        observation_bool(o, FACT_SMB_SIGNED, row->unsigned_requests == 0);
        observation_num(o, FACT_SMB_UNSIGNED, row->unsigned_requests);
        observation_stamp(o, FACT_SMB_UNSIGNED_PACKET, &row->unsigned_at);
    }
}

/* Writes what the row gathered and forgets it. */
static void write_transfer(struct dissection *dx, struct smb_tree *row)
{
    if (row->first.order == 0 && row->unsigned_requests == 0) {
        return;
    }
    struct observation *o = smb_record(dx, "transfer");
    if (o != NULL) {
        state_transfer(o, row);
        dissection_send(dx, o, row->read > row->written ? DIR_SERVER : DIR_CLIENT);
    }
}

/* The least recently used row that is not connected any more, or NULL. */
static struct smb_tree **disconnected(struct smb_state *s)
{
    struct smb_tree **found = NULL;
    for (struct smb_tree **link = &s->trees; *link != NULL; link = &(*link)->next) {
        if (!(*link)->connected) {
            found = link;
        }
    }
    return found;
}

/* A row for a tree not seen before; `others` when the table is full of connected ones. */
static struct smb_tree *take(struct dissection *dx, struct smb_state *s, uint64_t session,
                             uint32_t id)
{
    struct smb_tree *row = NULL;
    if (s->tree_count < LIMIT_SMB_TREES) {
        row = arena_alloc(dissection_arena(dx), sizeof *row);
        if (row == NULL) {
            return &s->others;
        }
        row->next = s->trees;
        s->trees = row;
        s->tree_count++;
    } else {
        struct smb_tree **link = disconnected(s);
        if (link == NULL) {
            dissection_anomaly(dx, "smb.tree_limit");
            return &s->others;
        }
        row = to_front(s, link);
        write_transfer(dx, row);
        *row = (struct smb_tree){.next = row->next, .path = row->path, .path_room = row->path_room};
        if (row->path != NULL) {
            row->path[0] = '\0';
        }
    }
    row->session = session;
    row->id = id;
    row->connected = true;
    return row;
}

static void set_path(struct dissection *dx, struct smb_tree *row, const char *path)
{
    size_t len = path == NULL ? 0 : strlen(path);
    if (len == 0) {
        return;
    }
    if (len >= row->path_room) {
        /* A row that needs a second buffer takes one that holds any text. */
        size_t room = row->path == NULL ? len + 1 : LIMIT_TEXT + 8;
        char *grown = len < room ? arena_alloc(dissection_arena(dx), room) : NULL;
        if (grown == NULL) {
            return;
        }
        row->path = grown;
        row->path_room = room;
    }
    memcpy(row->path, path, len + 1);
}

/* Brings what is known of the session into the row. */
static void set_session(struct smb_state *s, struct smb_tree *row)
{
    const struct smb_session *session = smb_session_find(s, row->session);
    if (session != NULL && row != &s->others) {
        row->guest = session->guest;
        row->anonymous = session->anonymous;
    }
}

/* A share left and entered again goes on in its old row. */
static struct smb_tree *find_again(struct smb_state *s, uint64_t session, const char *path)
{
    for (struct smb_tree **link = &s->trees; path != NULL && *link != NULL; link = &(*link)->next) {
        struct smb_tree *row = *link;
        if (!row->connected && row->session == session && row->path != NULL &&
            strcmp(row->path, path) == 0) {
            return to_front(s, link);
        }
    }
    return NULL;
}

static struct smb_tree *row_of(struct dissection *dx, struct smb_state *s, uint64_t session,
                               uint32_t id)
{
    struct smb_tree *row = find(s, session, id);
    /* A mirror port may show a request after the answer that ended the tree. */
    row = row != NULL ? row : find_row(s, session, id, false);
    if (row == NULL) {
        row = take(dx, s, session, id);
        set_session(s, row);
    }
    return row;
}

/* ---- tree connect ---- */

static void send_connect(struct dissection *dx, struct smb_connect *connect, enum dir dir)
{
    observation_stamp(connect->draft, FACT_SMB_REQUEST_PACKET, &connect->at);
    smb_state_session(connect->draft, connect->session);
    dissection_send(dx, connect->draft, dir);
    *connect = (struct smb_connect){0};
}

void smb_tree_request(struct dissection *dx, struct smb_state *s, const struct smb_connect *connect)
{
    struct smb_connect *slot = &s->connects[s->next_connect];
    s->next_connect = (s->next_connect + 1) % LIMIT_SMB_CONNECTS;
    if (slot->draft != NULL) {
        dissection_anomaly(dx, "smb.connect_limit");
        send_connect(dx, slot, DIR_CLIENT);
    }
    *slot = *connect;
}

static struct smb_connect *find_connect(struct smb_state *s, uint64_t message)
{
    for (size_t i = 0; i < LIMIT_SMB_CONNECTS; i++) {
        if (s->connects[i].draft != NULL && s->connects[i].message == message) {
            return &s->connects[i];
        }
    }
    return NULL;
}

static void add_tree(struct dissection *dx, struct smb_state *s,
                     const struct smb_connected *connected, const char *path)
{
    struct smb_tree *row = find(s, connected->session, connected->tree);
    if (row != NULL) { /* the disconnect was not captured */
        row->connected = false;
    }
    row = find_again(s, connected->session, path);
    if (row == NULL) {
        row = take(dx, s, connected->session, connected->tree);
    }
    if (row == &s->others) {
        return;
    }
    row->id = connected->tree;
    row->connected = true;
    row->share_type = connected->share_type;
    row->encrypted = connected->encrypted;
    set_path(dx, row, path);
    set_session(s, row);
}

void smb_tree_reply(struct dissection *dx, struct smb_state *s,
                    const struct smb_connected *connected)
{
    struct smb_connect *pending = find_connect(s, connected->message);
    struct smb_connect alone = {.session = connected->session};
    if (pending == NULL) {
        alone.draft = smb_record(dx, "tree_connect");
        pending = &alone;
    }
    struct observation *o = pending->draft;
    if (o == NULL) {
        return;
    }
    pending->session = connected->session;
    smb_state_status(o, connected->status);
    observation_string(o, FACT_SMB_SHARE_TYPE, connected->share_type);
    observation_stamp(o, FACT_SMB_RESPONSE_PACKET, dissection_at(dx));
    if (connected->status == NT_STATUS_SUCCESS) {
        observation_bool(o, FACT_SMB_ENCRYPTED, connected->encrypted);
        add_tree(dx, s, connected, observation_text(o, FACT_SMB_PATH));
    }
    send_connect(dx, pending, DIR_SERVER);
}

void smb_tree_disconnect(struct smb_state *s, uint64_t session, uint32_t tree)
{
    struct smb_tree *row = find(s, session, tree);
    if (row != NULL) {
        row->connected = false;
    }
}

/* ---- use ---- */

void smb_tree_moved(struct dissection *dx, struct smb_state *s, uint64_t session, uint32_t tree,
                    uint64_t octets, bool written)
{
    if (octets == 0) {
        return;
    }
    struct smb_tree *row = row_of(dx, s, session, tree);
    if (written) {
        row->written += octets;
    } else {
        row->read += octets;
    }
    if (row->first.order == 0) {
        row->first = *dissection_at(dx);
    }
    row->last_ns = dissection_at(dx)->ns;
}

const struct smb_tree *smb_tree_find(struct smb_state *s, uint64_t session, uint32_t tree)
{
    return find(s, session, tree);
}

bool smb_tree_is_pipe(struct smb_state *s, uint64_t session, uint32_t tree, size_t length)
{
    const struct smb_tree *row = find(s, session, tree);
    const char *type = row == NULL ? NULL : row->share_type;
    return type == NULL ? length <= LIMIT_SMB_GUESS : strcmp(type, "pipe") == 0;
}

void smb_tree_used(struct dissection *dx, struct smb_state *s, uint64_t session, uint32_t tree,
                   bool is_signed)
{
    const struct smb_session *owner = smb_session_find(s, session);
    bool setting_up = owner != NULL && !owner->authenticated && (owner->waiting || owner->open);
    if (session == 0 || setting_up) {
        return;
    }
    struct smb_tree *row = row_of(dx, s, session, tree);
    if (is_signed) {
        row->signed_requests++;
        return;
    }
    if (row->unsigned_requests++ == 0) {
        row->unsigned_at = *dissection_at(dx);
    }
}

void smb_trees_end(struct dissection *dx, struct smb_state *s)
{
    for (size_t i = 0; i < LIMIT_SMB_CONNECTS; i++) {
        if (s->connects[i].draft != NULL) {
            send_connect(dx, &s->connects[i], DIR_CLIENT);
        }
    }
    for (struct smb_tree *row = s->trees; row != NULL; row = row->next) {
        write_transfer(dx, row);
    }
    write_transfer(dx, &s->others);
}
