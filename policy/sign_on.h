/*
 * sign_on.h - what the rules about authentication share: whose account it is, whom a name
 * means.
 *
 * Owner: texts go into the caller's room; hosts are the policy's.
 */
#ifndef ROLECALL_POLICY_SIGN_ON_H
#define ROLECALL_POLICY_SIGN_ON_H

#include "policy/ledger.h"

#define ACCOUNT_TEXT 256
/* Site servers, and what stands for the whole site once it is lost. */
#define ROLES_SITE_SERVERS (ROLE_BIT(ROLE_SITE_SERVER) | ROLE_BIT(ROLE_SITE_SERVER_PASSIVE))
#define ROLES_TOP                                                                                  \
    (ROLES_SITE_SERVERS | ROLE_BIT(ROLE_SMS_PROVIDER) | ROLE_BIT(ROLE_SITE_DATABASE) |             \
     ROLE_BIT(ROLE_MANAGEMENT_POINT))

/* One end of the scene at least is a declared host or stands in a client network. */
bool scene_is_declared(const struct scene *scene);
/* The server, where it is a declared host; else the client. */
struct subject scene_subject(const struct scene *scene);
/* Site servers, consoles and declared administrators manage site systems; so does a host itself. */
bool scene_is_managed(const struct scene *scene);
/* A line of the policy's `matrix:` allows what this scene does over that protocol. */
bool scene_is_allowed(const struct audit *a, const char *protocol);

/* Behind that address stand many: declared address translation, or a proxy. */
bool party_is_many(const struct audit *a, const struct party *p);

/* "CORP\svc-site", or the user alone where it names its domain itself. */
const char *ntlm_account(const struct observation *o, char text[ACCOUNT_TEXT]);
/* A computer's account by its form, NAME$. */
bool ntlm_is_machine(const struct observation *o);
/* The declared host whose computer account it is; NULL: no such account. */
const struct host *ntlm_machine(const struct audit *a, const struct observation *o);
/* The account is in that list of the policy; domain and user both count. */
bool ntlm_is_listed(const struct audit *a, const struct observation *o, const char *purpose);
/* The policy lets this account, or everybody at this server, use NTLM (`ntlm:`). */
bool ntlm_is_excepted(const struct audit *a, const struct observation *o);

/* The share's own name: what follows the last backslash of \\server\share; "" for NULL. */
const char *share_name(const char *path);

enum name_fit {
    NAME_UNKNOWN, /* no name, or one that the policy does not know: an alias, perhaps */
    NAME_FITS,
    NAME_OTHER, /* a declared host that the server is not, or another address */
};
/* Whether a service principal or host name means the party. A declared proxy stands for whatever it
 * publishes. */
enum name_fit name_fits(const struct audit *a, const char *name, const struct party *server);

#endif
