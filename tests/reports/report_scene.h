/*
 * report_scene.h - a policy from text, and an audit of it that tests of reports fill by hand
 * through the ledger.
 */
#ifndef ROLECALL_TESTS_REPORTS_REPORT_SCENE_H
#define ROLECALL_TESTS_REPORTS_REPORT_SCENE_H

#include "tests/test.h"

#include <sys/mman.h>
#include <unistd.h>

#include "policy/ledger.h"
#include "reports/formats.h"
#include "reports/records_report.h"

#define SCENE_START INT64_C(1763821993374238000) /* 2025-11-22T14:33:13.374238Z */

struct scene_files {
    struct policy *policy;
    struct audit *audit;
    struct observation flow; /* what the audit looks at meanwhile */
    struct party client, server;
};

static inline struct stamp scene_stamp(uint64_t packet)
{
    return (struct stamp){.order = packet,
                          .packet = packet,
                          .ns = SCENE_START + (int64_t)packet * 1000000,
                          .precision = 6};
}

/* Rules of the catalogue are off, so that only what the test judges is in the audit; the first one
 * keeps it awake. */
static inline struct policy *scene_policy(const char *text)
{
    char path[64], off[4096] = "rules:\n";
    for (unsigned i = 1; i < rule_count; i++) {
        size_t len = strlen(off);
        (void)snprintf(off + len, sizeof off - len, "  %s: off\n", rules[i]->name);
    }
    assert_true(strlen(off) < sizeof off - 1);
    struct policy *p = NULL;
    int fd = memfd_create("policy", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    assert_int_equal(write(fd, off, strlen(off)), (ssize_t)strlen(off));
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    assert_int_equal(policy_load(path, NULL, &rule_names, stderr, &p), 0);
    close(fd);
    return p;
}

static inline struct party scene_party(const struct policy *p, const char *address, uint16_t port)
{
    struct party party = {.known = true, .port = port};
    assert_true(address_parse(address, &party.address));
    party.host = policy_host(p, &party.address);
    party.group = party.host != NULL ? NULL : policy_group(p, &party.address);
    party.zone = policy_zone(p, &party.address);
    return party;
}

static inline void scene_begin(struct scene_files *s, const char *policy, const char *client,
                               const char *server)
{
    *s = (struct scene_files){.policy = scene_policy(policy)};
    s->audit = audit_new(s->policy);
    assert_non_null(s->audit);
    s->client = scene_party(s->policy, client, 0);
    s->server = scene_party(s->policy, server, 445);
    s->flow.record = RECORD_FLOW;
    s->flow.at = scene_stamp(1);
    s->flow.flow.id = 1;
    s->flow.flow.protocol = IP_TCP;
    s->flow.flow.ends[DIR_CLIENT] = (struct flow_end){.address = s->client.address, .port = 50000};
    s->flow.flow.ends[DIR_SERVER] = (struct flow_end){.address = s->server.address, .port = 445};
    audit_observe(s->audit, &s->flow);
}

/* The finished audit as a document. */
static inline struct document *scene_document(const struct scene_files *s, const struct run *run,
                                              const struct gathering *gathering)
{
    const struct record_names names = {.policy = s->policy};
    const struct results results = {.names = &names,
                                    .run = run,
                                    .audit = s->audit,
                                    .gathering = gathering,
                                    .generated_ns = INT64_MIN};
    struct output *out = output_to_memory();
    struct document *d = NULL;
    char error[DOCUMENT_ERROR] = "";
    size_t len = 0;
    assert_non_null(out);
    records_report(out, &results);
    const char *text = output_memory(out, &len);
    assert_int_equal(document_parse(bytes_of(text, len), error, &d), 0);
    assert_int_equal(output_close(out), 0);
    return d;
}

static inline void scene_end(struct scene_files *s)
{
    audit_free(s->audit);
    policy_free(s->policy);
}

#endif
