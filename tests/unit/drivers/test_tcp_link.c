/* The back-off of a connection; its life on a loop is tested on the wire. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "drivers/tcp_link.h"

static void backoff_grows_and_stays_bounded(void **state)
{
    (void)state;
    uint32_t random = 7;
    for (int attempt = 0; attempt < 40; attempt++) {
        int64_t base_ms = attempt < 7 ? 250 << attempt : 30000;
        for (int i = 0; i < 100; i++) {
            int64_t wait_ms = tcp_link_backoff_ms(attempt, &random);
            assert_in_range(wait_ms, base_ms * 3 / 4 - 1, base_ms * 5 / 4 + 1);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(backoff_grows_and_stays_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
