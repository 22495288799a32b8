/*
 * test_observation.c - what is stated can be read again; limits drop facts and count them; the pool
 * gives clean observations.
 */
#include "capture/limits.h"
#include "dissect/observation.h"
#include "tests/test.h"

static struct observation *stage(struct observation_pool **pool, enum record record)
{
    *pool = observation_pool_new();
    assert_non_null(*pool);
    struct observation *o = observation_new(*pool, record);
    assert_non_null(o);
    return o;
}

static void unstage(struct observation_pool *pool, struct observation *o)
{
    observation_release(pool, o);
    assert_null(observation_pool_free(pool));
}

static struct bytes text_of(const char *text)
{
    return bytes_of(text, strlen(text));
}

static void test_facts_come_back(void **state)
{
    (void)state;
    struct observation_pool *pool = NULL;
    struct observation *o = stage(&pool, RECORD_HTTP);
    const struct stamp at = {.packet = 7, .order = 9, .ns = 11, .precision = 6}, never = {0};
    const uint8_t octets[] = {0, 1, 0xff};
    observation_num(o, FACT_HTTP_STATUS, 401);
    observation_bool(o, FACT_HTTP_PROXY, true);
    observation_utf8(o, FACT_HTTP_HOST, text_of("mp01"));
    observation_utf16le(o, FACT_NTLM_USER, bytes_of("a\0l\0", 4));
    observation_string(o, FACT_HTTP_VERSION, "HTTP/1.1");
    observation_format(o, FACT_FLOW_TUNNEL, "vlan:%d", 20);
    observation_hex(o, FACT_NTLM_SERVER_CHALLENGE, bytes_of(octets, sizeof octets));
    observation_stamp(o, FACT_HTTP_REQUEST_PACKET, &at);
    observation_stamp(o, FACT_HTTP_RESPONSE_PACKET, &never);
    observation_empty(o, FACT_NTLM_DOMAIN);
    assert_int_equal(observation_number(o, FACT_HTTP_STATUS, 0), 401);
    assert_true(observation_says(o, FACT_HTTP_PROXY));
    assert_string_equal(observation_text(o, FACT_HTTP_HOST), "mp01");
    assert_string_equal(observation_text(o, FACT_NTLM_USER), "al");
    assert_true(observation_is(o, FACT_HTTP_VERSION, "HTTP/1.1"));
    assert_false(observation_is(o, FACT_HTTP_VERSION, "HTTP/1.0"));
    assert_string_equal(observation_text(o, FACT_FLOW_TUNNEL), "vlan:20");
    assert_string_equal(observation_text(o, FACT_NTLM_DOMAIN), "");
    struct bytes hex = fact_octets(o, observation_get(o, FACT_NTLM_SERVER_CHALLENGE));
    assert_int_equal(hex.len, sizeof octets);
    assert_memory_equal(hex.at, octets, sizeof octets);
    assert_int_equal(observation_packet(o, FACT_HTTP_REQUEST_PACKET).packet, 7);
    assert_int_equal(observation_packet(o, FACT_HTTP_RESPONSE_PACKET).order, 0);
    unstage(pool, o);
}

static void test_nothing_is_not_stated(void **state)
{
    (void)state;
    struct observation_pool *pool = NULL;
    struct observation *o = stage(&pool, RECORD_HTTP);
    observation_string(o, FACT_HTTP_HOST, NULL);
    observation_string(o, FACT_HTTP_HOST, "");
    observation_utf8(o, FACT_HTTP_HOST, bytes_of("", 0));
    observation_utf16le(o, FACT_HTTP_HOST, bytes_of("", 0));
    observation_hex(o, FACT_NTLM_SERVER_CHALLENGE, bytes_of("", 0));
    observation_format(o, FACT_HTTP_HOST, "%s", "");
    assert_int_equal(o->count, 0);
    assert_null(observation_text(o, FACT_HTTP_HOST));
    assert_null(observation_get(o, FACT_HTTP_HOST));
    assert_int_equal(observation_number(o, FACT_HTTP_STATUS, 42), 42);
    assert_false(observation_says(o, FACT_HTTP_PROXY));
    assert_false(observation_is(o, FACT_HTTP_HOST, ""));
    unstage(pool, o);
}

static void test_lists_keep_their_order(void **state)
{
    (void)state;
    struct observation_pool *pool = NULL;
    struct observation *o = stage(&pool, RECORD_HTTP);
    static const char *const schemes[] = {"negotiate", "ntlm", "basic"};
    for (size_t i = 0; i < COUNT_OF(schemes); i++) {
        observation_string(o, FACT_HTTP_AUTH_OFFERED, schemes[i]);
        observation_num(o, FACT_HTTP_STATUS, i);
    }
    const struct fact *f = NULL;
    for (size_t i = 0; i < COUNT_OF(schemes); i++) {
        f = observation_more(o, FACT_HTTP_AUTH_OFFERED, f);
        assert_non_null(f);
        assert_string_equal(fact_text(o, f), schemes[i]);
    }
    assert_null(observation_more(o, FACT_HTTP_AUTH_OFFERED, f));
    unstage(pool, o);
}

static void test_limits_are_counted(void **state)
{
    (void)state;
    struct observation_pool *pool = NULL;
    struct observation *o = stage(&pool, RECORD_HTTP);
    for (unsigned i = 0; i < LIMIT_FACTS + 3; i++) {
        observation_num(o, FACT_HTTP_STATUS, i);
    }
    assert_int_equal(o->count, LIMIT_FACTS);
    assert_int_equal(o->cut, 3);
    observation_release(pool, o);
    o = observation_new(pool, RECORD_TLS);
    assert_int_equal(o->cut, 0);
    static char text[LIMIT_OBSERVATION_TEXT / 4];
    memset(text, 'a', sizeof text - 1);
    for (unsigned i = 0; i < 5; i++) {
        observation_string(o, FACT_HTTP_HOST, text);
    }
    assert_int_equal(o->count, 4);
    assert_int_equal(o->cut, 1);
    assert_true(o->text_len <= LIMIT_OBSERVATION_TEXT);
    observation_num(o, FACT_HTTP_STATUS, 200);
    assert_int_equal(o->count, 5);
    unstage(pool, o);
}

static void test_long_text_ends_in_an_ellipsis(void **state)
{
    (void)state;
    struct observation_pool *pool = NULL;
    struct observation *o = stage(&pool, RECORD_HTTP);
    static char text[3 * LIMIT_TEXT];
    memset(text, 'a', sizeof text);
    observation_utf8(o, FACT_HTTP_HOST, bytes_of(text, sizeof text));
    observation_utf16le(o, FACT_NTLM_USER, bytes_of(text, sizeof text));
    observation_format(o, FACT_HTTP_URI, "%.*s", (int)sizeof text, text);
    const char *host = observation_text(o, FACT_HTTP_HOST);
    assert_in_range(strlen(host), LIMIT_TEXT - 8, LIMIT_TEXT + 8);
    assert_string_equal(host + strlen(host) - 3, "\xe2\x80\xa6");
    assert_in_range(strlen(observation_text(o, FACT_NTLM_USER)), LIMIT_TEXT - 8, LIMIT_TEXT + 8);
    assert_in_range(strlen(observation_text(o, FACT_HTTP_URI)), LIMIT_TEXT - 8, LIMIT_TEXT + 8);
    unstage(pool, o);
}

static void test_muted_keeps_nothing(void **state)
{
    (void)state;
    struct observation_pool *pool = NULL;
    struct observation *o = stage(&pool, RECORD_HTTP);
    const struct stamp at = {.packet = 7, .order = 9};
    o->muted = true;
    observation_num(o, FACT_HTTP_STATUS, 200);
    observation_string(o, FACT_HTTP_HOST, "a");
    observation_utf8(o, FACT_HTTP_HOST, text_of("a"));
    observation_format(o, FACT_HTTP_HOST, "%d", 1);
    observation_empty(o, FACT_HTTP_HOST);
    observation_stamp(o, FACT_HTTP_REQUEST_PACKET, &at);
    assert_int_equal(o->count + o->cut, 0);
    unstage(pool, o);
}

static void test_the_pool_gives_clean_ones(void **state)
{
    (void)state;
    struct observation_pool *pool = NULL;
    struct observation *first = stage(&pool, RECORD_HTTP);
    struct observation *second = observation_new(pool, RECORD_TLS);
    observation_string(first, FACT_HTTP_HOST, "a");
    first->muted = true;
    observation_release(pool, first);
    observation_release(pool, second);
    observation_release(pool, NULL);
    struct observation *again[2];
    for (unsigned i = 0; i < 2; i++) {
        struct observation *o = again[i] = observation_new(pool, RECORD_FLOW);
        assert_true(o == first || o == second);
        assert_int_equal(o->record, RECORD_FLOW);
        assert_int_equal(o->count + o->text_len, 0);
        assert_false(o->muted);
        assert_null(observation_text(o, FACT_HTTP_HOST));
    }
    observation_release(pool, again[0]);
    observation_release(pool, again[1]);
    assert_null(observation_pool_free(pool));
    assert_null(observation_pool_free(NULL));
}

static void test_names_of_facts(void **state)
{
    (void)state;
    assert_int_equal(fact_find("ntlm.domain"), FACT_NTLM_DOMAIN);
    assert_int_equal(fact_find("ntlm.domian"), FACT_COUNT);
    assert_string_equal(fact_nearest("ntlm.domian"), "ntlm.domain");
    assert_null(fact_nearest("nothing like any of them"));
    for (unsigned i = 0; i < FACT_COUNT; i++) {
        assert_int_equal(fact_find(fact_rows[i].key), i);
        assert_true(fact_rows[i].doc[0] != '\0');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_facts_come_back),
        cmocka_unit_test(test_nothing_is_not_stated),
        cmocka_unit_test(test_lists_keep_their_order),
        cmocka_unit_test(test_limits_are_counted),
        cmocka_unit_test(test_long_text_ends_in_an_ellipsis),
        cmocka_unit_test(test_muted_keeps_nothing),
        cmocka_unit_test(test_the_pool_gives_clean_ones),
        cmocka_unit_test(test_names_of_facts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
