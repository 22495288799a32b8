/*
 * smb_session.c - sessions: who logs on, how it ends, and which of them hide their messages.
 */
#include "dissect/smb.h"

#include "dissect/nt_status.h"
#include "dissect/text.h"

static void state_id(struct observation *o, enum fact_id fact, uint64_t id, unsigned digits)
{
    char text[] = "0x0000000000000000";
    (void)text_hex(text + 2, id, digits);
    observation_string(o, fact, text);
}

void smb_state_session(struct observation *o, uint64_t id)
{
    if (id != 0) {
        state_id(o, FACT_SMB_SESSION, id, id > UINT16_MAX ? 16 : 4);
    }
}

/* ---- rows ---- */

static struct smb_session *to_front(struct smb_state *s, struct smb_session **link)
{
    struct smb_session *row = *link;
    *link = row->next;
    row->next = s->sessions;
    s->sessions = row;
    return row;
}

struct smb_session *smb_session_find(struct smb_state *s, uint64_t id)
{
    if (id == 0) {
        return NULL;
    }
    for (struct smb_session **link = &s->sessions; *link != NULL; link = &(*link)->next) {
        if ((*link)->id == id) {
            return to_front(s, link);
        }
    }
    return NULL;
}

static struct smb_session *find_waiting(struct smb_state *s, uint64_t message)
{
    for (struct smb_session **link = &s->sessions; *link != NULL; link = &(*link)->next) {
        if ((*link)->waiting && (*link)->message == message) {
            return to_front(s, link);
        }
    }
    return NULL;
}

/* What was encrypted is only known to have been there. */
static void write_hidden(struct dissection *dx, struct smb_session *row)
{
    struct observation *o = row->hidden.order == 0 ? NULL : smb_record(dx, "transfer");
    if (o != NULL) {
        smb_state_session(o, row->id);
        observation_bool(o, FACT_SMB_ENCRYPTED, true);
        observation_num(o, FACT_SMB_FIRST, (uint64_t)row->hidden.ns);
        observation_num(o, FACT_SMB_LAST, (uint64_t)row->hidden_last_ns);
        observation_stamp(o, FACT_SMB_FIRST_PACKET, &row->hidden);
        dissection_send(dx, o, DIR_CLIENT);
    }
    row->hidden = (struct stamp){0};
}

static void send_ntlm(struct dissection *dx, struct smb_session *row, const struct outcome *outcome)
{
    static const char *const results[] = {"unknown", "success", "failure"};
    if (row->ntlm != NULL) {
        observation_string(row->ntlm, FACT_NTLM_RESULT, results[outcome->result]);
        observation_string(row->ntlm, FACT_NTLM_STATUS, outcome->status);
        if (outcome->result != AUTH_UNKNOWN) {
            observation_stamp(row->ntlm, FACT_NTLM_RESULT_PACKET, dissection_at(dx));
        }
        dissection_send(dx, row->ntlm, outcome->result == AUTH_UNKNOWN ? DIR_CLIENT : DIR_SERVER);
    }
    row->ntlm = NULL;
}

static void end_exchange(struct dissection *dx, struct smb_session *row,
                         const struct outcome *outcome)
{
    if (row->open && row->child != NULL) {
        dissection_end(row->child, outcome);
    }
    row->open = false;
    send_ntlm(dx, row, outcome);
}

/* A row for a session not seen before, at the front; NULL when memory is used up. */
static struct smb_session *take(struct dissection *dx, struct smb_state *s)
{
    if (s->session_count < LIMIT_SMB_SESSIONS) {
        struct smb_session *row = arena_alloc(dissection_arena(dx), sizeof *row);
        if (row != NULL) {
            row->next = s->sessions;
            s->sessions = row;
            s->session_count++;
        }
        return row;
    }
    struct smb_session **last = &s->sessions;
    while ((*last)->next != NULL) {
        last = &(*last)->next;
    }
    struct smb_session *row = to_front(s, last);
    if (row->open) {
        dissection_anomaly(dx, "smb.session_limit");
        end_exchange(dx, row, &(struct outcome){.result = AUTH_UNKNOWN});
    }
    dissection_send(dx, row->draft, DIR_CLIENT);
    write_hidden(dx, row);
    *row = (struct smb_session){.next = row->next, .child = row->child};
    return row;
}

/* ---- session setup ---- */

static void feed_token(struct dissection *dx, struct smb_session *row, enum dir dir,
                       struct bytes blob)
{
    if (blob.len == 0) {
        return;
    }
    if (row->child == NULL) {
        row->child = dissection_child(dx, &spnego_dissector, "smb");
    }
    if (row->child != NULL) {
        row->open = true;
        dissection_feed(row->child, dir, blob);
    }
}

void smb_session_request(struct dissection *dx, struct smb_state *s, const struct smb_setup *setup)
{
    struct smb_session *row = smb_session_find(s, setup->session);
    if (row == NULL) {
        row = take(dx, s);
    }
    if (row == NULL) {
        if (setup->ntlm != NULL) {
            dissection_drop(dx, setup->ntlm);
        }
        if (setup->draft != NULL) {
            dissection_drop(dx, setup->draft);
        }
        return;
    }
    row->id = setup->session;
    row->message = setup->message;
    row->waiting = true;
    row->request = *dissection_at(dx);
    row->binding = setup->binding;
    row->previous = setup->previous != 0 ? setup->previous : row->previous;
    row->again = row->authenticated && !setup->binding && setup->session != 0;
    dissection_send(dx, row->draft, DIR_CLIENT); /* the one before got no answer */
    row->draft = setup->draft;
    if (setup->ntlm != NULL) {
        send_ntlm(dx, row, &(struct outcome){.result = AUTH_UNKNOWN});
        row->ntlm = setup->ntlm;
        row->nameless = setup->nameless;
    }
    feed_token(dx, row, DIR_CLIENT, setup->blob);
}

static const char *mechanism_name(const struct smb_session *row)
{
    if (row->ntlm != NULL) {
        return "ntlm";
    }
    if (row->child == NULL || !row->open) {
        return NULL;
    }
    switch (dissection_auth(row->child)->mechanism) {
    case AUTH_NTLM:
        return "ntlm";
    case AUTH_KERBEROS:
        return "kerberos";
    case AUTH_NONE:
    case AUTH_OTHER:
        break;
    }
    return NULL;
}

static bool is_anonymous(const struct smb_session *row, const struct smb_setup *setup)
{
    if (row->ntlm != NULL) {
        return row->nameless;
    }
    return setup->anonymous ||
           (row->open && row->child != NULL && dissection_auth(row->child)->anonymous);
}

/* What the request said of the session. */
static void state_kind(struct observation *o, const struct smb_session *row)
{
    if (row->binding) {
        observation_bool(o, FACT_SMB_BINDING, true);
    }
    if (row->again) {
        observation_bool(o, FACT_SMB_REAUTHENTICATION, true);
    }
    if (row->previous != 0) {
        state_id(o, FACT_SMB_PREVIOUS_SESSION, row->previous, 16);
    }
}

static void write_reply(struct dissection *dx, struct smb_session *row,
                        const struct smb_setup *setup)
{
    struct observation *o = row->draft != NULL ? row->draft : smb_record(dx, "session_setup");
    row->draft = NULL;
    if (o == NULL) {
        return;
    }
    state_kind(o, row);
    smb_state_status(o, setup->status);
    smb_state_session(o, setup->session);
    observation_string(o, FACT_SMB_MECHANISM, mechanism_name(row));
    if (setup->status == NT_STATUS_SUCCESS) {
        observation_bool(o, FACT_SMB_GUEST, row->guest);
        observation_bool(o, FACT_SMB_ANONYMOUS, row->anonymous);
        if (!setup->smb1) {
            observation_bool(o, FACT_SMB_ENCRYPTED, setup->encrypted);
        }
        observation_bool(o, FACT_SMB_SIGNED, setup->is_signed);
    }
    if (row->waiting) {
        observation_stamp(o, FACT_SMB_REQUEST_PACKET, &row->request);
    }
    observation_stamp(o, FACT_SMB_RESPONSE_PACKET, dissection_at(dx));
    dissection_send(dx, o, DIR_SERVER);
}

void smb_session_reply(struct dissection *dx, struct smb_state *s, const struct smb_setup *setup)
{
    struct smb_session *row = find_waiting(s, setup->message);
    if (row == NULL) {
        row = smb_session_find(s, setup->session);
    }
    if (row == NULL) {
        row = take(dx, s);
    }
    if (row == NULL) {
        return;
    }
    if (setup->session != 0) {
        row->id = setup->session;
    }
    feed_token(dx, row, DIR_SERVER, setup->blob);
    if (setup->status == NT_STATUS_SUCCESS) {
        row->authenticated = true;
        row->guest = setup->guest;
        row->anonymous = is_anonymous(row, setup);
    }
    write_reply(dx, row, setup);
    row->waiting = false;
    if (setup->status != NT_STATUS_MORE_PROCESSING_REQUIRED) {
        struct outcome outcome = {
            .result = setup->status == NT_STATUS_SUCCESS ? AUTH_SUCCESS : AUTH_FAILURE,
            .status = nt_status_name(setup->status),
        };
        end_exchange(dx, row, &outcome);
        row->binding = row->again = false;
        row->previous = 0;
    }
}

void smb_session_logoff(struct smb_state *s, uint64_t id)
{
    struct smb_session *row = smb_session_find(s, id);
    if (row != NULL) {
        row->authenticated = false;
    }
}

/* ---- encrypted messages ---- */

void smb_session_hidden(struct dissection *dx, struct smb_state *s, uint64_t id)
{
    struct smb_session *row = smb_session_find(s, id);
    if (row == NULL) {
        row = take(dx, s);
    }
    if (row == NULL) {
        return;
    }
    row->id = id;
    if (row->hidden.order == 0) {
        row->hidden = *dissection_at(dx);
    }
    row->hidden_last_ns = dissection_at(dx)->ns;
}

void smb_sessions_end(struct dissection *dx, struct smb_state *s)
{
    for (struct smb_session *row = s->sessions; row != NULL; row = row->next) {
        send_ntlm(dx, row, &(struct outcome){.result = AUTH_UNKNOWN});
        dissection_send(dx, row->draft, DIR_CLIENT);
        row->draft = NULL;
        write_hidden(dx, row);
    }
}
