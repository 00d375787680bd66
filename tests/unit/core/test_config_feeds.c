/* Feeds in configurations: the examples of config/tidewatt.cfg are sound, and what is said about
 * each mistake names its line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "controller/base/utc.h"
#include "controller/core/config.h"

static char path[] = "/tmp/tidewatt-feeds-XXXXXX.cfg";
static char notes[16384];

static void note(void *context, const char *text)
{
    size_t used = strlen(notes);
    (void)context;
    snprintf(notes + used, sizeof notes - used, "%s\n", text);
}

/* A site with these feeds, from line 5 on. */
static struct config *load(const char *feeds)
{
    struct config *config = NULL;
    struct error error;
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(
        file,
        "limits: { import = \"1 MW\"; import_fail_safe = \"1 MW\"; };\n"
        "feeders: ( { name = \"A\"; limit = \"450 kW\"; } );\n"
        "mqtt: { host = \"127.0.0.1\"; };\n"
        "devices: ( { name = \"u\"; role = \"utility\"; points: ( { point = \"power_w\"; unit = "
        "\"kW\"; topic = \"grid/power\"; } ); } );\n%s\n",
        feeds);
    fclose(file);
    *notes = '\0';
    configuration_load(path, &config, note, NULL, &error);
    return config;
}

static void expect_refused(const char *feed, const char *text)
{
    struct config *config = load(feed);
    if (config)
        fail_msg("accepted: %s", feed);
    if (!strstr(notes, text))
        fail_msg("\"%s\" is not in \"%s\"", text, notes);
}

/* The examples, without their comment signs. */
static void shipped_examples_are_sound(void **state)
{
    (void)state;
    static char text[32768];
    char line[1024];
    size_t used = 0;
    bool inside = false;
    FILE *file = fopen(CONFIG_FOLDER "/tidewatt.cfg", "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file)) {
        inside |= strcmp(line, "feeds: (\n") == 0;
        bool example = strncmp(line, "  # ", 4) == 0 && strchr("{ ", line[4]);
        if (inside && (example || line[0] != ' '))
            used +=
                (size_t)snprintf(text + used, sizeof text - used, "%s", example ? line + 4 : line);
        inside &= strcmp(line, ");\n") != 0;
    }
    fclose(file);
    struct config *config = load(text);
    if (!config)
        fail_msg("%s\n%s", notes, text);
    assert_int_equal(config->feed_count, 5);
    const struct feed_config *meteo = &config->feeds[0], *maps = &config->feeds[1];
    assert_int_equal(meteo->mapping.count, 4);
    assert_int_equal(meteo->mapping.tracks[0].values, FEED_INSTANT);
    assert_int_equal(meteo->mapping.tracks[2].values, FEED_MEAN_BEFORE);
    assert_float_equal(meteo->mapping.tracks[3].factor, 1 / 3.6, 1e-9);
    assert_string_equal(meteo->mapping.tracks[3].zone->name, "UTC");
    assert_int_equal(meteo->every_ms, 30 * MINUTE_MS);
    assert_int_equal(maps->key_in, FEED_KEY_HEADER);
    assert_string_equal(maps->key_name, "auth-token");
    assert_string_equal(maps->key_file, "/tmp/electricity-maps.key");
    assert_int_equal(config->feeds[3].way, FEED_MQTT);
    assert_string_equal(config->mqtt.raw[0], "market/day-ahead");
    assert_int_equal(config->feeds[3].mapping.tracks[0].kind, BLOCK_SETTLED);
    assert_int_equal(config->feeds[4].every_ms, 10 * SECOND_MS);
    configuration_destroy(config);
}

#define TRACKS "tracks: ( { track = \"pv_w\"; value = \"/v\"; } )"
#define FEED(options) "feeds: ( { name = \"f\"; " options " } );"
#define ROWS "file = \"f\"; format = \"rows\"; time = \"/t\"; "

static void mistakes_are_named_with_their_line(void **state)
{
    (void)state;
    static const struct {
        const char *feed, *text;
    } cases[] = {
        {FEED(ROWS "tracks: (\n{ track = \"pv\"; value = \"/v\"; } );"),
         ".cfg:6: feeds.[0].tracks.[0]: there is no track \"pv\", but pv_w"},
        {FEED(ROWS "tracks: (\n{ track = \"pv_w\"; value = \"v\"; } );"),
         ".cfg:6: feeds.[0].tracks.[0]: value \"v\" is no JSON pointer"},
        {FEED(ROWS "tracks: ( { track = \"pv_w\"; } );"), "'value' is needed"},
        {FEED(ROWS "tracks: ( { track = \"pv_w\"; value = \"/v\"; unit = \"C\"; } );"),
         "unit \"C\": pv_w is a power (W, kW, MW)"},
        {FEED(ROWS "tracks: ( { track = \"temp_outdoor_c\"; value = \"/v\"; unit = \"F\"; } );"),
         "unknown unit \"F\": temp_outdoor_c is a temperature (C"},
        {FEED(ROWS "tracks: ( { track = \"pv_w\"; value = \"/v\"; }, "
                   "{ track = \"pv_w\"; value = \"/w\"; } );"),
         "track pv_w comes twice"},
        {FEED(ROWS "tracks: ( { track = \"pv_w\"; value = \"/v\"; colour = 1; } );"), "colour"},
        {FEED(ROWS TRACKS "; timezone = \"Europe/Atlantis\";"), "is not known here"},
        {FEED(ROWS TRACKS "; url = \"http://h/\";"), "one of 'file', 'url' and 'topic'"},
        {FEED("file = \"f\"; time = \"/t\"; " TRACKS ";"), "'format' is needed"},
        {FEED("url = \"ftp://h/\"; format = \"rows\"; time = \"/t\"; " TRACKS ";"),
         "url must be http://HOST"},
        {FEED("url = \"http://u:pw@h/\"; format = \"rows\"; time = \"/t\"; " TRACKS ";"),
         "url has a password in it"},
        {FEED("url = \"http://h/\"; key_file = \"k\"; format = \"rows\"; time = \"/t\"; " TRACKS
              ";"),
         "key_file and key_in go together"},
        {FEED("url = \"http://h/\"; key_file = \"k\"; key_in = \"header:a b\"; "
              "format = \"rows\"; time = \"/t\"; " TRACKS ";"),
         "the name of a header or parameter"},
        {FEED("url = \"http://h/\"; key_file = \"k\"; key_in = \"cookie\"; "
              "format = \"rows\"; time = \"/t\"; " TRACKS ";"),
         "write \"header:NAME\""},
        {FEED("topic = \"a/+\"; format = \"rows\"; time = \"/t\"; " TRACKS ";"),
         "one topic in full"},
        {FEED(ROWS), "tracks"},
        {FEED(ROWS TRACKS "; key_file = \"k\";"), "are for a url"},
        {FEED(ROWS TRACKS "; every = \"5\";"), "every"},
        {"feeds: ( { name = \"f\"; " ROWS TRACKS "; }, { name = \"f\"; " ROWS TRACKS "; } );",
         "feed \"f\" is there already"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        expect_refused(cases[i].feed, cases[i].text);
        assert_null(strstr(notes, "pw@"));
    }
}

static void keys_that_everybody_can_read_are_told(void **state)
{
    (void)state;
    char feed[512];
    snprintf(feed, sizeof feed,
             FEED("url = \"http://h/\"; key_file = \"%s\"; key_in = \"query:k\"; "
                  "format = \"rows\"; time = \"/t\"; " TRACKS ";"),
             path);
    struct config *config = load(feed);
    assert_non_null(config);
    assert_int_equal(chmod(path, 0644), 0);
    configuration_warn(config, note, NULL);
    assert_non_null(strstr(notes, "every user of this machine can read the key of a feed"));
    configuration_destroy(config);
}

static void keys_in_addresses_are_told_without_them(void **state)
{
    (void)state;
    struct config *config =
        load(FEED("url = \"http://h/?q=monkey-1&AppId=p4ss&x_api_key=p4ss&n=1\"; "
                  "format = \"rows\"; time = \"/t\"; " TRACKS ";"));
    assert_non_null(config);
    configuration_warn(config, note, NULL);
    assert_non_null(strstr(notes, "feed \"f\": \"AppId\" in its url looks like a key"));
    assert_non_null(strstr(notes, "key_in = \"query:x_api_key\""));
    assert_null(strstr(notes, "monkey"));
    assert_null(strstr(notes, "\"n\""));
    assert_null(strstr(notes, "p4ss"));
    configuration_destroy(config);
}

static int make_file(void **state)
{
    (void)state;
    int descriptor = mkstemps(path, 4);
    close(descriptor);
    return descriptor < 0;
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shipped_examples_are_sound),
        cmocka_unit_test(mistakes_are_named_with_their_line),
        cmocka_unit_test(keys_that_everybody_can_read_are_told),
        cmocka_unit_test(keys_in_addresses_are_told_without_them),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
