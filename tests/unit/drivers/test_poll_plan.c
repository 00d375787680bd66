/* The poll plan: every readable row is read by exactly one block, whatever the profile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "drivers/poll_plan.h"

static void add(struct profile *profile, enum register_table table, uint16_t address,
                enum register_type type, int64_t every_ms)
{
    profile->rows[profile->row_count++] = (struct profile_row){
        .table = table, .address = address, .type = type, .every_ms = every_ms};
}

static void expect_block(const struct poll_plan *plan, int block, uint16_t address, uint16_t count)
{
    assert_true(block < plan->block_count);
    assert_int_equal(plan->blocks[block].address, address);
    assert_int_equal(plan->blocks[block].count, count);
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
    assert_int_equal(plan.block_count, 3);
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
    assert_int_equal(plan.block_count, 5);
    for (int i = 0; i < plan.block_count; i++)
        assert_true(plan.blocks[i].count <= 10);
}

static void leaves_out_write_only_rows(void **state)
{
    (void)state;
    struct profile profile = {.max_registers = 10, .fill_holes = 0};
    struct poll_plan plan;
    add(&profile, TABLE_HOLDING, 1, TYPE_U16, 0);
    profile.rows[0].write.write_only = true;
    poll_plan_init(&plan, &profile);
    assert_int_equal(plan.block_count, 0);
    assert_int_equal(poll_plan_begin(&plan, 1000), 0);
    assert_int_equal(poll_plan_next(&plan), -1);
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

/* Each row lies inside exactly one block, which keeps to one table and the longest read. */
static void check_cover(const struct poll_plan *plan)
{
    int seen[LIMIT_PROFILE_ROWS] = {0};
    for (int i = 0; i < plan->block_count; i++) {
        const struct poll_block *block = &plan->blocks[i];
        assert_true(block->count <= plan->profile->max_registers);
        for (int j = 0; j < block->rows; j++) {
            int row = plan->order[block->first + j];
            const struct profile_row *r = &plan->profile->rows[row];
            assert_int_equal(r->table, block->table);
            assert_true(r->address >= block->address);
            assert_true(r->address + register_type_words(r->type) <= block->address + block->count);
            seen[row]++;
        }
    }
    for (int row = 0; row < plan->profile->row_count; row++)
        assert_int_equal(seen[row], 1);
}

static void covers_every_row_once_however_split(void **state)
{
    (void)state;
    static struct poll_plan plan;
    srand(5);
    for (int i = 0; i < 500; i++) {
        struct profile profile = random_profile();
        poll_plan_init(&plan, &profile);
        check_cover(&plan);
        for (int splits = rand() % 40; splits > 0; splits--)
            poll_plan_split(&plan, rand() % plan.block_count);
        check_cover(&plan);
    }
}

static void splits_down_to_single_rows(void **state)
{
    (void)state;
    struct profile profile = {.max_registers = 125, .fill_holes = 9};
    struct poll_plan plan;
    for (uint16_t i = 0; i < 7; i++)
        add(&profile, TABLE_HOLDING, (uint16_t)(10 * i), TYPE_U16, 0);
    poll_plan_init(&plan, &profile);
    assert_int_equal(plan.block_count, 1);
    poll_plan_begin(&plan, 1000);
    int reads = 0;
    for (int block = poll_plan_next(&plan); block >= 0; block = poll_plan_next(&plan), reads++)
        if (!poll_plan_split(&plan, block))
            plan.blocks[block].pending = false;
    assert_int_equal(plan.block_count, 7);
    assert_int_equal(reads, 13);
    for (int i = 0; i < 7; i++)
        expect_block(&plan, i, (uint16_t)(10 * i), 1);
}

static int reads_of(struct poll_plan *plan, int64_t tick_ms, int64_t jitter_ms, int ticks)
{
    int reads = 0;
    for (int i = 1; i <= ticks; i++) {
        int64_t off_ms = jitter_ms == 0 ? 0 : rand() % (2 * jitter_ms) - jitter_ms;
        reads += poll_plan_begin(plan, 1000000 + i * tick_ms + off_ms);
    }
    return reads;
}

static void slow_rows_are_read_less_often(void **state)
{
    (void)state;
    struct profile profile = {.max_registers = 125, .fill_holes = 9};
    struct poll_plan plan;
    add(&profile, TABLE_HOLDING, 0, TYPE_U16, 10000);
    poll_plan_init(&plan, &profile);
    assert_int_equal(reads_of(&plan, 1000, 0, 100), 10);
    poll_plan_init(&plan, &profile);
    assert_int_equal(reads_of(&plan, 60000, 0, 100), 100);
}

static void jitter_does_not_halve_the_rate(void **state)
{
    (void)state;
    struct profile profile = {.max_registers = 125, .fill_holes = 9};
    struct poll_plan plan;
    srand(6);
    add(&profile, TABLE_HOLDING, 0, TYPE_U16, 1000);
    poll_plan_init(&plan, &profile);
    assert_int_equal(reads_of(&plan, 1000, 100, 1000), 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(joins_over_small_holes),
        cmocka_unit_test(keeps_to_the_longest_read),
        cmocka_unit_test(leaves_out_write_only_rows),
        cmocka_unit_test(covers_every_row_once_however_split),
        cmocka_unit_test(splits_down_to_single_rows),
        cmocka_unit_test(slow_rows_are_read_less_often),
        cmocka_unit_test(jitter_does_not_halve_the_rate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
