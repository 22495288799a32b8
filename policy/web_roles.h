/*
 * web_roles.h - which role a request is for, by its path (spec/signatures.md, section 1).
 */
#ifndef ROLECALL_POLICY_WEB_ROLES_H
#define ROLECALL_POLICY_WEB_ROLES_H

#include "dissect/observation.h"
#include "policy/policy.h"

/* Roles that clients reach by HTTP or HTTPS. */
#define WEB_ROLES                                                                                  \
    (ROLE_BIT(ROLE_MANAGEMENT_POINT) | ROLE_BIT(ROLE_DISTRIBUTION_POINT) |                         \
     ROLE_BIT(ROLE_PULL_DISTRIBUTION_POINT) | ROLE_BIT(ROLE_SOFTWARE_UPDATE_POINT) |               \
     ROLE_BIT(ROLE_FALLBACK_STATUS_POINT) | ROLE_BIT(ROLE_STATE_MIGRATION_POINT) |                 \
     ROLE_BIT(ROLE_REPORTING_POINT) | ROLE_BIT(ROLE_APPCAT_WEBSITE) |                              \
     ROLE_BIT(ROLE_APPCAT_WEB_SERVICE) | ROLE_BIT(ROLE_ENROLLMENT_POINT) |                         \
     ROLE_BIT(ROLE_ENROLLMENT_PROXY_POINT) | ROLE_BIT(ROLE_CERTIFICATE_REGISTRATION_POINT) |       \
     ROLE_BIT(ROLE_POLICY_MODULE) | ROLE_BIT(ROLE_SMS_PROVIDER) |                                  \
     ROLE_BIT(ROLE_CLOUD_MANAGEMENT_GATEWAY) | ROLE_BIT(ROLE_CLOUD_DISTRIBUTION_POINT))

/* The role that a path belongs to; ROLE_COUNT when the path says nothing. Case is ignored, as IIS
 * does. */
enum role role_of_path(const char *path);

/* Paths that are fetched in clear by design: CRL and AIA, update payload (signed by itself). */
bool path_is_clear_by_design(const char *path);

/* WS-Management, which every Windows server can have beside its roles: R112 judges it. */
bool path_is_remote_management(const char *path);

/* The path of a request target in any form, "/x" or "http://host/x"; NULL: none. */
const char *web_path(const struct observation *o);
/* A request that was read as it lay on the wire; what runs inside a tunnel to a proxy is somebody
 * else's. */
bool web_request_is_clear(const struct observation *o);

#endif
