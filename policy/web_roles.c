#include "policy/web_roles.h"

#include <string.h>
#include <strings.h>

static const struct {
    const char *prefix;
    enum role role;
} paths[] = {
    {"/ccm_system", ROLE_MANAGEMENT_POINT}, /* with _windowsauth, _altauth, _tokenauth */
    {"/ccm_incoming", ROLE_MANAGEMENT_POINT},
    {"/ccm_client", ROLE_MANAGEMENT_POINT},
    {"/ccm_sts", ROLE_MANAGEMENT_POINT},
    {"/sms_mp", ROLE_MANAGEMENT_POINT},
    {"/cmuserservice", ROLE_MANAGEMENT_POINT},
    {"/bgb/", ROLE_MANAGEMENT_POINT},
    {"/sms_dp_", ROLE_DISTRIBUTION_POINT},
    {"/nocert_sms_dp_", ROLE_DISTRIBUTION_POINT},
    {"/ccmtokenauth_sms_dp_", ROLE_DISTRIBUTION_POINT},
    {"/sms_fsp", ROLE_FALLBACK_STATUS_POINT},
    {"/simpleauthwebservice", ROLE_SOFTWARE_UPDATE_POINT},
    {"/clientwebservice", ROLE_SOFTWARE_UPDATE_POINT},
    {"/reportingwebservice", ROLE_SOFTWARE_UPDATE_POINT},
    {"/dssauthwebservice", ROLE_SOFTWARE_UPDATE_POINT},
    {"/serversyncwebservice", ROLE_SOFTWARE_UPDATE_POINT},
    {"/apiremoting30", ROLE_SOFTWARE_UPDATE_POINT},
    {"/selfupdate", ROLE_SOFTWARE_UPDATE_POINT},
    {"/cmapplicationcatalogsvc", ROLE_APPCAT_WEB_SERVICE},
    {"/cmapplicationcatalog", ROLE_APPCAT_WEBSITE},
    {"/enrollmentserver", ROLE_ENROLLMENT_PROXY_POINT},
    {"/enrollmentservice", ROLE_ENROLLMENT_POINT},
    {"/certsrv/mscep", ROLE_POLICY_MODULE},
    {"/cmcertificateregistration", ROLE_CERTIFICATE_REGISTRATION_POINT},
    {"/reportserver", ROLE_REPORTING_POINT},
    {"/reports", ROLE_REPORTING_POINT},
    {"/adminservice", ROLE_SMS_PROVIDER},
    {"/ccm_proxy_", ROLE_CLOUD_MANAGEMENT_GATEWAY},
    {"/smssmp", ROLE_STATE_MIGRATION_POINT},
};

enum role role_of_path(const char *path)
{
    if (path == NULL || path[0] != '/') {
        return ROLE_COUNT;
    }
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        /* Asked of every request: most differ in their first letter. */
        if ((path[1] | 0x20) == paths[i].prefix[1] &&
            strncasecmp(path, paths[i].prefix, strlen(paths[i].prefix)) == 0) {
            return paths[i].role;
        }
    }
    return ROLE_COUNT;
}

static bool ends_with(const char *path, size_t len, const char *end)
{
    size_t n = strlen(end);
    return len >= n && strncasecmp(path + len - n, end, n) == 0;
}

bool path_is_clear_by_design(const char *path)
{
    if (path == NULL) {
        return false;
    }
    size_t len = strcspn(path, "?#");
    bool extended = len >= 4 && path[len - 4] == '.';
    return (extended && (ends_with(path, len, ".crl") || ends_with(path, len, ".crt") ||
                         ends_with(path, len, ".cer") || ends_with(path, len, ".p7c"))) ||
           strncasecmp(path, "/ocsp", 5) == 0 || strncasecmp(path, "/content/", 9) == 0 ||
           strncasecmp(path, "/selfupdate/", 12) == 0 || strncasecmp(path, "/inventory", 10) == 0;
}

bool path_is_remote_management(const char *path)
{
    return path != NULL && strncasecmp(path, "/wsman", 6) == 0;
}

const char *web_path(const struct observation *o)
{
    const char *uri = observation_text(o, FACT_HTTP_URI);
    const char *after = uri == NULL ? NULL : strstr(uri, "://");
    if (after == NULL) {
        return uri;
    }
    const char *slash = strchr(after + 3, '/');
    return slash == NULL ? "/" : slash;
}

bool web_request_is_clear(const struct observation *o)
{
    return observation_get(o, FACT_HTTP_METHOD) != NULL &&
           !observation_is(o, FACT_HTTP_METHOD, "CONNECT");
}
