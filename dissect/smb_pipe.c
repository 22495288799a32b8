/*
 * smb_pipe.c - named pipes: the DCERPC connections inside an SMB connection.
 *
 * A row and its child are used again for another pipe, so that a client that opens pipes all day
 * takes no more memory than one with LIMIT_SMB_PIPES of them.
 */
#include "dissect/smb.h"

#include <stdio.h>

#include "dissect/text.h"

#define PIPE_CARRIER "smb-pipe"

struct smb_pipe {
    struct smb_pipe *next;
    struct smb_file file;
    uint64_t opening; /* the message that opens it */
    uint64_t reply;   /* the message whose reply brings octets */
    bool is_opening, is_open, expects;
    bool foreign;     /* what it carries is not DCERPC */
    bool over;        /* the child reads no more of a direction: no use for another pipe */
    char carrier[64]; /* of the child: "smb-pipe:svcctl" */
    struct dissection *child;
};

static struct smb_pipe *to_front(struct smb_state *s, struct smb_pipe **link)
{
    struct smb_pipe *row = *link;
    *link = row->next;
    row->next = s->pipes;
    s->pipes = row;
    return row;
}

/* What the row carried ends here. */
static void forget(struct smb_pipe *row)
{
    if (row->child != NULL) {
        dissection_end(row->child, &(struct outcome){.result = AUTH_UNKNOWN});
        dissection_stream_lost(row->child, DIR_CLIENT, UINT64_MAX);
        dissection_stream_lost(row->child, DIR_SERVER, UINT64_MAX);
    }
    struct dissection *child = row->over ? NULL : row->child;
    *row = (struct smb_pipe){.next = row->next, .child = child, .carrier = PIPE_CARRIER};
}

/* A row for a pipe not seen before, at the front; NULL when memory is used up. */
static struct smb_pipe *take(struct dissection *dx, struct smb_state *s)
{
    if (s->pipe_count < LIMIT_SMB_PIPES) {
        struct smb_pipe *row = arena_alloc(dissection_arena(dx), sizeof *row);
        if (row != NULL) {
            row->next = s->pipes;
            s->pipes = row;
            s->pipe_count++;
            forget(row);
        }
        return row;
    }
    struct smb_pipe **last = &s->pipes;
    while ((*last)->next != NULL) {
        last = &(*last)->next;
    }
    struct smb_pipe *row = to_front(s, last);
    forget(row);
    return row;
}

/* [MS-SMB2] 2.2.13: a name without a backslash in front; [MS-CIFS] has one, and older clients the
 * "\PIPE\" too. */
static void set_carrier(struct smb_pipe *row, struct bytes name, bool unicode)
{
    char text[48];
    (void)(unicode ? text_from_utf16le(name, text, sizeof text)
                   : text_from_utf8(name, text, sizeof text));
    const char *last = strrchr(text, '\\');
    last = last == NULL ? text : last + 1;
    if (last[0] != '\0') {
        (void)snprintf(row->carrier, sizeof row->carrier, PIPE_CARRIER ":%s", last);
    }
}

void smb_pipe_open(struct dissection *dx, struct smb_state *s, uint64_t message, struct bytes name,
                   bool unicode)
{
    struct smb_pipe *row = take(dx, s);
    if (row != NULL) {
        row->opening = message;
        row->is_opening = true;
        set_carrier(row, name, unicode);
    }
}

static bool is_same(struct smb_file a, struct smb_file b)
{
    return a.high == b.high && a.low == b.low;
}

static struct smb_pipe *find(struct smb_state *s, struct smb_file file)
{
    for (struct smb_pipe **link = &s->pipes; *link != NULL; link = &(*link)->next) {
        if ((*link)->is_open && is_same((*link)->file, file)) {
            return to_front(s, link);
        }
    }
    return NULL;
}

void smb_pipe_opened(struct smb_state *s, uint64_t message, struct smb_file file)
{
    for (struct smb_pipe *row = s->pipes; row != NULL; row = row->next) {
        if (row->is_opening && row->opening == message) {
            struct smb_pipe *before = find(s, file);
            if (before != NULL) { /* closed in between: the server uses the number again */
                before->is_open = false;
            }
            row->is_opening = false;
            row->is_open = true;
            row->file = file;
            return;
        }
    }
}

struct smb_pipe *smb_pipe_of(struct dissection *dx, struct smb_state *s, struct smb_file file)
{
    struct smb_pipe *row = find(s, file);
    if (row == NULL) {
        row = take(dx, s);
        if (row != NULL) {
            row->is_open = true;
            row->file = file;
        }
    }
    return row;
}

void smb_pipe_expect(struct smb_pipe *pipe, uint64_t message)
{
    if (pipe != NULL) {
        pipe->reply = message;
        pipe->expects = true;
    }
}

struct smb_pipe *smb_pipe_expecting(struct smb_state *s, uint64_t message)
{
    for (struct smb_pipe *row = s->pipes; row != NULL; row = row->next) {
        if (row->expects && row->reply == message && !row->foreign) {
            return row;
        }
    }
    return NULL;
}

void smb_pipe_data(struct dissection *dx, struct smb_pipe *pipe, enum dir dir, struct bytes data,
                   uint64_t length)
{
    if (pipe == NULL || pipe->foreign || length == 0) {
        return;
    }
    if (pipe->child == NULL) {
        pipe->foreign = dcerpc_dissector.probe(data) == PROBE_NO;
        pipe->child = pipe->foreign ? NULL : dissection_child(dx, &dcerpc_dissector, pipe->carrier);
    }
    pipe->over |= !dissection_stream(pipe->child, dir, data);
    if (length > data.len) {
        dissection_stream_lost(pipe->child, dir, length - data.len);
    }
}

void smb_pipes_gap(struct smb_state *s, enum dir dir)
{
    for (struct smb_pipe *row = s->pipes; row != NULL; row = row->next) {
        dissection_stream_lost(row->child, dir, UINT64_MAX);
    }
}
