/* SunSpec: chains as devices have them and as they should not have them, the table of models, and
 * what profile rows become on a device that offers this and not that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/sunspec.h"

enum { ADDRESSES = 65536, STEPS_MOST = 3 + SUNSPEC_MODELS + 1 };

/* A device: what it holds, and which registers it refuses. */
static struct {
    uint16_t registers[ADDRESSES];
    bool refused[ADDRESSES];
    uint32_t end; /* where the next model goes */
} device;

static void device_begin(uint16_t base)
{
    memset(&device, 0, sizeof(device));
    device.registers[base] = 0x5375;
    device.registers[base + 1] = 0x6E53;
    device.end = base + 2u;
}

static uint16_t device_add(uint16_t id, uint16_t length)
{
    uint16_t address = (uint16_t)device.end;
    device.registers[address] = id;
    device.registers[address + 1] = length;
    device.end += 2u + length;
    return address;
}

static void device_finish(void)
{
    device.registers[device.end] = 0xFFFF;
    device.registers[device.end + 1] = 0;
}

static const uint16_t *device_read(uint16_t address, uint16_t count)
{
    assert_true(address + count <= ADDRESSES);
    for (int i = 0; i < count; i++)
        if (device.refused[address + i])
            return NULL;
    return &device.registers[address];
}

static struct sunspec_walk walk_device(void)
{
    struct sunspec_walk walk;
    uint16_t address, count;
    int steps = 0;

    sunspec_walk_begin(&walk);
    while (sunspec_walk_next(&walk, &address, &count)) {
        assert_true(++steps <= STEPS_MOST);
        sunspec_walk_take(&walk, device_read(address, count));
    }
    assert_true(walk.done != walk.failed);
    return walk;
}

/* The walk */

static void finds_each_base(void **state)
{
    (void)state;
    static const uint16_t BASES[] = {40000, 0, 50000};

    for (int i = 0; i < 3; i++) {
        device_begin(BASES[i]);
        device_add(1, 66);
        device_add(103, 50);
        device_finish();
        struct sunspec_walk walk = walk_device();
        assert_true(walk.done);
        assert_string_equal(walk.error.text, "");
        assert_int_equal(walk.chain.base, BASES[i]);
        assert_int_equal(walk.chain.count, 2);
        assert_int_equal(walk.chain.models[0].address, BASES[i] + 2);
        assert_int_equal(walk.chain.models[1].id, 103);
        assert_int_equal(walk.chain.models[1].address, BASES[i] + 70);
        assert_int_equal(walk.chain.models[1].length, 50);
    }
}

static void goes_on_behind_refused_bases(void **state)
{
    (void)state;
    device_begin(50000);
    device_add(1, 66);
    device_finish();
    device.refused[40000] = device.refused[1] = true;
    struct sunspec_walk walk = walk_device();
    assert_true(walk.done);
    assert_int_equal(walk.chain.base, 50000);
}

static void says_what_it_found_instead(void **state)
{
    (void)state;
    memset(&device, 0, sizeof(device));
    device.refused[40001] = true;
    device.registers[0] = 0x1234;
    struct sunspec_walk walk = walk_device();
    assert_true(walk.failed);
    assert_string_equal(walk.error.text,
                        "no SunSpec marker: register 40000 is refused, register 0 holds "
                        "0x12340000, register 50000 holds 0x00000000");
}

/* Each case spoils a chain of models 1 and 103 at 40000; `kept` models are left. */
static void check_spoiled(int kept, const char *text)
{
    struct sunspec_walk walk = walk_device();
    assert_int_equal(walk.chain.count, kept);
    assert_int_equal(walk.done, kept > 0);
    if (strstr(walk.error.text, text) == NULL)
        fail_msg("\"%s\" lacks \"%s\"", walk.error.text, text);
}

static uint16_t two_models(void)
{
    device_begin(40000);
    device_add(1, 66);
    uint16_t second = device_add(103, 50);
    device_finish();
    return second;
}

static void keeps_what_precedes_the_break(void **state)
{
    (void)state;
    uint16_t second = two_models();
    device.refused[second + 52] = true;
    check_spoiled(2, "register 40122, where a model should begin, is refused");

    second = two_models();
    device.registers[second + 1] = 0;
    check_spoiled(1, "register 40070 says model 103 with 0 registers");

    second = two_models();
    device.registers[second] = 0;
    check_spoiled(1, "register 40070 says model 0 with 50 registers");

    second = two_models();
    device.registers[second + 1] = 65535;
    check_spoiled(1, "model 103 at register 40070 has 65535 registers, beyond 65535");

    second = two_models();
    device.registers[second + 1] = (uint16_t)(65536 - second - 2);
    check_spoiled(2, "runs to register 65535 without its end mark");

    two_models();
    device.refused[40002] = true;
    check_spoiled(0, "register 40002, where a model should begin, is refused");

    device_begin(40000);
    device_finish();
    check_spoiled(0, "the chain at register 40000 is empty");
}

static void stops_at_too_many_models(void **state)
{
    (void)state;
    device_begin(0);
    for (int i = 0; i < SUNSPEC_MODELS; i++)
        device_add(64000, 1);
    device_finish();
    struct sunspec_walk walk = walk_device();
    assert_int_equal(walk.chain.count, SUNSPEC_MODELS);
    assert_string_equal(walk.error.text, "");

    device_add(64000, 1);
    device_finish();
    walk = walk_device();
    assert_true(walk.done);
    assert_int_equal(walk.chain.count, SUNSPEC_MODELS);
    assert_non_null(strstr(walk.error.text, "more than 48 models"));
}

static uint32_t random_next(uint32_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed;
}

/* Mostly short lengths, so that chains grow; refusals and end marks now and then. */
static void device_of_garbage(uint32_t *seed)
{
    static const uint16_t IDS[] = {1, 101, 103, 160, 203, 213, 701, 704, 714, 802, 0, 0xFFFF};

    device_begin((uint16_t[]){40000, 0, 50000}[random_next(seed) % 3]);
    for (uint32_t i = device.end; i < ADDRESSES; i++) {
        uint32_t number = random_next(seed);
        device.registers[i] = number % 4 == 0   ? (uint16_t)number
                              : number % 4 == 1 ? IDS[number / 4 % 12]
                                                : (uint16_t)(number / 4 % 200);
        device.refused[i] = number % 997 == 0;
    }
}

static void check_chain(const struct sunspec_walk *walk)
{
    uint32_t free_from = walk->chain.base + 2u;

    assert_true(walk->chain.count <= SUNSPEC_MODELS);
    for (int i = 0; i < walk->chain.count; i++) {
        const struct sunspec_model *model = &walk->chain.models[i];
        assert_int_equal(model->address, free_from);
        assert_true(model->length > 0 && model->id != 0 && model->id != 0xFFFF);
        free_from += 2u + model->length;
        assert_true(free_from <= ADDRESSES);
    }
    assert_true(walk->done ? walk->chain.count > 0 : walk->error.text[0] != '\0');
}

/* The table */

static void check_point(uint16_t model, const struct sunspec_point *point)
{
    struct profile_row row = {.point = POINT_POWER};
    const struct sunspec_model whole = {.id = model, .address = 40002, .length = 1000};
    uint16_t address, count;

    if (sunspec_point_place(&whole, point, &row)) {
        assert_int_equal(register_type_words(row.type), point->words);
        assert_int_equal(row.address, 40002 + point->offset);
        profile_row_span(&row, &address, &count);
        assert_in_range(count, point->words, 125);
    } else if (strcmp(point->type, "string") != 0 && strcmp(point->type, "sunssf") != 0) {
        fail_msg("%u.%s: unknown type %s", model, point->name, point->type);
    }
    if (point->scale) {
        const struct sunspec_point *scale = sunspec_point_find(model, point->scale);
        assert_non_null(scale);
        assert_string_equal(scale->type, "sunssf");
        assert_int_equal(scale->words, 1);
    }
}

static void table_is_consistent(void **state)
{
    (void)state;
    int models = 0;

    for (int id = 0; id < ADDRESSES; id++) {
        int count, free_from = 2;
        const struct sunspec_point *points = sunspec_model_points((uint16_t)id, &count);
        assert_int_equal(points != NULL, sunspec_model_name((uint16_t)id) != NULL);
        models += points != NULL;
        for (int i = 0; i < count; i++) {
            assert_true(points[i].offset >= free_from && points[i].words > 0);
            assert_true(points[i].layout <= id);
            assert_ptr_equal(sunspec_point_find((uint16_t)id, points[i].name), &points[i]);
            check_point((uint16_t)id, &points[i]);
            free_from = points[i].offset + points[i].words;
        }
    }
    assert_int_equal(models, 30);
}

static void table_says_what_devices_do(void **state)
{
    (void)state;
    static const struct {
        uint16_t model;
        const char *name, *scale;
        uint16_t offset, scale_offset;
    } CASES[] = {
        {103, "W", "W_SF", 14, 15},
        {103, "WH", "WH_SF", 24, 26},
        {124, "ChaState", "ChaState_SF", 8, 22},
        {124, "OutWRte", "InOutWRte_SF", 12, 25},
        {802, "SoC", "SoC_SF", 11, 56},
        {802, "W", "W_SF", 47, 63},
        {203, "W", "W_SF", 18, 22},
        {203, "TotWhExp", "TotWh_SF", 38, 54},
        {203, "TotWhImp", "TotWh_SF", 46, 54},
        {704, "WSet", "WSet_SF", 24, 55},
    };
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        const struct sunspec_point *point = sunspec_point_find(CASES[i].model, CASES[i].name);
        assert_non_null(point);
        assert_int_equal(point->offset, CASES[i].offset);
        assert_string_equal(point->scale, CASES[i].scale);
        assert_int_equal(sunspec_point_find(CASES[i].model, CASES[i].scale)->offset,
                         CASES[i].scale_offset);
    }
    assert_null(sunspec_point_find(103, "w"));
    assert_null(sunspec_point_find(64001, "W"));
    assert_null(sunspec_model_name(0xFFFF));
}

/* Binding */

static struct profile_row wanted(enum point_kind point, double scale, uint16_t model,
                                 const char *name)
{
    struct profile_row row = {
        .point = point, .factor = scale, .low = -HUGE_VAL, .high = HUGE_VAL, .sunspec_count = 1};
    row.sunspec[0].model = model;
    snprintf(row.sunspec[0].point, sizeof(row.sunspec[0].point), "%s", name);
    return row;
}

static struct profile profile_of(const struct profile_row *rows, int count)
{
    struct profile profile = {.sunspec = true, .max_registers = 125, .row_count = count};
    memcpy(profile.rows, rows, (size_t)count * sizeof(*rows));
    return profile;
}

static struct profile_row bind_one(struct profile_row row, int *ret_offered)
{
    struct profile bound, profile = profile_of(&row, 1);
    struct sunspec_walk walk = walk_device();
    *ret_offered = sunspec_bind(&walk.chain, &profile, &bound);
    return bound.rows[0];
}

static struct profile_row bind_offered(struct profile_row row)
{
    int offered;
    struct profile_row bound = bind_one(row, &offered);
    assert_int_equal(offered, 1);
    assert_false(bound.absent);
    return bound;
}

static void check_absent(struct profile_row row)
{
    int offered;
    struct profile_row bound = bind_one(row, &offered);
    assert_int_equal(offered, 0);
    assert_true(bound.absent);
}

static enum quality read_row(const struct profile_row *row, double *ret_value,
                             enum reason *ret_reason)
{
    uint16_t address, count;
    profile_row_span(row, &address, &count);
    assert_non_null(device_read(address, count));
    return profile_decode(NULL, row, &device.registers[row->address], ret_value, ret_reason);
}

static double value_of(struct profile_row row)
{
    struct profile_row bound = bind_offered(row);
    enum reason reason = REASON_NONE;
    double value = (double)NAN;
    assert_int_equal(read_row(&bound, &value, &reason), QUALITY_GOOD);
    return value;
}

static void check_sentinel(struct profile_row row)
{
    struct profile_row bound = bind_offered(row);
    enum reason reason = REASON_NONE;
    double value = 7;
    assert_int_equal(read_row(&bound, &value, &reason), QUALITY_MISSING);
    assert_int_equal(reason, REASON_SENTINEL);
    assert_true(value == 7);
}

static void put(uint16_t model, uint16_t address, const char *name, uint64_t raw)
{
    const struct sunspec_point *point = sunspec_point_find(model, name);
    for (int i = point->words - 1; i >= 0; i--, raw >>= 16)
        device.registers[address + point->offset + i] = (uint16_t)raw;
}

static void decodes_through_scale_registers(void **state)
{
    (void)state;
    uint16_t inverter = two_models();
    put(103, inverter, "W", (uint16_t)-1234);
    put(103, inverter, "W_SF", 1);
    put(103, inverter, "Hz", 4998);
    put(103, inverter, "Hz_SF", (uint16_t)-2);
    put(103, inverter, "WH", 3000000001);
    put(103, inverter, "TmpCab", (uint16_t)-55);
    put(103, inverter, "Tmp_SF", (uint16_t)-1);
    put(103, inverter, "St", 4);

    assert_true(value_of(wanted(POINT_POWER, 1, 103, "W")) == -12340);
    assert_true(value_of(wanted(POINT_POWER, -1, 103, "W")) == 12340);
    assert_true(fabs(value_of(wanted(POINT_FREQUENCY, 1, 103, "Hz")) - 49.98) < 1e-9);
    assert_true(value_of(wanted(POINT_ENERGY_EXPORT, 1, 103, "WH")) == 3000000001.0);
    assert_true(fabs(value_of(wanted(POINT_TEMP_OUTDOOR, 1, 103, "TmpCab")) + 5.5) < 1e-9);
    assert_true(value_of(wanted(POINT_STATE, 1, 103, "St")) == 4);
    put(103, inverter, "W_SF", 0x8000);
    check_sentinel(wanted(POINT_POWER, 1, 103, "W"));
}

static void decodes_every_kind_of_number(void **state)
{
    (void)state;
    device_begin(0);
    uint16_t meter = device_add(213, 124), ac = device_add(701, 153), storage = device_add(713, 7);
    device_finish();
    put(213, meter, "W", 0xC49A5000); /* -1234.5 */
    put(213, meter, "TotWhImp", 0x4B000000);
    put(701, ac, "TotWhInj", 5000000000000);
    put(701, ac, "TotWh_SF", (uint16_t)-3);
    put(701, ac, "Alrm", 0x00000082);
    put(713, storage, "SoC", 655);
    put(713, storage, "Pct_SF", (uint16_t)-1);

    assert_true(value_of(wanted(POINT_POWER, 1, 213, "W")) == -1234.5);
    assert_true(value_of(wanted(POINT_ENERGY_IMPORT, 1, 213, "TotWhImp")) == 8388608);
    assert_true(value_of(wanted(POINT_ENERGY_EXPORT, 1, 701, "TotWhInj")) == 5e9);
    assert_true(value_of(wanted(POINT_ALARMS, 1, 701, "Alrm")) == 0x82);
    assert_true(value_of(wanted(POINT_SOC, 1, 713, "SoC")) == 65.5);
}

static void unknown_is_never_a_number(void **state)
{
    (void)state;
    static const struct {
        uint16_t model;
        enum point_kind point;
        const char *name;
        uint64_t raw;
    } CASES[] = {
        {103, POINT_POWER, "W", 0x8000},
        {103, POINT_FREQUENCY, "Hz", 0xFFFF},
        {103, POINT_ENERGY_EXPORT, "WH", 0},
        {103, POINT_ENERGY_EXPORT, "WH", 0xFFFFFFFF},
        {103, POINT_STATE, "St", 0xFFFF},
        {103, POINT_ALARMS, "Evt1", 0xFFFFFFFF},
        {103, POINT_ALARMS, "Evt1", 0x80000000},
        {122, POINT_ENERGY_EXPORT, "ActWh", 0},
        {122, POINT_STATE, "PVConn", 0xFFFF},
        {213, POINT_POWER, "W", 0x7FC00000},
        {213, POINT_POWER, "W", 0xFFC00001},
        {701, POINT_ENERGY_EXPORT, "TotWhInj", 0xFFFFFFFFFFFFFFFF},
        {701, POINT_FREQUENCY, "Hz", 0xFFFFFFFF},
        {704, POINT_POWER, "WSet", 0x80000000},
    };
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        device_begin(0);
        uint16_t address = device_add(CASES[i].model, 200);
        device_finish();
        put(CASES[i].model, address, CASES[i].name, CASES[i].raw);
        check_sentinel(wanted(CASES[i].point, 1, CASES[i].model, CASES[i].name));
    }
}

static void takes_the_first_alternative_that_is_there(void **state)
{
    (void)state;
    struct profile_row row = wanted(POINT_POWER, 1, 701, "W");
    row.sunspec[1] = (struct profile_sunspec){.model = 113, .point = "W"};
    row.sunspec[2] = (struct profile_sunspec){.model = 103, .point = "W"};
    row.sunspec_count = 3;
    device_begin(40000);
    device_add(1, 66);
    uint16_t inverter = device_add(101, 50); /* of the layout of 103 */
    device_add(103, 50);
    device_finish();
    struct profile_row bound = bind_offered(row);
    assert_int_equal(bound.address, inverter + 14);
    assert_int_equal(bound.scale_address, inverter + 15);
    assert_true(bound.scaled);

    uint16_t float_inverter = (uint16_t)device.end;
    device_add(111, 60);
    device_finish();
    bound = bind_offered(row);
    assert_int_equal(bound.address, float_inverter + sunspec_point_find(111, "W")->offset);
    assert_false(bound.scaled);
}

static void offers_only_what_is_there_in_full(void **state)
{
    (void)state;
    two_models();
    check_absent(wanted(POINT_POWER, 1, 203, "W"));
    check_absent(wanted(POINT_POWER, 1, 103, "Nope"));
    check_absent(wanted(POINT_POWER, 1, 103, "Hz")); /* not a power */
    check_absent(wanted(POINT_STATE, 1, 1, "Mn"));   /* no number */
    check_absent(wanted(POINT_STATE, 1, 103, "W_SF"));

    device_begin(0);
    device_add(203, 20); /* W at 18 is inside, its scale at 22 is not */
    device_finish();
    check_absent(wanted(POINT_POWER, 1, 203, "W"));
    device.registers[3] = 21;
    device.end = 2 + 23;
    device_finish();
    bind_offered(wanted(POINT_POWER, 1, 203, "W"));
}

static void long_spans_need_long_reads(void **state)
{
    (void)state;
    struct profile_row row = wanted(POINT_POWER, 1, 701, "W");
    struct profile bound, profile = profile_of(&row, 1);
    device_begin(0);
    device_add(701, 153);
    device_finish();
    struct sunspec_walk walk = walk_device();
    profile.max_registers = 106; /* W at 10, its scale at 116 */
    assert_int_equal(sunspec_bind(&walk.chain, &profile, &bound), 0);
    profile.max_registers = 107;
    assert_int_equal(sunspec_bind(&walk.chain, &profile, &bound), 1);
}

static void set_points_are_written_as_wide_as_they_are(void **state)
{
    (void)state;
    device_begin(0);
    uint16_t controls = device_add(704, 65);
    device_add(203, 105);
    device_finish();
    struct profile_row row = wanted(POINT_POWER_SET, 1, 704, "WSet");
    row.write = (struct profile_write){
        .allowed = true, .low = -1e6, .high = 1e6, .function = 6, .write_only = false};
    struct profile_row bound = bind_offered(row);
    uint16_t registers[4] = {0};
    assert_int_equal(bound.write.function, 16);
    assert_int_equal(bound.address, controls + 24);
    assert_int_equal(profile_encode(&bound, -250000, 1, registers, NULL), 0);
    assert_int_equal((int32_t)((uint32_t)registers[0] << 16 | registers[1]), -25000);

    row.sunspec[0] = (struct profile_sunspec){.model = 203, .point = "W"}; /* read only */
    check_absent(row);
}

static void other_rows_stay(void **state)
{
    (void)state;
    struct profile_row rows[] = {wanted(POINT_POWER, 1, 103, "W"),
                                 {.point = POINT_SOC, .address = 700, .factor = 0.1}};
    struct profile bound, profile = profile_of(rows, 2);
    two_models();
    struct sunspec_walk walk = walk_device();
    assert_int_equal(sunspec_bind(&walk.chain, &profile, &bound), 2);
    assert_int_equal(bound.rows[1].address, 700);
    assert_true(bound.rows[1].factor == 0.1);
    assert_false(bound.rows[1].absent);
}

static void garbage_ends_and_stays_inside(void **state)
{
    (void)state;
    static const struct {
        enum point_kind point;
        uint16_t model;
        const char *name;
    } WANTED[] = {{POINT_POWER, 103, "W"},        {POINT_ENERGY_IMPORT, 203, "TotWhImp"},
                  {POINT_POWER, 213, "W"},        {POINT_POWER, 701, "W"},
                  {POINT_POWER_SET, 704, "WSet"}, {POINT_SOC, 802, "SoC"},
                  {POINT_POWER, 714, "Prt.DCW"},  {POINT_POWER, 160, "module.DCW"}};
    uint32_t seed = 20261122;
    int offered = 0;

    for (int run = 0; run < 400; run++) {
        device_of_garbage(&seed);
        struct sunspec_walk walk = walk_device();
        check_chain(&walk);
        for (size_t i = 0; i < sizeof(WANTED) / sizeof(WANTED[0]); i++) {
            struct profile_row row = wanted(WANTED[i].point, 1, WANTED[i].model, WANTED[i].name);
            struct profile bound, profile = profile_of(&row, 1);
            if (sunspec_bind(&walk.chain, &profile, &bound) == 0)
                continue;
            uint16_t address, count;
            profile_row_span(&bound.rows[0], &address, &count);
            assert_true(address > walk.chain.base && address + count <= ADDRESSES && count <= 125);
            offered++;
        }
    }
    assert_true(offered > 100); /* the garbage is not so wild that nothing was tried */
}

static void checks_profiles(void **state)
{
    (void)state;
    struct profile_row write = wanted(POINT_POWER_SET, 1, 203, "W");
    write.write.allowed = true;
    const struct {
        struct profile_row row;
        const char *text;
    } CASES[] = {
        {wanted(POINT_POWER, 1, 103, "W"), NULL},
        {wanted(POINT_SOC, 1, 802, "SoC"), NULL},
        {wanted(POINT_POWER_SET_REVERT, 1, 704, "WSetRvrtTms"), NULL},
        {wanted(POINT_STATE, 1, 103, "St"), NULL},
        {wanted(POINT_ENERGY_EXPORT, 1, 713, "WHAvail"), NULL},
        {wanted(POINT_POWER_REACTIVE, 1, 701, "Var"), NULL},
        {wanted(POINT_POWER, 1, 64001, "W"), "power_w: 64001.W: model 64001 is not in"},
        {wanted(POINT_POWER, 1, 103, "Watt"), "power_w: 103.Watt: model 103 has no point"},
        {wanted(POINT_POWER, 1, 103, "WH"), "power_w: 103.WH: "},
        {wanted(POINT_POWER_SET, 1, 124, "OutWRte"), "power_set_w: 124.OutWRte: "},
        {wanted(POINT_SOC, 1, 121, "MaxRmpRte"), NULL},
        {wanted(POINT_SOC, 1, 124, "WChaGra"), "soc_pct: 124.WChaGra: "},
        {wanted(POINT_STATE, 1, 1, "Mn"), "state: 1.Mn: a string is no number"},
        {write, "power_set_w: 203.W: the model does not let it be written"},
    };
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct profile profile = profile_of(&CASES[i].row, 1);
        struct error error = {""};
        int result = sunspec_check(&profile, &error);
        if ((result == 0) != (CASES[i].text == NULL) ||
            (CASES[i].text && strncmp(error.text, CASES[i].text, strlen(CASES[i].text)) != 0))
            fail_msg("case %zu: %d \"%s\"", i, result, error.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_each_base),
        cmocka_unit_test(goes_on_behind_refused_bases),
        cmocka_unit_test(says_what_it_found_instead),
        cmocka_unit_test(keeps_what_precedes_the_break),
        cmocka_unit_test(stops_at_too_many_models),
        cmocka_unit_test(table_is_consistent),
        cmocka_unit_test(table_says_what_devices_do),
        cmocka_unit_test(decodes_through_scale_registers),
        cmocka_unit_test(decodes_every_kind_of_number),
        cmocka_unit_test(unknown_is_never_a_number),
        cmocka_unit_test(takes_the_first_alternative_that_is_there),
        cmocka_unit_test(offers_only_what_is_there_in_full),
        cmocka_unit_test(long_spans_need_long_reads),
        cmocka_unit_test(set_points_are_written_as_wide_as_they_are),
        cmocka_unit_test(other_rows_stay),
        cmocka_unit_test(garbage_ends_and_stays_inside),
        cmocka_unit_test(checks_profiles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
