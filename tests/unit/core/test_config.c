/* Configurations: the shipped ones are sound; each mistake is told with file, line and remedy. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "controller/base/utc.h"
#include "controller/core/check.h"
#include "controller/core/config.h"
#include "controller/core/history.h"

struct notes {
    char text[8192];
};

static void note(void *context, const char *text)
{
    struct notes *notes = context;
    size_t used = strlen(notes->text);
    snprintf(notes->text + used, sizeof notes->text - used, "%s\n", text);
}

static void the_shipped_files_are_sound(void **state)
{
    (void)state;
    static const char *const files[] = {CONFIG_FOLDER "/tidewatt.cfg",
                                        CONFIG_FOLDER "/sites/training-hall.cfg"};
    for (size_t i = 0; i < 2; i++) {
        struct notes notes = {""};
        struct config *config = NULL;
        struct error error = {""};
        if (configuration_load(files[i], &config, note, &notes, &error) < 0)
            fail_msg("%s: %s%s", files[i], notes.text, error.text);
        configuration_destroy(config);
    }
}

/* The documented file states the defaults: leaving all of it out but what is needed is the same. */
static void the_documented_defaults_are_the_defaults(void **state)
{
    (void)state;
    char path[] = "/tmp/tidewatt-config-XXXXXX";
    FILE *file = fdopen(mkstemp(path), "w");
    fputs("limits: { import = \"1.1 MW\"; import_fail_safe = \"700 kW\"; };\n"
          "site: { latitude = 37.4; longitude = -6.0; };\n"
          "feeders: ( { name = \"A\"; limit = \"450 kW\"; } );\n"
          "profiles = \"" CONFIG_FOLDER "/profiles\";\n"
          "devices: ( { name = \"utility\"; role = \"utility\"; profile = \"janitza-umg96rm-e\"; "
          "address = \"192.0.2.10:502\"; } );\n",
          file);
    fclose(file);
    struct notes notes = {""};
    struct config *bare = NULL, *shown = NULL;
    int result = configuration_load(path, &bare, note, &notes, NULL);
    unlink(path);
    assert_int_equal(result, 0);
    assert_int_equal(configuration_load(CONFIG_FOLDER "/tidewatt.cfg", &shown, note, &notes, NULL),
                     0);
    const double *a = (const double *)&bare->values, *b = (const double *)&shown->values;
    for (size_t i = 0; i < sizeof bare->values / sizeof(double); i++) {
        if (fabs(a[i] - b[i]) > 1e-9 * fabs(a[i]))
            fail_msg("value %zu: default %g, documented %g", i, a[i], b[i]);
    }
    assert_memory_equal(bare->modes, shown->modes, sizeof bare->modes);
    assert_string_equal(bare->store_path, shown->store_path);
    assert_string_equal(bare->socket_path, shown->socket_path);
    configuration_destroy(bare);
    configuration_destroy(shown);
}

static struct config *load_text(const char *feeders, const char *devices)
{
    char path[] = "/tmp/tidewatt-config-XXXXXX";
    struct notes notes = {""};
    struct config *config = NULL;
    FILE *file = fdopen(mkstemp(path), "w");
    fprintf(file,
            "limits: { import = \"1.1 MW\"; import_fail_safe = \"700 kW\"; };\n"
            "modes: { jobs = \"control\"; };\n"
            "profiles = \"" CONFIG_FOLDER "/profiles\";\nfeeders: ( %s );\n"
            "devices: ( { name = \"utility\"; role = \"utility\"; profile = "
            "\"janitza-umg96rm-e\"; address = \"192.0.2.10:502\"; }%s );\n",
            feeders, devices);
    fclose(file);
    if (configuration_load(path, &config, note, &notes, NULL) < 0)
        print_message("%s", notes.text);
    unlink(path);
    return config;
}

#define PDU(name, place)                                                                           \
    ", { name = \"" name "\"; role = \"rack_pdu\"; " place                                         \
    "; profile = \"twin-rack-pdu\"; address = \"192.0.2.20:" name "\"; }"

static const char two_groups[] =
    "{ name = \"A\"; limit = \"450 kW\"; groups: (\n"
    "  { name = \"A1\"; limit = \"120 kW\"; accelerators: ( { class = \"h100\"; count = 64; },\n"
    "    { class = \"a100\"; count = 8; } ); },\n"
    "  { name = \"A2\"; limit = \"300 kW\"; } ); },\n"
    "{ name = \"B\"; limit = \"200 kW\"; accelerators: ( { class = \"a100\"; count = 16; } ); }";

static void rack_groups_stand_under_feeders(void **state)
{
    (void)state;
    struct config *config = load_text(two_groups, PDU("5001", "group = \"A1\"")
                                                      PDU("5002", "group = \"A2\"; feeder = \"A\"")
                                                          PDU("5003", "feeder = \"B\""));
    assert_non_null(config);
    const struct topology *t = config->topology;
    assert_int_equal(t->group_count, 3);
    int32_t a1 = topology_find_group(t, "A1"), b = topology_find_group(t, "B");
    assert_true(t->groups[a1].limit_w == 120e3 && t->groups[b].limit_w == 200e3);
    assert_int_equal(t->groups[b].feeder, 1);
    assert_int_equal(t->groups[a1].accelerators[topology_find_accelerator(t, "h100")], 64);
    assert_int_equal(t->groups[b].accelerators[topology_find_accelerator(t, "a100")], 16);
    assert_int_equal(t->devices[topology_find_device(t, "5001")].group, a1);
    assert_int_equal(t->devices[topology_find_device(t, "5001")].feeder, 0);
    assert_int_equal(t->devices[topology_find_device(t, "5003")].group, b);
    configuration_destroy(config);
}

/* A feeder's load is the sum of its PDUs: a group without one would be missing in it. */
static void a_feeder_is_metered_as_a_whole(void **state)
{
    (void)state;
    assert_null(load_text(two_groups, PDU("5001", "group = \"A1\"") PDU("5003", "feeder = \"B\"")));
    struct config *config =
        load_text(two_groups, PDU("5001", "group = \"A1\"") PDU("5002", "feeder = \"A\"")
                                  PDU("5003", "feeder = \"B\""));
    assert_non_null(config);
    configuration_destroy(config);
}

/* The image and the guard see a point's rules as its profile states them. */
static void points_carry_the_rules_of_their_profile(void **state)
{
    (void)state;
    struct notes notes = {""};
    struct config *config = NULL;
    int writable = 0;
    assert_int_equal(
        configuration_load(CONFIG_FOLDER "/sites/training-hall.cfg", &config, note, &notes, NULL),
        0);
    for (int m = 0; m < config->modbus_count; m++) {
        const struct modbus_device *device = &config->modbus_devices[m];
        const struct point *points =
            &config->topology->points[config->topology->devices[device->device].first_point];
        for (int r = 0; r < device->profile->row_count; r++) {
            const struct profile_row *row = &device->profile->rows[r];
            assert_int_equal(points[r].kind, row->point);
            assert_true(points[r].rate_per_s == row->rate_per_s);
            assert_true(points[r].frozen_after_ms == row->frozen_after_ms);
            assert_true(points[r].write.ramp_per_s == row->write.ramp_per_s);
            assert_true(points[r].write.per_hour == row->write.per_hour);
            assert_true(points[r].write.lifetime == row->write.lifetime);
            if (!row->write.allowed)
                continue;
            assert_true(points[r].write.low == row->write.low);
            assert_true(points[r].write.high == row->write.high);
            writable++;
        }
    }
    assert_true(writable > 0);
    configuration_destroy(config);
}

struct mistake {
    const char *find, *replace; /* in the training hall's file */
    const char *told;           /* must be in the notes */
};

static const struct mistake mistakes[] = {
    {"import = \"1.1 MW\"", "import = \"1.1 MWh\"", "MW"},
    {"import = \"1.1 MW\"", "import = 1100000", "W, kW, MW"},
    {"import = \"1.1 MW\";", "", "import"},
    {"headroom = \"10 kW\"", "haedroom = \"10 kW\"", "headroom"},
    {"import_fail_safe = \"700 kW\"", "import_fail_safe = \"7 MW\"", "fail-safe"},
    {"reserve = \"20 %\"", "reserve = \"99 %\"", "soc_max"},
    {"device = \"battery\"", "device = \"batery\"", "no such device"},
    {"supply_device = \"chiller\"", "supply_device = \"cdu\"", "temp_supply_set_c"},
    {"role = \"utility\"", "role = \"utilty\"", "unknown role"},
    {"profile = \"twin-pv\"", "profile = \"twin-pw\"", "twin-pw"},
    {"\"127.0.0.1:15011\"", "\"127.0.0.1:150110\"", "HOST:PORT"},
    {"feeder = \"A\"; profile = \"twin-rack-pdu\"; address = \"127.0.0.1:15003\"",
     "feeder = \"C\"; profile = \"twin-rack-pdu\"; address = \"127.0.0.1:15003\"", "no feeder"},
    {"name = \"pdu-a2\"", "name = \"pdu-a1\"", "pdu-a1"},
    {"unit = \"g/kWh\"", "unit = \"kWh\"", "g/kWh"},
    {"point = \"price_per_mwh\"", "point = \"prize_per_mwh\"", "prize_per_mwh"},
    {"market/carbon", "market/#", "wildcard"},
    {"category = 2", "category = 4", "category"},
    {"host = \"127.0.0.1\"", "host = \"\"", "mqtt.host"},
    {"jobs = \"observe\"", "jobs = \"dictate\"", "observe"},
    {"feeders: (", "feeders: ", "training-hall"},
    {"name = \"ups\"; role = \"ups\"", "name = \"ups\"; role = \"utility\"",
     "more than one device"},
    {"wear = \"12 /MWh\"", "revert_after = \"10 s\"", "writes_per_hour"},
    {"role = \"battery\"", "role = \"cooling\"", "must have the role"},
    {"role = \"pv\"; profile = \"twin-pv\"", "role = \"cooling\"; profile = \"twin-pv\"",
     "energy_import_wh"},
    {"valid = \"30 min\"", "valid = \"2 min\"", "plan.valid"},
    /* groups and accelerators */
    {"{ name = \"B\"; limit = \"450 kW\"; }",
     "{ name = \"B\"; limit = \"450 kW\"; groups: ( { name = \"B1\"; limit = \"500 kW\"; } ); }",
     "above that of its feeder"},
    {"{ name = \"B\"; limit = \"450 kW\"; }",
     "{ name = \"B\"; limit = \"450 kW\"; groups: ( { name = \"A\"; limit = \"50 kW\"; } ); }",
     "already taken"},
    {"{ name = \"A\"; limit = \"450 kW\"; }",
     "{ name = \"A\"; limit = \"450 kW\";\n groups: ( { name = \"B\"; limit = \"50 kW\"; } ); }",
     "already taken by a rack group (/"},
    {"{ name = \"B\"; limit = \"450 kW\"; }",
     "{ name = \"B\"; limit = \"450 kW\"; accelerators: ( { class = \"h100\"; } ); }", "how many"},
    {"{ name = \"B\"; limit = \"450 kW\"; }",
     "{ name = \"B\"; limit = \"450 kW\"; accelerators: ( { class = \"h100\"; count = 8; },\n"
     "  { class = \"h100\"; count = 4; } ); }",
     "twice in group"},
    {"{ name = \"B\"; limit = \"450 kW\"; }",
     "{ name = \"B\"; limit = \"450 kW\"; accelerators: ( { class = \"h100\"; count = 8; } ); "
     "groups: ( { name = \"B1\"; limit = \"50 kW\"; } ); }",
     "belongs to the groups"},
    {"feeder = \"A\"; profile = \"twin-rack-pdu\"; address = \"127.0.0.1:15003\"",
     "group = \"A9\"; profile = \"twin-rack-pdu\"; address = \"127.0.0.1:15003\"", "no group"},
    {"feeder = \"A\"; profile = \"twin-rack-pdu\"; address = \"127.0.0.1:15003\"",
     "feeder = \"A\"; group = \"B\"; profile = \"twin-rack-pdu\"; address = \"127.0.0.1:15003\"",
     "is behind feeder"},
    /* capacity, cooling, planning */
    {"peak = \"0.4 /kW\"", "peak = \"0 /kW\"; capacity = \"800 kW\"", "prices.peak"},
    {"peak = \"0.4 /kW\"", "peak = \"0.4 /kW\"; capacity = \"2 MW\"", "limits.import"},
    {"cooling: {", "tank: { device = \"chiller\"; }; cooling: {", "power_cooling_set_w"},
    {"cooling: {", "tank: { device = \"chiller\"; }; cooling: {", "tank.capacity"},
    {"cooling: {", "tank: { device = \"chiller\"; }; cooling: {", "cooling.chiller_max"},
    {"devices: (\n",
     "tank: { device = \"cold\"; capacity = \"1 MWh\"; charge_max = \"900 kW\"; };\ndevices: (\n"
     "  { name = \"cold\"; profile = \"twin-tank\"; address = \"127.0.0.1:15099\"; },\n",
     "tank.charge_max 900 kW is beyond"},
    {"devices: (\n",
     "tank: { device = \"cold\"; capacity = \"1 MWh\"; discharge_max = \"460 kW\"; };\ndevices: (\n"
     "  { name = \"cold\"; profile = \"twin-tank\"; address = \"127.0.0.1:15099\"; },\n",
     "tank.discharge_max 460 kW is beyond"},
    {"devices: (\n",
     "tank: { device = \"cold\"; capacity = \"1 MWh\"; };\ndevices: (\n"
     "  { name = \"cold\"; profile = \"twin-tank\"; address = \"127.0.0.1:15099\"; },\n",
     "tank.discharge_max are 0"},
    {"charge_max = \"1 MW\";\n  discharge_max = \"1 MW\";", "", "battery.discharge_max are 0"},
    {"charge_max = \"1 MW\"", "charge_max = \"1.5 MW\"", "battery.charge_max 1.5 MW is beyond"},
    {"cooling: {", "cooling: { free_below = \"20 C\"; ", "free_above"},
    {"plan: {", "plan: { base_quantile = \"80 %\"; ", "75 %"},
    /* wires */
    {"address = \"127.0.0.1:15003\"", "address = \"127.0.0.1:15004\"", "(the default) is already"},
    {"address = \"127.0.0.1:15003\"", "address = \"127.0.0.1:15004\"; unit = 1; framing = \"rtu\"",
     "framing differs"},
    {"address = \"127.0.0.1:15003\"", "framing = \"ascii\"; address = \"127.0.0.1:15003\"", "rtu"},
    {"address = \"127.0.0.1:15003\"", "address = \"127.0.0.1:15003\"; framing = \"rtu\"; unit = 0",
     "1 to 247"},
    {"address = \"127.0.0.1:15003\"", "bus = \"hall\"; unit = 3", "no bus \"hall\""},
    {"devices: (\n",
     "buses: ( { name = \"hall\"; device = \"/dev/ttyS9\"; } );\ndevices: (\n"
     "  { name = \"x\"; profile = \"twin-meter\"; bus = \"hall\"; },\n",
     "unit is missing"},
    {"devices: (\n",
     "buses: ( { name = \"hall\"; device = \"/dev/ttyS9\"; } );\ndevices: (\n"
     "  { name = \"x\"; profile = \"twin-meter\"; bus = \"hall\"; unit = 4; },\n"
     "  { name = \"y\"; profile = \"twin-meter\"; bus = \"hall\"; unit = 4; },\n",
     "unit 4 is already that of device \"x\" with the same profile and bus"},
    {"devices: (\n",
     "buses: ( { name = \"hall\"; device = \"/dev/ttyS9\"; } );\ndevices: (\n"
     "  { name = \"x\"; profile = \"twin-meter\"; bus = \"hall\"; unit = 4; address = \"h\"; },\n",
     "no address or framing"},
    {"devices: (\n",
     "buses: ( { name = \"hall\"; device = \"/dev/ttyS9\"; baud = 9601; } );\n"
     "devices: (\n",
     "9600"},
    {"devices: (\n",
     "buses: ( { name = \"hall\"; device = \"/dev/ttyS9\"; },\n"
     "  { name = \"yard\"; device = \"/dev/ttyS9\"; } );\ndevices: (\n",
     "already that of bus"},
};

static char *read_site(void)
{
    FILE *file = fopen(CONFIG_FOLDER "/sites/training-hall.cfg", "r");
    assert_non_null(file);
    char *text = calloc(1, 65536);
    assert_true(fread(text, 1, 65535, file) > 0);
    fclose(file);
    return text;
}

static void write_mistaken(const char *path, const char *text, const struct mistake *mistake)
{
    const char *at = strstr(text, mistake->find);
    if (!at)
        fail_msg("the site file has no %s", mistake->find);
    FILE *file = fopen(path, "w");
    fprintf(file, "%.*s%s%s", (int)(at - text), text, mistake->replace, at + strlen(mistake->find));
    fclose(file);
}

static void each_mistake_is_told_with_its_line(void **state)
{
    (void)state;
    char *text = read_site();
    char folder[] = "/tmp/tidewatt-config-XXXXXX", path[128], profiles[128];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/training-hall.cfg", folder);
    char *with_profiles = calloc(1, 65536);
    char *at = strstr(text, "\"../profiles\"");
    snprintf(profiles, sizeof profiles, "\"%s/profiles\"", CONFIG_FOLDER);
    snprintf(with_profiles, 65536, "%.*s%s%s", (int)(at - text), text, profiles, at + 13);
    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
        struct notes notes = {""};
        struct error error = {""};
        struct config *config = NULL;
        write_mistaken(path, with_profiles, &mistakes[i]);
        int result = configuration_load(path, &config, note, &notes, &error);
        if (result >= 0 || !strstr(notes.text, mistakes[i].told) ||
            !strstr(notes.text, "training-hall.cfg:"))
            fail_msg("%s -> %s: told \"%s\"", mistakes[i].find, mistakes[i].replace, notes.text);
        assert_null(config);
        if (strstr(notes.text, "take it out") && !strstr(mistakes[i].told, "unknown key"))
            fail_msg("%s: keys that are right are told: \"%s\"", mistakes[i].replace, notes.text);
    }
    unlink(path);
    rmdir(folder);
    free(text);
    free(with_profiles);
}

/* The same address is one connection; a bus is one wire, and one that nobody names is none. */
static void devices_share_wires(void **state)
{
    (void)state;
    char path[] = "/tmp/tidewatt-config-XXXXXX";
    FILE *file = fdopen(mkstemp(path), "w");
    fputs("limits: { import = \"1.1 MW\"; import_fail_safe = \"700 kW\"; };\n"
          "feeders: ( { name = \"A\"; limit = \"450 kW\"; } );\n"
          "profiles = \"" CONFIG_FOLDER "/profiles\";\n"
          "buses: ( { name = \"yard\"; device = \"/dev/ttyS8\"; },\n"
          "  { name = \"hall\"; device = \"/dev/ttyS9\"; baud = 9600; parity = \"none\"; "
          "stop_bits = 2; } );\n"
          "devices: (\n"
          "  { name = \"u\"; role = \"utility\"; profile = \"twin-utility-meter\"; "
          "address = \"[2001:db8::7]:1502\"; unit = 1; },\n"
          "  { name = \"b\"; profile = \"twin-meter\"; bus = \"hall\"; unit = 3; },\n"
          "  { name = \"c\"; profile = \"twin-meter\"; address = \"[2001:db8::7]:1502\"; "
          "unit = 2; },\n"
          "  { name = \"d\"; profile = \"twin-meter\"; bus = \"hall\"; unit = 4; },\n"
          "  { name = \"e\"; profile = \"twin-meter\"; address = \"gateway.example\"; "
          "framing = \"rtu\"; unit = 9; },\n"
          "  { name = \"f\"; profile = \"twin-ups\"; bus = \"hall\"; unit = 3; } );\n",
          file);
    fclose(file);
    struct notes notes = {""};
    struct config *config = NULL;
    int result = configuration_load(path, &config, note, &notes, NULL);
    unlink(path);
    if (result < 0)
        fail_msg("%s", notes.text);
    assert_int_equal(config->wire_count, 3);
    /* f is the unit of b, by another profile */
    static const int WIRES[] = {0, 1, 0, 1, 2, 1};
    for (int i = 0; i < 6; i++)
        assert_int_equal(config->modbus_devices[i].wire, WIRES[i]);
    assert_string_equal(config->modbus_wires[0].stream.host, "2001:db8::7");
    assert_int_equal(config->modbus_wires[0].stream.port, 1502);
    assert_true(config->modbus_wires[1].is_serial);
    assert_string_equal(config->modbus_wires[1].serial.path, "/dev/ttyS9");
    assert_int_equal(config->modbus_wires[1].serial.baud, 9600);
    assert_int_equal(config->modbus_wires[1].serial.parity, PARITY_NONE);
    assert_int_equal(config->modbus_wires[1].serial.stop_bits, 2);
    assert_int_equal(config->modbus_wires[2].stream.framing, FRAMING_RTU);
    assert_int_equal(config->modbus_wires[2].stream.port, 502);
    configuration_destroy(config);
}

static void an_unusable_profile_is_told_once(void **state)
{
    (void)state;
    char path[] = "/tmp/tidewatt-config-XXXXXX";
    FILE *file = fdopen(mkstemp(path), "w");
    fputs("limits: { import = \"1.1 MW\"; import_fail_safe = \"700 kW\"; };\n"
          "feeders: ( { name = \"A\"; limit = \"450 kW\"; } );\n"
          "devices: (\n"
          "  { name = \"a\"; profile = \"no-such\"; address = \"h1\"; },\n"
          "  { name = \"b\"; profile = \"no-such\"; address = \"h2\"; } );\n",
          file);
    fclose(file);
    struct notes notes = {""};
    struct config *config = NULL;
    assert_true(configuration_load(path, &config, note, &notes, NULL) < 0);
    unlink(path);
    const char *told = strstr(notes.text, "profile \"no-such\" cannot be used");
    assert_non_null(told);
    assert_null(strstr(told + 1, "profile \"no-such\" cannot be used"));
}

static void a_missing_file_is_told(void **state)
{
    (void)state;
    struct notes notes = {""};
    struct error error;
    struct config *config = NULL;
    assert_true(configuration_load("/nowhere/x.cfg", &config, note, &notes, &error) < 0);
    assert_non_null(strstr(notes.text, "/nowhere/x.cfg"));
}

static void check_prints_a_summary_or_json(void **state)
{
    (void)state;
    char text[4096] = "";
    FILE *out = fmemopen(text, sizeof text, "w");
    assert_int_equal(core_check(CONFIG_FOLDER "/sites/training-hall.cfg", out, false), 0);
    fclose(out);
    assert_non_null(strstr(text, "20 devices"));
    out = fmemopen(text, sizeof text, "w");
    assert_true(core_check("/nowhere/x.cfg", out, true) > 0);
    fclose(out);
    assert_non_null(strstr(text, "\"ok\": false"));
}

/* ---- history ---- */

struct rows {
    int count;
    double last;
    int64_t last_ms;
};

static void take(void *context, enum forecast_series series, int64_t step_ms, double value)
{
    struct rows *rows = context;
    rows->count++;
    rows->last = series == SERIES_PRICE ? value : rows->last;
    rows->last_ms = step_ms;
}

static int import(const char *text, struct rows *rows, struct error *error)
{
    char path[] = "/tmp/tidewatt-history-XXXXXX";
    FILE *file = fdopen(mkstemp(path), "w");
    fputs(text, file);
    fclose(file);
    int result = history_import(path, take, rows, error);
    unlink(path);
    return result;
}

static void history_rows_are_read(void **state)
{
    (void)state;
    struct rows rows = {0};
    struct error error;
    assert_int_equal(import("time_utc,series,value\n2026-06-15T00:00:00Z,pv_w,0\n"
                            "2026-06-15T00:15:00Z,price_per_mwh,-3.5\n",
                            &rows, &error),
                     2);
    assert_int_equal(rows.count, 2);
    assert_true(rows.last == -3.5);
    int64_t expected;
    utc_parse("2026-06-15T00:15:00Z", &expected, NULL);
    assert_true(rows.last_ms == expected);
}

static void wrong_history_names_its_line(void **state)
{
    (void)state;
    static const char *const wrong[] = {"2026-06-15T00:00:00Z,pv_w\n",
                                        "2026-06-15T00:00:00Z,pv,1\n",
                                        "2026-06-15T00:07:00Z,pv_w,1\n",
                                        "2026-06-15T00:00:00Z,pv_w,nan\n",
                                        "yesterday,pv_w,1\n",
                                        "2026-06-15T00:00:00Z,pv_w,1,2\n"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct rows rows = {0};
        struct error error = {""};
        char text[256];
        snprintf(text, sizeof text, "time_utc,series,value\n%s", wrong[i]);
        assert_true(import(text, &rows, &error) < 0);
        assert_non_null(strstr(error.text, ":2: "));
        assert_int_equal(rows.count, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_shipped_files_are_sound),
        cmocka_unit_test(the_documented_defaults_are_the_defaults),
        cmocka_unit_test(points_carry_the_rules_of_their_profile),
        cmocka_unit_test(rack_groups_stand_under_feeders),
        cmocka_unit_test(a_feeder_is_metered_as_a_whole),
        cmocka_unit_test(each_mistake_is_told_with_its_line),
        cmocka_unit_test(devices_share_wires),
        cmocka_unit_test(an_unusable_profile_is_told_once),
        cmocka_unit_test(a_missing_file_is_told),
        cmocka_unit_test(check_prints_a_summary_or_json),
        cmocka_unit_test(history_rows_are_read),
        cmocka_unit_test(wrong_history_names_its_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
