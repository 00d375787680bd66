/* Numbers with units: what people write is understood or refused with a remedy, never guessed. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/base/quantity.h"

static void reads(const char *text, enum dimension dimension, double expected)
{
    double value = 77;
    struct error error = {""};
    if (quantity_parse(text, dimension, &value, &error) != 0)
        fail_msg("\"%s\": %s", text, error.text);
    if (fabs(value - expected) > 1e-12 * fabs(expected))
        fail_msg("\"%s\" is %.17g, not %.17g", text, value, expected);
}

static void refuses(const char *text, enum dimension dimension, const char *remedy)
{
    double value = 77;
    struct error error = {""};
    if (quantity_parse(text, dimension, &value, &error) != ERROR_INVALID)
        fail_msg("\"%s\" was taken for %g", text, value);
    assert_true(value == 77);
    if (!strstr(error.text, remedy))
        fail_msg("\"%s\": \"%s\" does not say \"%s\"", text, error.text, remedy);
}

static void people_s_ways_of_writing(void **state)
{
    (void)state;
    reads("6.5kW", DIMENSION_POWER, 6500);
    reads(" 6.5 \t kW ", DIMENSION_POWER, 6500);
    reads("-1.2 MW", DIMENSION_POWER, -1.2e6);
    reads("+.5 MW", DIMENSION_POWER, 5e5);
    reads("1.5e3 W", DIMENSION_POWER, 1500);
    reads("2 MWh", DIMENSION_ENERGY, 2e6);
    reads("4h", DIMENSION_DURATION, 14400000);
    reads("15 min", DIMENSION_DURATION, 900000);
    reads("2d", DIMENSION_DURATION, 172800000);
    reads("90 %", DIMENSION_RATIO, 0.9);
    reads("0.9", DIMENSION_RATIO, 0.9);
    reads("18 C", DIMENSION_TEMPERATURE, 18);
    reads("18 °C", DIMENSION_TEMPERATURE, 18);
    reads("-5°C", DIMENSION_TEMPERATURE, -5);
    reads("60 kW/min", DIMENSION_POWER_RATE, 1000);
    reads("95 /MWh", DIMENSION_PRICE, 95);
    reads("0.095 /kWh", DIMENSION_PRICE, 95);
    reads("0.4 kg/kWh", DIMENSION_CARBON, 400);
    reads("400 kg/MWh", DIMENSION_CARBON, 400);
    reads("6 m3/h", DIMENSION_FLOW, 100);
    reads("12", DIMENSION_COUNT, 12);
}

static void what_is_no_quantity(void **state)
{
    (void)state;
    const char *const wrong[] = {
        "",        " ",        "kW",       "nan kW",  "inf kW",    "-infinity kW",
        "0x10 kW", "1,5 kW",   "1.2.3 kW", "5 kW x",  "5 kW 3",    "--5 kW",
        ". kW",    "1e999 kW", "5 k W",    "1_000 W", "5kilowatts"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        refuses(wrong[i], DIMENSION_POWER, "W, kW, MW");
}

static void refusals_say_what_to_write(void **state)
{
    (void)state;
    refuses("500", DIMENSION_POWER, "must be a power with its unit (W, kW, MW): \"500\"");
    refuses("1.2 MWh", DIMENSION_POWER, "must be a power (W, kW, MW), not an energy: \"1.2 MWh\"");
    refuses("5 kw", DIMENSION_POWER, "did you mean \"kW\"?");
    refuses("4 kW", DIMENSION_ENERGY, "must be an energy (Wh, kWh, MWh), not a power");
    refuses("50 %", DIMENSION_COUNT, "not a ratio");
}

static void every_suggested_unit_is_understood(void **state)
{
    (void)state;
    for (int d = 0; d <= DIMENSION_ROTATION; d++) {
        char units[64], text[80];
        enum dimension dimension = (enum dimension)d;
        assert_true(strlen(dimension_name(dimension)) > 0);
        snprintf(units, sizeof(units), "%s", dimension_units(dimension));
        for (char *unit = strtok(units, ","); unit; unit = strtok(NULL, ",")) {
            bool bare = strstr(unit, "a plain number");
            snprintf(text, sizeof(text), "0%s", bare ? "" : unit);
            reads(text, dimension, 0);
        }
    }
}

static void bare_units(void **state)
{
    (void)state;
    enum dimension dimension;
    double factor;
    assert_int_equal(quantity_unit("kW", &dimension, &factor, NULL), 0);
    assert_int_equal(dimension, DIMENSION_POWER);
    assert_true(factor == 1000);
    assert_int_equal(quantity_unit("", &dimension, &factor, NULL), 0);
    assert_int_equal(dimension, DIMENSION_COUNT);
    assert_int_equal(quantity_unit("kWatt", &dimension, &factor, NULL), ERROR_INVALID);
    assert_true(factor == 1);
}

static void shows(double value, enum dimension dimension, const char *expected)
{
    char text[40];
    assert_string_equal(quantity_format(value, dimension, text, sizeof(text)), expected);
}

static void people_s_ways_of_reading(void **state)
{
    (void)state;
    shows(6500, DIMENSION_POWER, "6.5 kW");
    shows(412, DIMENSION_POWER, "412 W");
    shows(-1234567, DIMENSION_POWER, "-1.23 MW");
    shows(0, DIMENSION_POWER, "0 W");
    shows(999.4, DIMENSION_POWER, "999 W");
    shows(999.6, DIMENSION_POWER, "1 kW");
    shows(1250000, DIMENSION_ENERGY, "1.25 MWh");
    shows(900000, DIMENSION_DURATION, "15 min");
    shows(5400000, DIMENSION_DURATION, "1.5 h");
    shows(0.9, DIMENSION_RATIO, "90 %");
    shows(18, DIMENSION_TEMPERATURE, "18 C");
    shows(95, DIMENSION_PRICE, "95 /MWh");
    shows(1.0 / 60, DIMENSION_TEMPERATURE_RATE, "1 K/min");
    shows(12345, DIMENSION_COUNT, "12345");
    shows((double)NAN, DIMENSION_POWER, "unknown");
    shows((double)INFINITY, DIMENSION_POWER, "unlimited");
}

static void what_is_shown_can_be_read_again(void **state)
{
    (void)state;
    unsigned seed = 1;
    for (int i = 0; i < 20000; i++) {
        enum dimension dimension = (enum dimension)(i % (DIMENSION_ROTATION + 1));
        double value = (rand_r(&seed) % 2000 - 1000) * pow(10, rand_r(&seed) % 8 - 3), again;
        char text[40];
        quantity_format(value, dimension, text, sizeof(text));
        if (quantity_parse(text, dimension, &again, NULL) != 0)
            fail_msg("%g is shown as \"%s\", which cannot be read", value, text);
        if (fabs(again - value) > 0.0051 * fabs(value))
            fail_msg("%g is shown as \"%s\", which is %g", value, text, again);
    }
}

/* Whatever bytes come: an answer, and an untouched output with each refusal. */
static void random_text_is_harmless(void **state)
{
    (void)state;
    static const char alphabet[] = "0123456789.+-eE kMWhmsd%/°C\t\"x";
    unsigned seed = 2;
    for (int i = 0; i < 20000; i++) {
        char text[24] = "";
        int length = rand_r(&seed) % 23;
        for (int k = 0; k < length; k++)
            text[k] = alphabet[(size_t)rand_r(&seed) % (sizeof(alphabet) - 1)];
        double value = 77;
        enum dimension dimension = (enum dimension)(rand_r(&seed) % (DIMENSION_ROTATION + 1));
        if (quantity_parse(text, dimension, &value, NULL) == 0)
            assert_true(isfinite(value));
        else
            assert_true(value == 77);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(people_s_ways_of_writing),
        cmocka_unit_test(what_is_no_quantity),
        cmocka_unit_test(refusals_say_what_to_write),
        cmocka_unit_test(every_suggested_unit_is_understood),
        cmocka_unit_test(bare_units),
        cmocka_unit_test(people_s_ways_of_reading),
        cmocka_unit_test(what_is_shown_can_be_read_again),
        cmocka_unit_test(random_text_is_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
