/*
 * matrix_rows.h - the matrix as data: its rows, and which of them could fit two ends.
 *
 * policy/matrix.txt is the built-in matrix and says what its columns mean; --matrix gives another.
 * The policy's profile selects rows by the versions they are for. Sets of rows are bits in the
 * order of the file, so that the rows for two ends come from a few ANDs.
 *
 * Units:  transports are bits of enum matrix_transport, ports host order, versions as 2309.
 * Owner:  the table lies in the policy's arena and is constant once loaded.
 */
#ifndef ROLECALL_POLICY_MATRIX_ROWS_H
#define ROLECALL_POLICY_MATRIX_ROWS_H

#include "capture/limits.h"
#include "policy/policy_load.h"

enum matrix_class {
    MATRIX_HTTP,
    MATRIX_HTTPS,
    MATRIX_HTTP_OR_HTTPS,
    MATRIX_SMB,
    MATRIX_RPC,
    MATRIX_SQL,
    MATRIX_LDAP,
    MATRIX_KERBEROS,
    MATRIX_MIXED, /* several of these in one row */
    MATRIX_OTHER,
};
enum matrix_transport { MATRIX_TCP = 1, MATRIX_UDP = 2, MATRIX_TCP_UDP = 3 };
enum matrix_direction { MATRIX_ONE_WAY, MATRIX_BOTH_WAYS, MATRIX_ANSWERED_ANEW };
/* Whether a row holds as it stands or asks for a declaration; `info`: of note only. */
enum matrix_default { MATRIX_ALLOW, MATRIX_IF_DECLARED, MATRIX_INFO };
enum matrix_sites {
    MATRIX_ANY,
    MATRIX_SAME_SITE, /* as far as both are declared */
    MATRIX_PARENT_CHILD,
    MATRIX_OTHER_HIERARCHY,              /* no common top site: migration */
    MATRIX_UNLESS_SITE_SERVER_INITIATES, /* not from a host that must not open connections */
};

#define MATRIX_PORTS 8
#define MATRIX_ID_TEXT 16

struct port_range {
    uint16_t first, last; /* 0: none */
};

struct matrix_row {
    char id[MATRIX_ID_TEXT];                             /* "M135" */
    role_set from, to;                                   /* roles and the bits below */
    uint8_t of, transports, direction, otherwise, sites; /* the enums above */
    struct port_range ports[MATRIX_PORTS];
    uint16_t since, until; /* versions; until 0: not retired */
    struct place place;
};

/* Ends that are no roles. Consoles and administrators are ROLE_CONSOLE. */
#define MATRIX_CLIENT ROLE_BIT(ROLE_COUNT)
#define MATRIX_INTERNET ROLE_BIT(ROLE_COUNT + 1)    /* who is not declared, in the internet zone */
#define MATRIX_SITE_SYSTEM ROLE_BIT(ROLE_COUNT + 2) /* any site system */
#define MATRIX_INTERNET_FACING                                                                     \
    ROLE_BIT(ROLE_COUNT + 3) /* a site system in the perimeter, or serving the internet */
#define MATRIX_ENDS (ROLE_COUNT + 4)
#define MATRIX_EVERY_END (ROLE_BIT(MATRIX_ENDS) - 1)

/* The dynamic ports of Windows, and those before Windows Vista. */
#define MATRIX_DYNAMIC_FIRST 49152
#define MATRIX_OLD_DYNAMIC_FIRST 1024
#define MATRIX_OLD_DYNAMIC_LAST 5000

struct row_bits {
    uint64_t words[LIMIT_MATRIX_ROWS / 64];
};

struct matrix_table {
    const struct matrix_row *rows; /* of the policy's profile */
    unsigned count, words;         /* words: of each struct row_bits that are used */
    struct row_bits opened_by[MATRIX_ENDS], answered_by[MATRIX_ENDS];
    struct row_bits answered_back; /* those of which the answering end may open too */
};

/* Reads the matrix into the policy of `l`, whose profile is known: from `path`, or the built-in one
 * for NULL. -EINVAL after writing one line per fault, -ENOMEM, or the errno of reading. */
int matrix_load(struct loader *l, const char *path, FILE *errors) MUST_USE;

/* The rows of which one of `opens` is the opening end and one of `answers` the other; and with
 * those that let the answering end open as well. */
struct row_bits matrix_rows_between(const struct matrix_table *t, role_set opens, role_set answers);
struct row_bits matrix_rows_both_ways(const struct matrix_table *t, role_set opens,
                                      role_set answers);
/* Takes the first row out of the set, in the order of the file; NULL when it is empty. */
const struct matrix_row *matrix_rows_next(const struct matrix_table *t, struct row_bits *set);

const char *matrix_class_name(enum matrix_class of); /* "http", "smb", ... */
/* "1610.." or "1511..2111". */
#define MATRIX_VERSIONS_TEXT 16
const char *matrix_versions(const struct matrix_row *row, char text[MATRIX_VERSIONS_TEXT]);

#endif
