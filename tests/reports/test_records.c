/*
 * test_records.c - records for machines: hostile names stay inside their strings; what a run saw
 * only in part.
 */
#include "tests/test.h"

#include <jansson.h>

#include "reports/records.h"

static json_t *one_record(struct output *out)
{
    size_t len = 0;
    const char *text = output_memory(out, &len);
    assert_true(len > 0 && text[len - 1] == '\n');
    assert_ptr_equal(memchr(text, '\n', len), text + len - 1); /* one line */
    json_t *doc = json_loadb(text, len, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(doc);
    assert_int_equal(output_close(out), 0);
    return doc;
}

static const char *text_at(json_t *doc, const char *key)
{
    return json_string_value(json_object_get(doc, key));
}

static void hostile_names_stay_strings(void **state)
{
    static const char hostile[] = "\",\"severity\":\"none\n\33[2J\\ \xff\xc2\x9b";
    (void)state;
    struct observation_pool *pool = observation_pool_new();
    struct observation *o = observation_new(pool, RECORD_HTTP);
    struct record_names names = {0};
    assert_non_null(o);
    o->at = (struct stamp){.order = 1, .packet = 7, .ns = 0, .precision = 6};
    o->dir = DIR_SERVER;
    o->flow.id = 3;
    observation_utf8(o, FACT_HTTP_URI, bytes_text(hostile));
    observation_utf8(o, FACT_HTTP_AUTH_OFFERED, bytes_text("a\""));
    observation_utf8(o, FACT_HTTP_AUTH_OFFERED, bytes_text("b\\"));
    observation_string(o, FACT_HTTP_METHOD, "GET");
    observation_num(o, FACT_HTTP_STATUS, 200);
    struct output *out = output_to_memory();
    record_observation(out, &names, o);
    json_t *doc = one_record(out);
    assert_string_equal(text_at(doc, "type"), "http");
    assert_string_equal(text_at(doc, "ts"), "1970-01-01T00:00:00.000000Z");
    assert_string_equal(text_at(doc, "dir"), "server");
    assert_string_equal(text_at(doc, "uri"),
                        "\",\"severity\":\"none\n\33[2J\\ \xef\xbf\xbd\xc2\x9b");
    assert_null(json_object_get(doc, "severity"));
    json_t *offered = json_object_get(doc, "auth_offered");
    assert_int_equal(json_array_size(offered), 2);
    assert_string_equal(json_string_value(json_array_get(offered, 0)), "a\"");
    assert_string_equal(json_string_value(json_array_get(offered, 1)), "b\\");
    json_decref(doc);
    observation_release(pool, o);
    observation_pool_free(pool);
}

/* Keys of one group are one object, though facts are stated in any order. */
static void groups_are_objects(void **state)
{
    (void)state;
    struct observation_pool *pool = observation_pool_new();
    struct observation *o = observation_new(pool, RECORD_SMB);
    struct record_names names = {0};
    assert_non_null(o);
    o->at = (struct stamp){.order = 1, .packet = 1, .ns = 1, .precision = 9};
    observation_string(o, FACT_SMB_PATH, "\\\\a\\b");
    observation_string(o, FACT_SMB_SIGNING_SERVER, "required");
    observation_string(o, FACT_SMB_MESSAGE, "negotiate");
    observation_string(o, FACT_SMB_SIGNING_CLIENT, "enabled");
    struct output *out = output_to_memory();
    record_observation(out, &names, o);
    json_t *doc = one_record(out);
    json_t *signing = json_object_get(doc, "signing");
    assert_int_equal(json_object_size(signing), 2);
    assert_string_equal(text_at(signing, "client"), "enabled");
    assert_string_equal(text_at(signing, "server"), "required");
    assert_string_equal(text_at(doc, "path"), "\\\\a\\b");
    assert_string_equal(text_at(doc, "ts"), "1970-01-01T00:00:00.000000001Z");
    json_decref(doc);
    observation_release(pool, o);
    observation_pool_free(pool);
}

static void partial_conversations_are_counted(void **state)
{
    static const struct {
        const char *state;
        uint8_t protocol;
        uint64_t client, server, missing;
        struct flow_quality counted;
    } cases[] = {
        {"closed", IP_TCP, 5, 5, 0, {0}},
        {"unanswered", IP_TCP, 3, 0, 0, {0}}, /* nobody answered: the network's doing */
        {"midstream", IP_TCP, 9, 0, 0, {.one_sided = 1, .midstream = 1}},
        {"closed", IP_TCP, 0, 9, 0, {.one_sided = 1}},
        {"midstream", IP_TCP, 9, 9, 100, {.midstream = 1, .gaps = 1, .missing_octets = 100}},
        {"unanswered", IP_UDP, 9, 0, 0, {0}}, /* a datagram needs no answer */
    };
    (void)state;
    struct observation_pool *pool = observation_pool_new();
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct flow_quality q = {0};
        struct observation *o = observation_new(pool, RECORD_FLOW);
        assert_non_null(o);
        o->flow.protocol = cases[i].protocol;
        observation_string(o, FACT_FLOW_STATE, cases[i].state);
        observation_num(o, FACT_FLOW_PACKETS_CLIENT, cases[i].client);
        observation_num(o, FACT_FLOW_PACKETS_SERVER, cases[i].server);
        if (cases[i].missing > 0) {
            observation_num(o, FACT_FLOW_MISSING_SERVER, cases[i].missing);
        }
        flow_quality_add(&q, o);
        assert_memory_equal(&q, &cases[i].counted, sizeof q);
        observation_release(pool, o);
    }
    observation_pool_free(pool);
}

static void summary_of_events(void **state)
{
    static const char *const inputs[] = {"a\"b.pcap"};
    static const char *const protocols[] = {"smb"};
    static const uint64_t flows[] = {4};
    struct run run = {.inputs = inputs,
                      .input_count = 1,
                      .source = {.packets = 10,
                                 .bytes = 1000,
                                 .first_ns = -1,
                                 .last_ns = 0,
                                 .truncated_files = 1},
                      .quality = {.gaps = 2, .missing_octets = 30},
                      .protocols = protocols,
                      .protocol_flows = flows,
                      .protocol_count = 1,
                      .precision = 6};
    struct record_names names = {0};
    (void)state;
    struct output *out = output_to_memory();
    record_summary(out, &names, &run, NULL, NULL);
    json_t *doc = one_record(out);
    json_t *input = json_object_get(doc, "input"), *partial = json_object_get(doc, "partial");
    assert_string_equal(json_string_value(json_array_get(json_object_get(input, "files"), 0)),
                        "a\"b.pcap");
    assert_string_equal(text_at(input, "first"), "1969-12-31T23:59:59.999999Z");
    assert_int_equal(json_integer_value(json_object_get(partial, "gaps")), 2);
    assert_int_equal(json_integer_value(json_object_get(partial, "missing_octets")), 30);
    assert_int_equal(
        json_integer_value(json_object_get(json_object_get(doc, "truncated"), "files")), 1);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(doc, "protocols"), "smb")),
                     4);
    assert_null(json_object_get(doc, "findings"));
    json_decref(doc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hostile_names_stay_strings),
        cmocka_unit_test(groups_are_objects),
        cmocka_unit_test(partial_conversations_are_counted),
        cmocka_unit_test(summary_of_events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
