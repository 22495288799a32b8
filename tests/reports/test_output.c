/*
 * test_output.c - the writer when all is well, and when the disk is full.
 */
#include "tests/test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reports/output.h"

#define LINES 40000 /* some 1.2 MB: several times the writer's buffer */

static int scratch(char path[64])
{
    (void)snprintf(path, 64, "/tmp/test_output.XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    return fd;
}

static void write_lines(struct output *out, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        output_format(out, "{\"line\":%u,\"text\":\"%s\"}", i, "0123456789");
        output_line(out);
    }
}

/* The whole file, terminated; the caller frees. */
static char *slurp(const char *path, size_t *ret_len)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &st), 0);
    char *text = malloc((size_t)st.st_size + 1);
    assert_non_null(text);
    *ret_len = 0;
    for (ssize_t n = 0; (n = read(fd, text + *ret_len, (size_t)st.st_size - *ret_len)) > 0;) {
        *ret_len += (size_t)n;
    }
    text[*ret_len] = '\0';
    close(fd);
    return text;
}

/* How many whole lines, each the one that belongs there; fails on anything else. */
static unsigned whole_lines(const char *text, size_t len)
{
    unsigned count = 0;
    for (size_t at = 0; at < len; count++) {
        char wanted[64];
        int n = snprintf(wanted, sizeof wanted, "{\"line\":%u,\"text\":\"0123456789\"}\n", count);
        assert_true(at + (size_t)n <= len);
        assert_memory_equal(text + at, wanted, (size_t)n);
        at += (size_t)n;
    }
    return count;
}

static void file_takes_everything(void **state)
{
    char path[64];
    size_t len = 0;
    struct output *out = NULL;
    (void)state;
    close(scratch(path));
    assert_int_equal(output_open(path, &out), 0);
    write_lines(out, LINES);
    assert_int_equal(output_close(out), 0);
    char *text = slurp(path, &len);
    assert_int_equal(whole_lines(text, len), LINES);
    free(text);
    unlink(path);
}

static void memory_grows(void **state)
{
    size_t len = 0;
    (void)state;
    struct output *out = output_to_memory();
    assert_non_null(out);
    write_lines(out, LINES);
    assert_int_equal(output_flush(out), 0);
    const char *text = output_memory(out, &len);
    assert_int_equal(whole_lines(text, len), LINES);
    assert_int_equal(output_close(out), 0);
}

static void no_such_folder(void **state)
{
    struct output *out = NULL;
    (void)state;
    assert_int_equal(output_open("/no/such/folder/file", &out), -ENOENT);
    assert_null(out);
    assert_int_equal(output_close(NULL), 0);
}

static void full_device_is_an_error(void **state)
{
    struct output *out = NULL;
    (void)state;
    assert_int_equal(output_open("/dev/full", &out), 0);
    output_text(out, "one line");
    output_line(out);
    assert_int_equal(output_error(out), 0); /* still in the buffer */
    assert_int_equal(output_flush(out), -ENOSPC);
    write_lines(out, LINES); /* more does not wake it up */
    assert_int_equal(output_error(out), -ENOSPC);
    assert_int_equal(output_close(out), -ENOSPC);
}

/* A file that may not grow past `limit`: the kernel takes a part of a write, then none. */
static void full_file_ends_in_a_whole_line(void **state)
{
    /* At a line's end, inside a line, inside the first one, at a buffer's end and around it. */
    static const rlim_t limits[] = {0,      1,      31,     32,     33,     1000,
                                    131071, 131072, 131073, 262144, 400000, 777777};
    struct rlimit before;
    (void)state;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    for (size_t i = 0; i < COUNT_OF(limits); i++) {
        char path[64];
        size_t len = 0;
        struct output *out = NULL;
        struct rlimit tight = {.rlim_cur = limits[i], .rlim_max = before.rlim_max};
        close(scratch(path));
        assert_int_equal(output_open(path, &out), 0);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
        write_lines(out, LINES);
        int error = output_close(out);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
        assert_int_equal(error, -EFBIG);
        char *text = slurp(path, &len);
        unsigned lines = whole_lines(text, len);
        assert_true(len <= limits[i]);
        /* Nothing whole was given away: the next line would not have fitted. */
        char next[64];
        int longer = snprintf(next, sizeof next, "{\"line\":%u,\"text\":\"0123456789\"}\n", lines);
        if (len + (size_t)longer <= limits[i]) {
            fail_msg("limit %lu: only %zu octets kept", (unsigned long)limits[i], len);
        }
        free(text);
        unlink(path);
    }
}

/* Standard output may be a file that others wrote to before: only our part is cut. */
static void what_stood_before_stays(void **state)
{
    struct rlimit before;
    char path[64];
    size_t len = 0;
    struct output *out = NULL;
    (void)state;
    int fd = scratch(path), kept = dup(STDOUT_FILENO);
    assert_int_equal(write(fd, "before\n", 7), 7);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    (void)fflush(stdout);
    assert_int_equal(dup2(fd, STDOUT_FILENO), STDOUT_FILENO);
    struct rlimit tight = {.rlim_cur = 50, .rlim_max = before.rlim_max};
    int opened = output_open("-", &out);
    setrlimit(RLIMIT_FSIZE, &tight);
    write_lines(out, 10);
    int error = output_close(out);
    setrlimit(RLIMIT_FSIZE, &before);
    dup2(kept, STDOUT_FILENO);
    assert_int_equal(opened, 0);
    assert_int_equal(error, -EFBIG);
    char *text = slurp(path, &len);
    assert_string_equal(text, "before\n{\"line\":0,\"text\":\"0123456789\"}\n");
    free(text);
    close(fd);
    close(kept);
    unlink(path);
}

/* A renderer that cannot go on leaves no half of a report, and its reason. */
static void refused_output_is_empty(void **state)
{
    char path[64];
    size_t len = 0;
    struct output *out = NULL;
    (void)state;
    close(scratch(path));
    assert_int_equal(output_open(path, &out), 0);
    assert_string_equal(output_refusal(out), "");
    output_text(out, "half a line");
    output_refuse(out, "no paper");
    output_refuse(out, "no ink");
    write_lines(out, 20000); /* more than the buffer holds */
    assert_string_equal(output_refusal(out), "no paper");
    assert_int_equal(output_close(out), -ECANCELED);
    char *text = slurp(path, &len);
    assert_int_equal(len, 0);
    free(text);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(file_takes_everything),
        cmocka_unit_test(memory_grows),
        cmocka_unit_test(no_such_folder),
        cmocka_unit_test(full_device_is_an_error),
        cmocka_unit_test(full_file_ends_in_a_whole_line),
        cmocka_unit_test(what_stood_before_stays),
        cmocka_unit_test(refused_output_is_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
