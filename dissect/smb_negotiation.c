/*
 * smb_negotiation.c - one record for the NEGOTIATE exchanges of a connection.
 *
 * A client that knows both generations asks in SMB1; a server that answers with the SMB2 wildcard
 * 0x02FF is asked again in SMB2 ([MS-SMB2] 3.3.5.3.2). Both questions are one record, with the
 * dialect that came out.
 */
#include "dissect/smb.h"

enum smb_signing smb_signing_of(bool enabled, bool required)
{
    return required ? SMB_SIGNING_REQUIRED : enabled ? SMB_SIGNING_ENABLED : SMB_SIGNING_NONE;
}

static const char *signing_name(enum smb_signing signing)
{
    switch (signing) {
    case SMB_SIGNING_UNKNOWN:
        return NULL;
    case SMB_SIGNING_NONE:
        return "none";
    case SMB_SIGNING_ENABLED:
        return "enabled";
    case SMB_SIGNING_REQUIRED:
        return "required";
    }
    return NULL;
}

struct observation *smb_negotiation_request(struct dissection *dx, struct smb_state *s)
{
    struct smb_negotiation *n = &s->negotiation;
    if (n->draft != NULL && !n->answered) {
        smb_negotiation_send(dx, s, DIR_CLIENT);
    }
    if (n->draft == NULL) {
        n->draft = smb_record(dx, "negotiate");
    }
    n->answered = false;
    n->request = *dissection_at(dx);
    return n->draft;
}

struct observation *smb_negotiation_reply(struct dissection *dx, struct smb_state *s)
{
    struct smb_negotiation *n = &s->negotiation;
    if (n->draft == NULL) {
        n->draft = smb_record(dx, "negotiate");
    }
    return n->draft;
}

void smb_negotiation_send(struct dissection *dx, struct smb_state *s, enum dir dir)
{
    struct smb_negotiation *n = &s->negotiation;
    if (n->draft != NULL) {
        observation_string(n->draft, FACT_SMB_SIGNING_CLIENT, signing_name(n->client));
        observation_string(n->draft, FACT_SMB_SIGNING_SERVER, signing_name(n->server));
        observation_stamp(n->draft, FACT_SMB_REQUEST_PACKET, &n->request);
        dissection_send(dx, n->draft, dir);
    }
    n->draft = NULL;
    n->answered = false;
    n->client = SMB_SIGNING_UNKNOWN;
    n->server = SMB_SIGNING_UNKNOWN;
    n->request = (struct stamp){0};
}
