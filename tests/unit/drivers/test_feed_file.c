/* A file is taken once it rests: two looks must find it the same, unless it is old. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "controller/base/utc.h"
#include "drivers/feed_file.h"

static char path[] = "/tmp/tidewatt-feed-XXXXXX";
static struct feed_file file;

static void write_text(const char *text)
{
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    fputs(text, out);
    fclose(out);
}

static void expect(enum reason reason, int64_t rest_ms)
{
    struct error cause;
    assert_string_equal(reason_name(feed_file_look(&file, path, rest_ms, &cause)),
                        reason_name(reason));
}

static void a_file_that_grows_is_left_alone(void **state)
{
    (void)state;
    write_text("t,v\n1,2\n");
    expect(REASON_FEED_PARTIAL, DAY_MS);
    write_text("t,v\n1,2\n2,3\n");
    expect(REASON_FEED_PARTIAL, DAY_MS);
    expect(REASON_NONE, DAY_MS);
    assert_int_equal(file.length, strlen("t,v\n1,2\n2,3\n"));
    assert_memory_equal(file.bytes, "t,v\n1,2\n2,3\n", file.length);
    assert_true(file.modified_ms > 0);
    expect(REASON_FEED_DUPLICATE, DAY_MS);
    assert_false(file.again);
    feed_file_forget(&file);
    expect(REASON_NONE, DAY_MS);
    assert_true(file.again);
    feed_file_forget(&file);
    write_text("t,v\n");
    expect(REASON_FEED_PARTIAL, DAY_MS);
    expect(REASON_NONE, DAY_MS);
    assert_int_equal(file.length, strlen("t,v\n"));
    assert_false(file.again);
}

static void an_old_file_is_taken_at_once(void **state)
{
    (void)state;
    write_text("t,v,w\n");
    expect(REASON_NONE, -DAY_MS);
    expect(REASON_FEED_DUPLICATE, -DAY_MS);
}

static void a_file_that_is_too_long_is_refused(void **state)
{
    (void)state;
    write_text("");
    assert_int_equal(truncate(path, LIMIT_FEED_BYTES + 1), 0);
    expect(REASON_FEED_MALFORMED, -DAY_MS);
}

static int make_file(void **state)
{
    (void)state;
    int descriptor = mkstemp(path);
    close(descriptor);
    return descriptor < 0;
}

static int remove_file(void **state)
{
    (void)state;
    feed_file_finish(&file);
    return unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_that_grows_is_left_alone),
        cmocka_unit_test(an_old_file_is_taken_at_once),
        cmocka_unit_test(a_file_that_is_too_long_is_refused),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
