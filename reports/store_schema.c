#include "reports/store_schema.h"

/* A document is its records in their order. Many are the same in every audit (rules, most
 * verdicts): each text is stored once. */
#define DOCUMENTS                                                                                  \
    "CREATE TABLE audits("                                                                         \
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"                                                      \
    "  series INTEGER NOT NULL," /* audits of one policy */                                        \
    "  stored TEXT NOT NULL, generated TEXT, version TEXT, records INTEGER NOT NULL,"              \
    "  policy TEXT, policy_sha256 TEXT, profile TEXT, traffic_start TEXT, traffic_end TEXT,"       \
    "  packets INTEGER, bytes INTEGER, flows INTEGER,"                                             \
    "  critical INTEGER, high INTEGER, medium INTEGER, low INTEGER, info INTEGER,"                 \
    "  accepted INTEGER, violated INTEGER, consistent INTEGER, not_observed INTEGER,"              \
    "  not_assessable INTEGER);"                                                                   \
    "CREATE INDEX audits_by_series ON audits(series, id);"                                         \
    "CREATE TABLE texts(id INTEGER PRIMARY KEY, hash INTEGER NOT NULL, json TEXT NOT NULL);"       \
    "CREATE INDEX texts_by_hash ON texts(hash);"                                                   \
    "CREATE TABLE records("                                                                        \
    "  audit INTEGER NOT NULL REFERENCES audits ON DELETE CASCADE,"                                \
    "  position INTEGER NOT NULL, type TEXT, text INTEGER NOT NULL REFERENCES texts,"              \
    "  PRIMARY KEY(audit, position)) WITHOUT ROWID;"                                               \
    "CREATE INDEX records_by_text ON records(text);"                                               \
    "CREATE VIEW documents AS SELECT audit, position, type, json"                                  \
    "  FROM records JOIN texts ON texts.id = records.text;"

/* A table of one type of records: columns beside the record's place. */
#define TABLE(name, columns, key)                                                                  \
    "CREATE TABLE " name "(audit INTEGER NOT NULL, position INTEGER NOT NULL," columns             \
    "  PRIMARY KEY(audit, position" key "),"                                                       \
    "  FOREIGN KEY(audit, position) REFERENCES records ON DELETE CASCADE) WITHOUT ROWID;"

#define FINDINGS                                                                                   \
    TABLE("findings",                                                                              \
          "id TEXT, code TEXT, rule TEXT, title TEXT, severity TEXT, confidence TEXT,"             \
          "client_ip TEXT, client_name TEXT, client_group TEXT, server_ip TEXT,"                   \
          "server_name TEXT, server_port INTEGER, first TEXT, last TEXT, count INTEGER,"           \
          "accepted INTEGER, accepted_until TEXT,",                                                \
          "")                                                                                      \
    "CREATE INDEX findings_by_id ON findings(id, audit);"
#define VERDICTS                                                                                   \
    TABLE("verdicts", "code TEXT, rule TEXT, subject TEXT, status TEXT, observed INTEGER,", "")
#define STATEMENTS TABLE("statements", "id TEXT, seen TEXT, status TEXT, observed INTEGER,", "")
#define HOSTS                                                                                      \
    TABLE("hosts",                                                                                 \
          "name TEXT, ips TEXT, declared INTEGER, roles TEXT, site TEXT, forest TEXT, zone TEXT,"  \
          "client_group TEXT, first TEXT, last TEXT, flows INTEGER, bytes_sent INTEGER,"           \
          "bytes_received INTEGER, findings INTEGER, worst TEXT,",                                 \
          "")
#define CONVERSATIONS                                                                              \
    TABLE("conversations",                                                                         \
          "client_ip TEXT, client_name TEXT, client_group TEXT, server_ip TEXT, server_name TEXT," \
          "protocol TEXT, transport TEXT, port INTEGER, flows INTEGER, bytes INTEGER, first TEXT," \
          "last TEXT, unanswered INTEGER,",                                                        \
          "")
#define TRAFFIC                                                                                    \
    TABLE("traffic",                                                                               \
          "start TEXT, seconds INTEGER, protocol TEXT NOT NULL, flows INTEGER, bytes INTEGER,",    \
          ", protocol")
/* Version 2. */
#define GRADES TABLE("grades", "chapter TEXT, grade TEXT, points INTEGER, judged INTEGER,", "")

/* Version 3: what a mask learned of the audit's names (mask_write). */
#define NAMES                                                                                      \
    "CREATE TABLE names(audit INTEGER PRIMARY KEY REFERENCES audits ON DELETE CASCADE,"            \
    "  list BLOB NOT NULL);"

/* Of all audits. A truth that a record leaves out is 0 in a column. */
#define OF(type) " FROM documents WHERE type = '" type "'"

#define FILL_FINDINGS                                                                              \
    "INSERT INTO findings SELECT audit, position, json ->> 'id', json ->> 'code', json ->> 'rule'" \
    ", json ->> 'title', json ->> 'severity', json ->> 'confidence', json ->> '$.client.ip'"       \
    ", json ->> '$.client.name', json ->> '$.client.group', json ->> '$.server.ip'"                \
    ", json ->> '$.server.name', json ->> '$.server.port', json ->> 'first', json ->> 'last'"      \
    ", json ->> 'count', json -> 'accepted' IS NOT NULL"                                           \
    "  AND NOT coalesce(json ->> '$.accepted.expired', 0)"                                         \
    ", json ->> '$.accepted.until'" OF("finding")
#define FILL_VERDICTS                                                                              \
    "INSERT INTO verdicts SELECT audit, position, json ->> 'code', json ->> 'rule'"                \
    ", json ->> 'subject', json ->> 'status', json ->> 'observed'" OF("verdict")
#define FILL_STATEMENTS                                                                            \
    "INSERT INTO statements SELECT audit, position, json ->> 'id', json ->> 'seen'"                \
    ", json ->> 'status', json ->> 'observed'" OF("statement")
#define FILL_HOSTS                                                                                 \
    "INSERT INTO hosts SELECT audit, position, json ->> 'name', json ->> 'ips'"                    \
    ", coalesce(json ->> 'declared', 0), json ->> 'roles', json ->> 'site', json ->> 'forest'"     \
    ", json ->> 'zone', json ->> 'group', json ->> 'first', json ->> 'last', json ->> 'flows'"     \
    ", json ->> 'bytes_sent', json ->> 'bytes_received', json ->> 'findings'"                      \
    ", json ->> 'worst'" OF("host")
#define FILL_CONVERSATIONS                                                                         \
    "INSERT INTO conversations SELECT audit, position, json ->> '$.client.ip'"                     \
    ", json ->> '$.client.name', json ->> '$.client.group', json ->> '$.server.ip'"                \
    ", json ->> '$.server.name', json ->> 'protocol', json ->> 'transport', json ->> 'port'"       \
    ", json ->> 'flows', json ->> 'bytes', json ->> 'first', json ->> 'last'"                      \
    ", json ->> 'unanswered'" OF("conversation")
#define FILL_TRAFFIC                                                                               \
    "INSERT INTO traffic SELECT audit, position, d.json ->> 'start', d.json ->> 'seconds', p.key"  \
    ", p.value ->> 'flows', p.value ->> 'bytes'"                                                   \
    " FROM documents AS d, json_each(d.json, '$.protocols') AS p WHERE d.type = 'traffic'"

#define FILL_GRADES                                                                                \
    "INSERT INTO grades SELECT audit, position, json ->> 'chapter', json ->> 'grade'"              \
    ", json ->> 'points', json ->> 'judged'" OF("grade")

const char *const store_steps[] = {
    DOCUMENTS FINDINGS VERDICTS STATEMENTS HOSTS CONVERSATIONS TRAFFIC,
    GRADES FILL_GRADES,
    NAMES,
};
const unsigned store_version = sizeof store_steps / sizeof *store_steps;

#define ONE " AND audit = ?1"
const char *const store_fills[] = {
    FILL_FINDINGS ONE,      FILL_VERDICTS ONE, FILL_STATEMENTS ONE, FILL_HOSTS ONE,
    FILL_CONVERSATIONS ONE, FILL_TRAFFIC ONE,  FILL_GRADES ONE,
};
const unsigned store_fill_count = sizeof store_fills / sizeof *store_fills;
