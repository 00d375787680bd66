/* The MQTT side of configurations: the broker's options, points in each form, set-points, onboarded
 * devices; and what is said about each mistake. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "controller/core/check.h"
#include "controller/core/config.h"

struct notes {
    char text[16384];
};

static char folder[64];

static void note(void *context, const char *text)
{
    struct notes *notes = context;
    size_t used = strlen(notes->text);
    snprintf(notes->text + used, sizeof notes->text - used, "%s\n", text);
}

static const char *in_folder(const char *name, char path[128])
{
    snprintf(path, 128, "%s/%s", folder, name);
    return path;
}

static void write_file(const char *name, const char *text, mode_t mode)
{
    char path[128];
    FILE *file = fopen(in_folder(name, path), "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    chmod(path, mode);
}

/* A site with one own meter over MQTT; `mqtt` and `points` are what a test is about. */
static void write_site(const char *mqtt, const char *points)
{
    char text[8192];
    snprintf(text, sizeof text,
             "limits: { import = \"1 MW\"; import_fail_safe = \"1 MW\"; };\n"
             "store: { path = \"%s/tidewatt.db\"; };\n"
             "feeders: ( { name = \"A\"; limit = \"450 kW\"; } );\n"
             "mqtt: { host = \"127.0.0.1\"; %s };\n"
             "devices: (\n"
             "  { name = \"utility\"; role = \"utility\"; points: (\n"
             "    { point = \"power_w\"; unit = \"kW\"; topic = \"grid/power\"; } ); },\n"
             "  { name = \"plant\"; points: (\n%s\n  ); } );\n",
             folder, mqtt, points);
    write_file("site.cfg", text, 0600);
}

static int load_site(struct config **config, struct notes *notes)
{
    char path[128];
    struct error error;
    notes->text[0] = '\0';
    return configuration_load(in_folder("site.cfg", path), config, note, notes, &error);
}

static struct config *load_sound(const char *mqtt, const char *points)
{
    struct notes notes;
    struct config *config = NULL;
    write_site(mqtt, points);
    if (load_site(&config, &notes) < 0)
        fail_msg("%s", notes.text);
    return config;
}

/* ---- what is read ---- */

static void the_broker_is_as_the_file_says(void **state)
{
    (void)state;
    char expected[128];
    struct config *config = load_sound(
        "port = 8883; username = \"tw\"; password_file = \"secret\"; tls = true; "
        "ca_file = \"/etc/ca.pem\"; cert_file = \"own.pem\"; key_file = \"keys/own.key\"; "
        "integration = \"TIDEWATT\";",
        "{ point = \"power_w\"; unit = \"W\"; topic = \"x\"; }");
    const struct mqtt_config *mqtt = &config->mqtt;
    assert_int_equal(mqtt->port, 8883);
    assert_string_equal(mqtt->username, "tw");
    assert_string_equal(mqtt->password_file, in_folder("secret", expected));
    assert_true(mqtt->security.tls);
    assert_string_equal(mqtt->security.ca_file, "/etc/ca.pem");
    assert_string_equal(mqtt->security.cert_file, in_folder("own.pem", expected));
    assert_string_equal(mqtt->security.key_file, in_folder("keys/own.key", expected));
    assert_string_equal(mqtt->integration, "TIDEWATT");
    assert_string_equal(mqtt->raw[0], ""); /* nobody asked for onboarding */
    configuration_destroy(config);
}

static void points_are_read_in_every_form(void **state)
{
    (void)state;
    struct config *config = load_sound(
        "",
        "{ point = \"power_w\"; unit = \"kW\"; scale = -2.0; offset = 5.0; topic = \"a/b\"; "
        "  low = -1.0; high = 9.0; rate_per_s = 3.0; frozen_after = \"10 min\"; skew = \"2 s\"; },"
        "{ point = \"state\"; format = \"json\"; topic = \"a/c\"; value = \"/mode\"; time = \"/t\";"
        "  time_form = \"iso8601\"; quality = \"/q\"; quality_good = \"ok\"; "
        "  words = [ \"on = 1\", \"a = b=-2\" ]; },"
        "{ point = \"temp_supply_c\"; format = \"plain\"; unit = \"C\"; suffix = \"C\"; "
        "  topic = \"a/d\"; },"
        "{ point = \"energy_import_wh\"; format = \"sparkplug\"; unit = \"kWh\"; "
        "  node = \"hall/edge/feeder\"; metric = \"Energy/Import\"; },"
        "{ point = \"humidity_pct\"; format = \"json\"; unit = \"%\"; topic = \"a/e\"; "
        "  number_as_text = true; suffix = \"%\"; }");
    const struct mqtt_point *points = config->mqtt_points;
    const struct point *first = &config->topology->points[points[1].point];
    assert_int_equal(config->mqtt_point_count, 6);
    assert_int_equal(points[1].mapping.format, MQTT_DSX);
    assert_true(points[1].mapping.factor == -2000 && points[1].mapping.offset == 5);
    assert_true(first->low == -1 && first->high == 9 && first->rate_per_s == 3);
    assert_int_equal(first->frozen_after_ms, 600000);
    assert_int_equal(first->skew_ms, 2000);
    assert_int_equal(points[2].mapping.time_form, MQTT_TIME_ISO8601);
    assert_string_equal(points[2].mapping.value, "/mode");
    assert_string_equal(points[2].mapping.words[0].text, "on");
    assert_string_equal(points[2].mapping.words[1].text, "a = b");
    assert_true(points[2].mapping.words[0].value == 1 && points[2].mapping.words[1].value == -2);
    assert_string_equal(points[3].mapping.suffix, "C");
    assert_string_equal(points[4].topic, "hall/edge/feeder");
    assert_string_equal(points[4].mapping.metric, "Energy/Import");
    assert_true(points[4].mapping.factor == 1000);
    assert_string_equal(points[5].mapping.value, "/value");
    configuration_destroy(config);
}

static void setpoints_carry_their_rules(void **state)
{
    (void)state;
    struct config *config = load_sound(
        "", "{ point = \"temp_supply_c\"; unit = \"C\"; topic = \"a/b\"; },"
            "{ point = \"temp_supply_set_c\"; unit = \"C\"; write_topic = \"a/set\"; "
            "  write: { low = 15.0; high = 30.0; ramp_per_s = 0.5; writes_per_hour = 12.0; "
            "    writes_lifetime = 1000.0; feedback = \"temp_supply_c\"; tolerance = 0.5; "
            "    answer = \"20 s\"; }; }");
    const struct mqtt_point *set = &config->mqtt_points[2];
    const struct point_write *write = &config->topology->points[set->point].write;
    assert_string_equal(set->topic, "");
    assert_string_equal(set->write.topic, "a/set");
    assert_true(set->write.has_feedback && set->write.tolerance == 0.5);
    assert_int_equal(set->write.feedback, config->mqtt_points[1].point);
    assert_int_equal(set->write.answer_ms, 20000);
    assert_true(write->low == 15 && write->high == 30 && write->ramp_per_s == 0.5);
    assert_true(write->per_hour == 12 && write->lifetime == 1000);
    configuration_destroy(config);
}

/* A line of the documented file as an operator would use it: an example without its mark. */
static void put_line(FILE *out, const char *line, bool after_prose)
{
    static const char own[] = "  host = \"\";", folder_line[] = "profiles = \"profiles\";";
    bool example = strncmp(line, "  # , ", 6) == 0 || strncmp(line, "  #     ", 8) == 0;
    if (strncmp(line, own, strlen(own)) == 0)
        fputs("  host = \"127.0.0.1\";\n", out);
    else if (strncmp(line, folder_line, strlen(folder_line)) == 0)
        fputs("profiles = \"" CONFIG_FOLDER "/profiles\";\n", out);
    else
        fputs(example && after_prose ? line + 4 : line, out);
}

static void the_documented_examples_are_sound(void **state)
{
    (void)state;
    char path[128], line[256];
    struct notes notes;
    struct config *config = NULL;
    bool after_prose = false; /* before it are Modbus devices with "..." for their profiles */
    FILE *in = fopen(CONFIG_FOLDER "/tidewatt.cfg", "r");
    FILE *out = fopen(in_folder("site.cfg", path), "w");
    while (fgets(line, sizeof line, in)) {
        after_prose |= strstr(line, "# Points over MQTT") != NULL;
        put_line(out, line, after_prose);
    }
    fclose(in);
    fclose(out);
    if (load_site(&config, &notes) < 0)
        fail_msg("%s", notes.text);
    assert_int_equal(config->own_devices, 6);
    assert_int_equal(config->mqtt_point_count, 7);
    configuration_destroy(config);
}

/* ---- mistakes ---- */

#define WATTS "{ point = \"power_w\"; unit = \"kW\"; topic = \"a/b\"; "
#define SET "{ point = \"temp_supply_set_c\"; unit = \"C\"; "

static const struct {
    const char *mqtt, *points, *told;
} mistakes[] = {
    {"password = \"x\";", WATTS "}", "username"},
    {"username = \"u\"; password = \"x\"; password_file = \"y\";", WATTS "}", "not both"},
    {"ca_file = \"x\";", WATTS "}", "set tls = true"},
    {"tls = true; cert_file = \"x\";", WATTS "}", "mqtt: a client certificate"},
    {"tls = \"yes\";", WATTS "}", "tls"},
    {"integration = \"a/b\";", WATTS "}", "one part of a topic"},
    {"onboard_roles = true;", WATTS "}", "without onboard"},
    {"onboard = \"2 h\";", WATTS "}", "onboard"},
    {"onboard = 5;", WATTS "}", "onboard"},
    {"", WATTS "format = \"xml\"; }", "sparkplug"},
    {"", WATTS "value = \"/x\"; }", "has no value pointer"},
    {"", WATTS "metric = \"x\"; }", "has no metric"},
    {"", WATTS "format = \"json\"; value = \"x\"; }", "is no JSON pointer"},
    {"", WATTS "format = \"json\"; quality = \"/q\"; }", "a quality takes both"},
    {"", WATTS "format = \"json\"; time_form = \"s\"; }", "time_form without time"},
    {"", WATTS "format = \"json\"; words = [ \"on\" ]; }", "on = 1"},
    {"", WATTS "format = \"json\"; words = [ \"on = x\" ]; }", "on = 1"},
    {"", WATTS "format = \"json\"; words = [ \"a=1\", \"a=2\" ]; }", "stands for two numbers"},
    {"", WATTS "format = \"json\"; suffix = \"kW\"; }", "quotes"},
    {"", WATTS "format = \"sparkplug\"; metric = \"x\"; }", "has a node"},
    {"", "{ point = \"power_w\"; unit = \"W\"; format = \"sparkplug\"; node = \"a/b\"; }",
     "needs the name of a metric"},
    {"",
     "{ point = \"power_w\"; unit = \"W\"; format = \"sparkplug\"; node = \"a\"; "
     "metric = \"x\"; }",
     "GROUP/NODE"},
    {"", "{ point = \"power_w\"; unit = \"W\"; }", "topic"},
    {"", "{ point = \"power_w\"; topic = \"a\"; }", "unit is missing"},
    {"", "{ point = \"power_w\"; unit = \"kWh\"; topic = \"a\"; }", "unit does not fit"},
    {"", WATTS "node = \"a/b\"; }", "node"},
    {"", WATTS "scale = 0.0; }", "factor"},
    {"", WATTS "low = 3.0; high = 3.0; }", "low is not below high"},
    {"", WATTS "frozen_afer = \"1 min\"; }", "frozen_after"},
    {"", "{ point = \"energy_import_wh\"; unit = \"Wh\"; topic = \"a\"; rate_per_s = 1.0; }",
     "rate_per_s belongs"},
    {"", "{ point = \"state\"; topic = \"a\"; frozen_after = \"1 min\"; }", "frozen_after belongs"},
    {"", WATTS "write_topic = \"a/set\"; write: { low = 0.0; high = 1.0; }; }", "no set-point"},
    {"", SET "topic = \"a\"; write_topic = \"b\"; }", "needs write"},
    {"", SET "topic = \"a\"; write: { low = 0.0; high = 1.0; }; }", "without a write_topic"},
    {"", SET "topic = \"a\"; write_topic = \"b\"; write: { low = 0.0; }; }", "high is missing"},
    {"", SET "topic = \"a\"; write_topic = \"b\"; write: { low = 2.0; high = 1.0; }; }",
     "low is above high"},
    {"", SET "topic = \"a\"; write_topic = \"a\"; write: { low = 0.0; high = 1.0; }; }",
     "would confirm itself"},
    {"", SET "write_topic = \"a\"; write: { low = 0.0; high = 1.0; }; }", "would confirm itself"},
    {"", SET "write_topic = \"a\"; write: { low = 0.0; high = 1.0; feedback = \"power_w\"; }; }",
     "name another point of this device"},
    {"", SET "topic = \"a\"; write_topic = \"b/#\"; write: { low = 0.0; high = 1.0; }; }",
     "wildcards"},
    {"",
     SET "format = \"json\"; topic = \"a\"; write_topic = \"b\"; "
         "write: { low = 0.0; high = 1.0; }; }",
     "only dsx and plain can"},
};

static void each_mistake_is_told_with_its_line(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
        struct notes notes;
        struct config *config = NULL;
        write_site(mistakes[i].mqtt, mistakes[i].points);
        int result = load_site(&config, &notes);
        if (result >= 0 || !strstr(notes.text, mistakes[i].told) ||
            !strstr(notes.text, "site.cfg:"))
            fail_msg("mqtt: { %s }, %s: told \"%s\"", mistakes[i].mqtt, mistakes[i].points,
                     notes.text);
        assert_null(config);
    }
}

/* ---- secrets ---- */

static void secrets_that_all_can_read_are_told(void **state)
{
    (void)state;
    char path[128];
    struct notes notes = {""};
    struct config *config = load_sound("username = \"u\"; password_file = \"secret\";", WATTS "}");
    configuration_warn(config, note, &notes);
    assert_non_null(strstr(notes.text, "cannot be read"));
    write_file("secret", "x\n", 0644);
    notes.text[0] = '\0';
    configuration_warn(config, note, &notes);
    assert_non_null(strstr(notes.text, "every user of this machine can read mqtt.password_file"));
    chmod(in_folder("secret", path), 0640);
    notes.text[0] = '\0';
    configuration_warn(config, note, &notes);
    assert_string_equal(notes.text, "");
    configuration_destroy(config);

    config = load_sound("username = \"u\"; password = \"x\";", WATTS "}");
    chmod(in_folder("site.cfg", path), 0644);
    configuration_warn(config, note, &notes);
    assert_non_null(strstr(notes.text, "every user of this machine can read mqtt.password:"));
    configuration_destroy(config);
}

/* ---- onboarded devices ---- */

static const char onboarded[] =
    "devices: (\n"
    "  { name = \"plant\"; role = \"it\"; points: (\n"
    "    { point = \"power_w\"; unit = \"kW\"; topic = \"bms/1\"; } ); },\n"
    "  { name = \"same-topic\"; role = \"it\"; points: (\n"
    "    { point = \"power_w\"; unit = \"kW\"; topic = \"grid/power\"; } ); },\n"
    "  { name = \"rack\"; role = \"rack_pdu\"; stale_after = \"250 s\"; points: (\n"
    "    { point = \"power_w\"; unit = \"kW\"; topic = \"bms/2\"; },\n"
    "    { point = \"temp_supply_set_c\"; unit = \"C\"; write_topic = \"bms/set\"; } ); },\n"
    "  { name = \"grid\"; role = \"utility\"; points: (\n"
    "    { point = \"power_w\"; unit = \"kW\"; topic = \"bms/3\"; } ); },\n"
    "  { name = \"sun\"; role = \"pv\"; points: (\n"
    "    { point = \"energy_import_wh\"; unit = \"kWh\"; topic = \"bms/4\"; } ); } );\n";

static enum device_role role_of(const struct config *config, const char *name)
{
    int32_t d = topology_find_device(config->topology, name);
    assert_true(d >= config->own_devices);
    return config->topology->devices[d].role;
}

static void onboarded_devices_come_after_the_sites_own(void **state)
{
    (void)state;
    write_file("onboarded.cfg", onboarded, 0600);
    struct config *config = load_sound("onboard = \"5 s\";", WATTS "}");
    assert_int_equal(config->own_devices, 2);
    assert_int_equal(config->topology->device_count, 5);
    assert_true(topology_find_device(config->topology, "same-topic") < 0);
    assert_int_equal(role_of(config, "rack"), ROLE_NONE);
    assert_int_equal(role_of(config, "grid"), ROLE_NONE);
    for (int i = 0; i < config->mqtt_point_count; i++)
        assert_string_equal(config->mqtt_points[i].write.topic, "");
    int32_t rack = topology_find_device(config->topology, "rack");
    assert_int_equal(config->topology->devices[rack].point_count, 1);
    assert_int_equal(config->topology->devices[rack].stale_after_ms, 250000);
    assert_string_equal(config->mqtt.raw[0], "BMS/v1/PUB/Metadata/#");
    configuration_destroy(config);
}

static void roles_need_the_operators_word(void **state)
{
    (void)state;
    write_file("onboarded.cfg", onboarded, 0600);
    struct config *config = load_sound("onboard = \"5 s\"; onboard_roles = true;", WATTS "}");
    assert_int_equal(role_of(config, "rack"), ROLE_RACK_PDU);
    assert_int_equal(role_of(config, "grid"), ROLE_NONE); /* a person names the utility meter */
    assert_int_equal(role_of(config, "sun"), ROLE_NONE);  /* it lacks the counter of a generator */
    configuration_destroy(config);
    config = load_sound("", WATTS "}");
    assert_int_equal(config->topology->device_count, 2); /* not asked for: the file is not read */
    configuration_destroy(config);
}

static void a_spoilt_onboarded_file_never_stops_the_site(void **state)
{
    (void)state;
    static const char *const spoilt[] = {
        "devices: (",
        "",
        "devices = 7;",
        "devices: ( { name = \"a b\"; points: ( { point = \"power_w\"; unit = \"W\"; "
        "topic = \"t\"; } ); } );",
        "devices: ( { name = \"a\"; points: ( { point = \"powr_w\"; unit = \"W\"; topic = \"t\"; "
        "} ); } );",
        "devices: ( 1 );"};
    for (size_t i = 0; i < sizeof spoilt / sizeof *spoilt; i++) {
        struct notes notes = {""};
        write_file("onboarded.cfg", spoilt[i], 0600);
        struct config *config = load_sound("onboard = \"5 s\";", WATTS "}");
        assert_int_equal(config->topology->device_count, 2);
        configuration_warn(config, note, &notes);
        if (!strstr(notes.text, "onboarded.cfg"))
            fail_msg("%s: told \"%s\"", spoilt[i], notes.text);
        configuration_destroy(config);
    }
}

/* ---- check ---- */

static void check_tells_what_pue_lacks(void **state)
{
    (void)state;
    char path[128], text[4096] = "";
    write_site("", WATTS "}");
    FILE *out = fmemopen(text, sizeof text, "w");
    assert_int_equal(core_check(in_folder("site.cfg", path), out, false), 0);
    fclose(out);
    assert_non_null(strstr(text, "IT energy at the PDU output, from 0 devices"));
    assert_non_null(strstr(text, "utility has no energy counter"));
}

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/tidewatt-config-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    char path[128];
    unlink(in_folder("site.cfg", path));
    unlink(in_folder("secret", path));
    unlink(in_folder("onboarded.cfg", path));
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_broker_is_as_the_file_says),
        cmocka_unit_test(points_are_read_in_every_form),
        cmocka_unit_test(setpoints_carry_their_rules),
        cmocka_unit_test(the_documented_examples_are_sound),
        cmocka_unit_test(each_mistake_is_told_with_its_line),
        cmocka_unit_test(secrets_that_all_can_read_are_told),
        cmocka_unit_test(onboarded_devices_come_after_the_sites_own),
        cmocka_unit_test(roles_need_the_operators_word),
        cmocka_unit_test(a_spoilt_onboarded_file_never_stops_the_site),
        cmocka_unit_test(check_tells_what_pue_lacks),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
