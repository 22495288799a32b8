#include "policy/certificate.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* RFC 6125 6.4.3: a wildcard stands for one whole left-most label. */
static bool name_matches(const char *pattern, const char *name)
{
    if (strncmp(pattern, "*.", 2) == 0) {
        const char *rest = strchr(name, '.');
        return rest != NULL && rest != name && strcasecmp(pattern + 1, rest) == 0;
    }
    return strcasecmp(pattern, name) == 0;
}

bool certificate_holds(const struct observation *o, const char *name)
{
    bool any = false;
    for (const struct fact *f = observation_get(o, FACT_TLS_CERTIFICATE_SAN); f != NULL;
         f = observation_more(o, FACT_TLS_CERTIFICATE_SAN, f)) {
        const char *entry = fact_text(o, f), *colon = strchr(entry, ':');
        any = true;
        if (colon != NULL && name_matches(colon + 1, name)) {
            return true;
        }
    }
    /* RFC 6125 6.4.4: the subject's common name only where there are no alternative names. */
    const char *subject = any ? NULL : observation_text(o, FACT_TLS_CERTIFICATE_SUBJECT);
    const char *cn = subject == NULL ? NULL : strstr(subject, "CN=");
    if (cn == NULL) {
        return false;
    }
    char common[256];
    (void)snprintf(common, sizeof common, "%.*s", (int)strcspn(cn + 3, ","), cn + 3);
    return name_matches(common, name);
}
