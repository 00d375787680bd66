/* The poll plan: every readable row is read by exactly one block, whatever the profile and whatever
 * the device refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "drivers/poll_plan.h"

static const int64_t DAY_MS = INT64_C(24) * 60 * 60 * 1000;

static void add(struct profile *profile, enum register_table table, uint16_t address,
                enum register_type type, int64_t every_ms)
{
    profile->rows[profile->row_count++] = (struct profile_row){
        .table = table, .address = address, .type = type, .every_ms = every_ms};
}

static void expect_block(const struct poll_plan *plan, int block, uint16_t address, uint16_t count)
{
    assert_true(block < poll_plan_block_count(plan));
    assert_int_equal(poll_plan_block(plan, block).address, address);
    assert_int_equal(poll_plan_block(plan, block).count, count);
}

static struct poll_state *state_of(struct poll_plan *plan, const struct profile *profile)
{
    poll_plan_init(plan, profile);
    struct poll_state *state = poll_state_create(plan, 3);
    assert_non_null(state);
    return state;
}

static void joins_over_small_holes(void **state)
{
    (void)state;
    struct profile profile = {.max_registers = 125, .fill_holes = 4};
    struct poll_plan plan;
    add(&profile, TABLE_HOLDING, 20, TYPE_U16, 0);
    add(&profile, TABLE_HOLDING, 10, TYPE_I32, 0);
    add(&profile, TABLE_HOLDING, 16, TYPE_U16, 0); /* hole of 4 after 10..11 */
    add(&profile, TABLE_HOLDING, 26, TYPE_F64, 0); /* hole of 5 after 20 */
    add(&profile, TABLE_INPUT, 12, TYPE_U16, 0);
    poll_plan_init(&plan, &profile);
    assert_int_equal(poll_plan_block_count(&plan), 3);
    expect_block(&plan, 0, 10, 11);
    expect_block(&plan, 1, 26, 4);
    expect_block(&plan, 2, 12, 1);
    assert_int_equal(plan.order[0], 1);
}

static void keeps_to_the_longest_read(void **state)
{
    (void)state;
    struct profile profile = {.max_registers = 10, .fill_holes = 0};
    struct poll_plan plan;
    for (uint16_t i = 0; i < 9; i++)
        add(&profile, TABLE_HOLDING, (uint16_t)(4 * i), TYPE_U64, 0);
    poll_plan_init(&plan, &profile);
    assert_int_equal(poll_plan_block_count(&plan), 5);
    for (int i = 0; i < 5; i++)
        assert_true(poll_plan_block(&plan, i).count <= 10);
}

static void leaves_out_write_only_and_absent_rows(void **unused)
{
    (void)unused;
    struct profile profile = {.max_registers = 10, .fill_holes = 0};
    struct poll_plan plan;
    add(&profile, TABLE_HOLDING, 1, TYPE_U16, 0);
    add(&profile, TABLE_HOLDING, 2, TYPE_U16, 0);
    profile.rows[0].write.write_only = true;
    profile.rows[1].absent = true;
    poll_plan_init(&plan, &profile);
    assert_int_equal(poll_plan_block_count(&plan), 0);
    struct poll_state *state = state_of(&plan, &profile);
    struct poll_block block;
    assert_false(poll_begin(state, 1000));
    assert_false(poll_next(state, &block));
    free(state);
}

static struct profile random_profile(void)
{
    struct profile profile = {.max_registers = 4 + rand() % 121, .fill_holes = rand() % 20};
    uint16_t address = 0;
    int rows = 1 + rand() % LIMIT_PROFILE_ROWS;
    for (int i = 0; i < rows; i++) {
        enum register_type type = (enum register_type)(rand() % 8);
        add(&profile, rand() % 2 ? TABLE_HOLDING : TABLE_INPUT, address, type,
            rand() % 3 ? 0 : 5000);
        address = (uint16_t)(address + register_type_words(type) + rand() % 30);
    }
    return profile;
}

/* Each row lies inside exactly one of the round's reads, which keeps to one table and the longest
 * read. */
static void check_round(struct poll_state *state)
{
    const struct profile *profile = state->plan->profile;
    int seen[LIMIT_PROFILE_ROWS] = {0};
    struct poll_block block;
    while (poll_next(state, &block)) {
        assert_true(block.count <= profile->max_registers);
        for (int i = 0; i < block.rows; i++) {
            int row = state->plan->order[block.first + i];
            const struct profile_row *r = &profile->rows[row];
            uint16_t address, count;
            profile_row_span(r, &address, &count);
            assert_int_equal(r->table, block.table);
            assert_true(address >= block.address);
            assert_true(address + count <= block.address + block.count);
            seen[row]++;
        }
        poll_read(state, &block);
    }
    for (int row = 0; row < profile->row_count; row++)
        assert_int_equal(seen[row], 1);
}

static void covers_every_row_once_however_split(void **unused)
{
    (void)unused;
    static const uint8_t EXCEPTIONS[] = {1, 2, 2, 2, 3, 4};
    static struct poll_plan plan;
    srand(5);
    for (int i = 0; i < 500; i++) {
        struct profile profile = random_profile();
        struct poll_state *state = state_of(&plan, &profile);
        struct poll_block block;
        int64_t now_ms = 1000;
        poll_begin(state, now_ms);
        for (int refusals = rand() % 60; refusals > 0 && poll_next(state, &block); refusals--)
            if (rand() % 4 == 0)
                poll_read(state, &block);
            else if (rand() % 8 == 0)
                poll_failed(state, &block);
            else
                poll_refused(state, &block, EXCEPTIONS[rand() % 6], now_ms);
        while (poll_next(state, &block))
            poll_failed(state, &block);
        poll_begin(state, now_ms + 3600 * 1000); /* all is due by then */
        check_round(state);
        free(state);
    }
}

static void splits_down_to_single_rows(void **unused)
{
    (void)unused;
    struct profile profile = {.max_registers = 125, .fill_holes = 9};
    struct poll_plan plan;
    for (uint16_t i = 0; i < 7; i++)
        add(&profile, TABLE_HOLDING, (uint16_t)(10 * i), TYPE_U16, 0);
    struct poll_state *state = state_of(&plan, &profile);
    assert_int_equal(poll_plan_block_count(&plan), 1);
    poll_begin(state, 1000);
    struct poll_block block;
    int reads = 0, refused = 0;
    for (; poll_next(state, &block); reads++)
        if (!poll_refused(state, &block, 2, 1000)) {
            assert_int_equal(block.rows, 1);
            assert_int_equal(block.count, 1);
            refused++;
        }
    assert_int_equal(reads, 13);
    assert_int_equal(refused, 7);
    free(state);
}

/* A device where only register 20 is missing: what is refused alone is asked rarely, its neighbours
 * each round. */
static void asks_a_refused_row_rarely(void **unused)
{
    (void)unused;
    struct profile profile = {.max_registers = 125, .fill_holes = 9};
    struct poll_plan plan;
    for (uint16_t i = 0; i < 5; i++)
        add(&profile, TABLE_HOLDING, (uint16_t)(10 * i), TYPE_U16, 0);
    struct poll_state *state = state_of(&plan, &profile);
    struct poll_block block;
    int refused = 0, read = 0;
    for (int64_t tick = 1; tick <= 100; tick++) {
        poll_begin(state, tick * 1000);
        while (poll_next(state, &block)) {
            bool hit = block.address <= 20 && 20 < block.address + block.count;
            if (!hit) {
                read += block.rows;
                poll_read(state, &block);
            } else if (!poll_refused(state, &block, 2, tick * 1000)) {
                refused++;
            }
        }
    }
    assert_int_equal(read, 4 * 100);
    assert_int_equal(refused, 5); /* after 5, 10, 20, 40 s */
    free(state);
}

/* Exception 4 says nothing about registers: only a row that works alone proves that a split helps.
 */
static void splits_for_other_exceptions_only_when_a_row_works_alone(void **unused)
{
    (void)unused;
    struct profile profile = {.max_registers = 125, .fill_holes = 9};
    struct poll_plan plan;
    for (uint16_t i = 0; i < 4; i++)
        add(&profile, TABLE_HOLDING, (uint16_t)(10 * i), TYPE_U16, 0);
    struct poll_state *state = state_of(&plan, &profile);
    struct poll_block block;
    poll_begin(state, 1000);
    poll_next(state, &block);
    assert_true(poll_refused(state, &block, 4, 1000));
    poll_next(state, &block);
    assert_int_equal(block.rows, 1);
    assert_false(poll_refused(state, &block, 4, 1000)); /* the device is in trouble as a whole */
    assert_int_equal(block.rows, 4);
    assert_false(poll_next(state, &block));

    poll_begin(state, 2000);
    poll_next(state, &block);
    assert_int_equal(block.rows, 4);
    assert_true(poll_refused(state, &block, 4, 2000));
    poll_next(state, &block);
    assert_int_equal(block.rows, 1);
    assert_int_equal(block.first, 1); /* another row than the time before */
    poll_read(state, &block);
    int rows = 0;
    while (poll_next(state, &block)) {
        rows += block.rows;
        poll_read(state, &block);
    }
    assert_int_equal(rows, 3);
    free(state);
}

static void keeps_registers_together_that_belong_together(void **unused)
{
    (void)unused;
    struct profile profile = {.max_registers = 125, .fill_holes = 100, .block_count = 1};
    struct poll_plan plan;
    profile.blocks[0] = (struct profile_block){TABLE_HOLDING, 20, 12};
    add(&profile, TABLE_HOLDING, 10, TYPE_U16, 0);
    add(&profile, TABLE_HOLDING, 22, TYPE_U16, 0);
    add(&profile, TABLE_HOLDING, 30, TYPE_U16, 60000); /* read as often as the rest of its block */
    add(&profile, TABLE_HOLDING, 40, TYPE_U16, 0);
    struct poll_state *state = state_of(&plan, &profile);
    assert_int_equal(poll_plan_block_count(&plan), 3);
    expect_block(&plan, 0, 10, 1); /* not joined with 40 over it */
    expect_block(&plan, 1, 40, 1);
    expect_block(&plan, 2, 20, 12);
    uint16_t address, count;
    poll_plan_row(&plan, 2, &address, &count);
    assert_int_equal(address, 20);
    assert_int_equal(count, 12);
    struct poll_block block;
    poll_begin(state, 1000);
    for (int refused = 0; poll_next(state, &block); refused += block.address == 20)
        if (block.address != 20 || !poll_refused(state, &block, 2, 1000))
            poll_read(state, &block);
        else
            fail_msg("registers that belong together were split");
    free(state);
}

/* Two rows with a scale register behind both: each split part still covers it. */
static void covers_scale_registers(void **unused)
{
    (void)unused;
    struct profile profile = {.max_registers = 125, .fill_holes = 2};
    struct poll_plan plan;
    add(&profile, TABLE_HOLDING, 10, TYPE_U16, 0);
    add(&profile, TABLE_HOLDING, 11, TYPE_I16, 0);
    for (int i = 0; i < 2; i++) {
        profile.rows[i].scaled = true;
        profile.rows[i].scale_address = 15;
    }
    struct poll_state *state = state_of(&plan, &profile);
    expect_block(&plan, 0, 10, 6);
    struct poll_block block;
    poll_begin(state, 1000);
    poll_next(state, &block);
    assert_true(poll_refused(state, &block, 2, 1000));
    check_round(state);
    free(state);
}

static int reads_of(struct poll_state *state, int64_t tick_ms, int64_t jitter_ms, int ticks)
{
    int reads = 0;
    for (int i = 1; i <= ticks; i++) {
        int64_t off_ms = jitter_ms == 0 ? 0 : rand() % (2 * jitter_ms) - jitter_ms;
        struct poll_block block;
        poll_begin(state, 1000000 + i * tick_ms + off_ms);
        for (; poll_next(state, &block); reads++)
            poll_read(state, &block);
    }
    free(state);
    return reads;
}

static void slow_rows_are_read_less_often(void **unused)
{
    (void)unused;
    struct profile profile = {.max_registers = 125, .fill_holes = 9};
    struct poll_plan plan;
    add(&profile, TABLE_HOLDING, 0, TYPE_U16, 10000);
    assert_in_range(reads_of(state_of(&plan, &profile), 1000, 0, 100), 10, 11);
    assert_int_equal(reads_of(state_of(&plan, &profile), 60000, 0, 100), 100);
}

static void jitter_does_not_halve_the_rate(void **unused)
{
    (void)unused;
    struct profile profile = {.max_registers = 125, .fill_holes = 9};
    struct poll_plan plan;
    srand(6);
    add(&profile, TABLE_HOLDING, 0, TYPE_U16, 1000);
    assert_in_range(reads_of(state_of(&plan, &profile), 1000, 100, 1000), 1000, 1001);
}

/* Twenty slow blocks: all at the start, then never more than a few in one tick. */
static void spreads_slow_blocks_over_their_period(void **unused)
{
    (void)unused;
    struct profile profile = {.max_registers = 125};
    struct poll_plan plan;
    for (uint16_t i = 0; i < 20; i++)
        add(&profile, TABLE_HOLDING, (uint16_t)(10 * i), TYPE_U16, 20000);
    struct poll_state *state = state_of(&plan, &profile);
    for (int64_t tick = 1; tick <= 100; tick++) {
        struct poll_block block;
        int reads = 0;
        poll_begin(state, tick * 1000);
        for (; poll_next(state, &block); reads++)
            poll_read(state, &block);
        if (tick == 1)
            assert_int_equal(reads, 20);
        else
            assert_in_range(reads, 0, 4);
    }
    free(state);
}

static void fast_rows_go_first(void **unused)
{
    (void)unused;
    struct profile profile = {.max_registers = 125};
    struct poll_plan plan;
    add(&profile, TABLE_HOLDING, 0, TYPE_U16, 60000);
    add(&profile, TABLE_INPUT, 0, TYPE_U16, 0);
    struct poll_state *state = state_of(&plan, &profile);
    struct poll_block block;
    assert_false(poll_begin(state, 1000));
    poll_next(state, &block);
    assert_int_equal(block.table, TABLE_INPUT);
    poll_read(state, &block);
    assert_true(poll_next(state, &block));
    assert_int_equal(block.table, TABLE_HOLDING);
    /* Not read in time: the fast one is due again and goes first, the slow one is not forgotten. */
    assert_false(poll_begin(state, 2000));
    poll_next(state, &block);
    assert_int_equal(block.table, TABLE_INPUT);
    assert_true(poll_begin(state, 3000)); /* now the fast one was left over */
    free(state);
}

static void a_clock_that_goes_back_stops_nothing(void **unused)
{
    (void)unused;
    struct profile profile = {.max_registers = 125};
    struct poll_plan plan;
    const int64_t STEPS_MS[] = {1, 999, 5000, 60000, 29 * 60000, 31 * 60000, 4 * DAY_MS};
    add(&profile, TABLE_HOLDING, 0, TYPE_U16, 1000);
    add(&profile, TABLE_HOLDING, 50, TYPE_U16, 10000);
    struct poll_state *state = state_of(&plan, &profile);
    int64_t now_ms = 400 * DAY_MS;
    for (size_t step = 0; step < sizeof(STEPS_MS) / sizeof(STEPS_MS[0]); step++) {
        int reads[2] = {0, 0};
        for (int tick = 0; tick < 60; tick++, now_ms += 1000) {
            struct poll_block block;
            poll_begin(state, now_ms);
            for (; poll_next(state, &block); reads[block.address == 50]++)
                poll_read(state, &block);
        }
        assert_in_range(reads[0], 59, 61);
        assert_in_range(reads[1], 5, 8);
        now_ms -= STEPS_MS[step];
    }
    free(state);
}

/* A device that refuses everything while it starts is not read row by row for ever. */
static void a_split_is_tried_joined_again_after_a_day(void **unused)
{
    (void)unused;
    struct profile profile = {.max_registers = 125, .fill_holes = 9};
    struct poll_plan plan;
    for (uint16_t i = 0; i < 4; i++)
        add(&profile, TABLE_HOLDING, (uint16_t)(10 * i), TYPE_U16, 1000);
    struct poll_state *state = state_of(&plan, &profile);
    struct poll_block block;
    poll_begin(state, 1000);
    while (poll_next(state, &block))
        poll_refused(state, &block, 2, 1000);
    for (int64_t hour = 1; hour <= 25; hour++) {
        int reads = 0;
        poll_begin(state, hour * 3600 * 1000);
        for (; poll_next(state, &block); reads++)
            poll_read(state, &block);
        assert_int_equal(reads, hour < 25 ? 4 : 1);
    }
    free(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(joins_over_small_holes),
        cmocka_unit_test(keeps_to_the_longest_read),
        cmocka_unit_test(leaves_out_write_only_and_absent_rows),
        cmocka_unit_test(covers_every_row_once_however_split),
        cmocka_unit_test(splits_down_to_single_rows),
        cmocka_unit_test(asks_a_refused_row_rarely),
        cmocka_unit_test(splits_for_other_exceptions_only_when_a_row_works_alone),
        cmocka_unit_test(keeps_registers_together_that_belong_together),
        cmocka_unit_test(covers_scale_registers),
        cmocka_unit_test(slow_rows_are_read_less_often),
        cmocka_unit_test(jitter_does_not_halve_the_rate),
        cmocka_unit_test(spreads_slow_blocks_over_their_period),
        cmocka_unit_test(fast_rows_go_first),
        cmocka_unit_test(a_clock_that_goes_back_stops_nothing),
        cmocka_unit_test(a_split_is_tried_joined_again_after_a_day),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
