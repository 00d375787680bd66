/* Accelerators suffice exactly when those that run could share them out, one by one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "controller/act/accelerators.h"

enum { CLASSES = 4, UNITS = 64, CASES = 3000 };

/* Who takes which: every accelerator that is needed is matched with one that is there. */
struct share {
    uint32_t needs[UNITS]; /* classes that can serve it */
    int need_count;
    uint32_t there[UNITS]; /* its class, as a bit */
    int there_count;
    int taker[UNITS]; /* of what is there, -1: free */
    bool tried[UNITS];
};

static bool serve(struct share *share, int need)
{
    for (int i = 0; i < share->there_count; i++) {
        if (share->tried[i] || !(share->there[i] & share->needs[need]))
            continue;
        share->tried[i] = true;
        if (share->taker[i] < 0 || serve(share, share->taker[i])) {
            share->taker[i] = need;
            return true;
        }
    }
    return false;
}

static void share_init(struct share *share, const int32_t counts[LIMIT_ACCELERATORS])
{
    *share = (struct share){.need_count = 0};
    for (int c = 0; c < LIMIT_ACCELERATORS; c++)
        for (int32_t i = 0; i < counts[c]; i++)
            share->there[share->there_count++] = UINT32_C(1) << c;
    for (int i = 0; i < UNITS; i++)
        share->taker[i] = -1;
}

/* All of them or none. */
static bool share_add(struct share *share, uint32_t classes, int32_t count)
{
    struct share before = *share;
    for (int32_t i = 0; i < count; i++) {
        memset(share->tried, 0, sizeof share->tried);
        share->needs[share->need_count++] = classes;
        if (!serve(share, share->need_count - 1)) {
            *share = before;
            return false;
        }
    }
    return true;
}

static uint32_t state_of_dice = 1;

static int32_t dice(int32_t sides)
{
    state_of_dice = state_of_dice * 1664525u + 1013904223u;
    return (int32_t)((state_of_dice >> 16) % (uint32_t)sides);
}

static void they_suffice_when_they_can_be_shared_out(void **state)
{
    (void)state;
    static struct accelerators accelerators;
    int let = 0, refused = 0;
    for (int n = 0; n < CASES; n++) {
        int32_t counts[LIMIT_ACCELERATORS] = {0};
        struct share share;
        for (int c = 0; c < CLASSES; c++)
            counts[c] = dice(3) == 0 ? 0 : dice(7); /* some group has not all classes */
        memset(&accelerators, 0, sizeof accelerators);
        accelerators_add_group(&accelerators, counts);
        share_init(&share, counts);
        for (int j = 0; j < 8; j++) {
            uint32_t classes = 1 + (uint32_t)dice((1 << CLASSES) - 1);
            int32_t count = 1 + dice(5);
            bool fits = share_add(&share, classes, count);
            assert_int_equal(accelerators_suffice(&accelerators, 0, classes, count), fits);
            if (fits)
                accelerators_take(&accelerators, 0, classes, count);
            let += fits;
            refused += !fits;
        }
    }
    assert_true(let > CASES && refused > CASES);
}

static void who_needs_none_is_never_refused(void **state)
{
    (void)state;
    static struct accelerators accelerators;
    static const int32_t none[LIMIT_ACCELERATORS] = {0};
    accelerators_add_group(&accelerators, none);
    assert_true(accelerators_suffice(&accelerators, 0, 0, 8));
    assert_true(accelerators_suffice(&accelerators, 0, 1, 0));
    assert_true(accelerators_suffice(&accelerators, -1, 0, 8));
    assert_false(accelerators_suffice(&accelerators, 0, 1, 1));
    assert_false(accelerators_suffice(&accelerators, -1, 1, 1)); /* no such group */
    assert_false(accelerators_suffice(&accelerators, 1, 1, 1));
}

static void what_draws_power_holds_the_larger_of_two_levels(void **state)
{
    (void)state;
    struct job job = {.levels = {{2000, 1, 8}, {1000, 0.5, 4}}, .level_count = 2};
    for (enum job_state s = 0; s < JOB_STATES; s++) {
        job.state = s;
        assert_int_equal(job_accelerators_held(&job), job_state_draws_power(s) ? 8 : 0);
    }
    job.state = JOB_RUNNING;
    job.level_asked = 1;
    assert_int_equal(job_accelerators_held(&job), 8);
    job.level = 1;
    assert_int_equal(job_accelerators_held(&job), 4);
    job.level_asked = 0;
    assert_int_equal(job_accelerators_held(&job), 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(they_suffice_when_they_can_be_shared_out),
        cmocka_unit_test(who_needs_none_is_never_refused),
        cmocka_unit_test(what_draws_power_holds_the_larger_of_two_levels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
