#include "policy/shares.h"

#include <string.h>
#include <strings.h>

#include "dissect/text.h"

static bool is_administrative(const char *share)
{
    return strcasecmp(share, "ADMIN$") == 0 || (strlen(share) == 2 && share[1] == '$');
}

/* SMS_ and a site's code of three characters. */
static bool is_site(const char *share)
{
    return strlen(share) == 7 && strncasecmp(share, "SMS_", 4) == 0 && strchr(share, '$') == NULL;
}

/* "PkgSource", "sources$"; "resources" are no sources. */
static bool holds_sources(const char *share)
{
    const char *at = strcasestr(share, "source");
    return at != NULL && (at - share < 2 || strncasecmp(at - 2, "re", 2) != 0);
}

enum share_kind share_kind_of(const char *share)
{
    static const struct {
        const char *beginning;
        enum share_kind kind;
    } named[] = {
        {"IPC$", SHARE_PIPES},
        {"SMS_SITE", SHARE_INTERSITE},
        {"SMSPKG", SHARE_PACKAGES},
        {"SMSSIG", SHARE_PACKAGES},
        {"SMS_", SHARE_PACKAGES},
        {"REMINST", SHARE_PACKAGES},
        {"SCCMContentLib", SHARE_LIBRARY},
        {"SMSClient", SHARE_SETUP},
        {"EasySetupPayload", SHARE_SETUP},
        {"AdminUIContentPayload", SHARE_SETUP},
        {"WsusContent", SHARE_UPDATES},
        {"UpdateServicesPackages", SHARE_UPDATES},
        {"SMPSTORE", SHARE_USER_STATE},
    };
    if (is_administrative(share) || is_site(share)) {
        return is_site(share) ? SHARE_SITE : SHARE_ADMINISTRATIVE;
    }
    for (size_t i = 0; i < sizeof named / sizeof *named; i++) {
        /* Most differ in their first letter. */
        if (((share[0] ^ named[i].beginning[0]) & ~0x20) == 0 &&
            strncasecmp(share, named[i].beginning, strlen(named[i].beginning)) == 0) {
            return named[i].kind;
        }
    }
    return text_holds(share, "backup") ? SHARE_BACKUP
           : holds_sources(share)      ? SHARE_SOURCE
                                       : SHARE_OTHER;
}

const char *share_kind_text(enum share_kind kind)
{
    static const char *const texts[] = {
        [SHARE_ADMINISTRATIVE] = "a whole drive or system folder",
        [SHARE_INTERSITE] = "what sites send each other",
        [SHARE_SITE] = "the site's own files",
        [SHARE_PACKAGES] = "packages",
        [SHARE_LIBRARY] = "the content library",
        [SHARE_SETUP] = "setup files",
        [SHARE_UPDATES] = "software updates",
        [SHARE_SOURCE] = "package sources",
        [SHARE_BACKUP] = "a backup",
        [SHARE_USER_STATE] = "users' files and settings",
    };
    return (size_t)kind < sizeof texts / sizeof *texts ? texts[kind] : NULL;
}

struct subject share_subject(const struct scene *scene)
{
    const struct party *server = &scene->ends[DIR_SERVER], *client = &scene->ends[DIR_CLIENT];
    return (struct subject){.host = (party_roles(server) & role_smb_servers()) != 0 ? server->host
                                    : party_is_site_system(client)                  ? client->host
                                                                                    : NULL};
}
