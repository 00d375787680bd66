/* `tidewatt status`: the tick's snapshot on one screen; with --points what is known of each point,
 * and why it is or is not trusted. */
#include <math.h>
#include <string.h>

#include "tools/cli.h"
#include "tools/cli_table.h"

static const json_t *get(const json_t *object, const char *key)
{
    return json_object_get(object, key);
}

static void print_modes(const json_t *status)
{
    const char *separator = "";
    const char *key;
    json_t *value;

    printf("%-9s ", "modes");
    json_object_foreach((json_t *)get(status, "modes"), key, value)
    {
        printf("%s%s %s", separator, key, cli_word(value));
        separator = ", ";
    }
    printf("\n");
}

static void print_power(const json_t *status)
{
    static const struct {
        const char *key, *label;
    } parts[] = {{"import_w", "import"}, {"export_w", "export"},     {"pv_w", "PV"},
                 {"wind_w", "wind"},     {"facility_w", "facility"}, {"it_w", "IT"}};
    const json_t *power = get(status, "power");
    char text[CLI_TEXT_ROOM];

    printf("%-9s", "power");
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        printf("%s %s %s", i ? "," : "", parts[i].label,
               cli_quantity(get(power, parts[i].key), DIMENSION_POWER, text));
    printf("\n");
}

static void print_battery(const json_t *status)
{
    const json_t *power = get(get(status, "power"), "battery_w");
    const double power_w = json_number_value(power);
    char soc[CLI_TEXT_ROOM], text[CLI_TEXT_ROOM];

    printf("%-9s charge %s%s, ", "battery", cli_number(get(status, "soc_pct"), "%.1f", soc),
           json_is_number(get(status, "soc_pct")) ? " %" : "");
    if (!json_is_number(power))
        printf("power –\n");
    else if (power_w == 0)
        printf("idle\n");
    else
        printf("%s %s\n", power_w > 0 ? "discharging" : "charging",
               quantity_format(fabs(power_w), DIMENSION_POWER, text, (int)sizeof(text)));
}

static void print_pue(const json_t *status)
{
    static const struct {
        const char *key, *label;
    } periods[] = {{"last_quarter", "last quarter"},
                   {"last_hour", "last hour"},
                   {"today", "today"},
                   {"last_day", "last day"}};

    for (size_t i = 0; i < sizeof(periods) / sizeof(periods[0]); i++) {
        const json_t *pue = get(get(status, "pue"), periods[i].key);
        char value[CLI_TEXT_ROOM], coverage[CLI_TEXT_ROOM];

        printf("%-9s %-12s %s", i ? "" : "PUE", periods[i].label,
               cli_number(get(pue, "value"), "%.3f", value));
        if (json_is_number(get(pue, "value")))
            printf(" (category %lld, coverage %s%s)",
                   (long long)json_integer_value(get(pue, "category")),
                   cli_share(get(pue, "coverage"), coverage),
                   json_is_true(get(pue, "interim")) ? ", interim" : "");
        printf("\n");
    }
}

static void print_market(const json_t *status)
{
    char price[CLI_TEXT_ROOM], carbon[CLI_TEXT_ROOM], outdoor[CLI_TEXT_ROOM];
    char limit[CLI_TEXT_ROOM], peak[CLI_TEXT_ROOM];

    printf("%-9s price %s %s/MWh, carbon %s g/kWh, outdoor %s °C\n", "market",
           cli_number(get(status, "price_per_mwh"), "%.2f", price),
           cli_word(get(status, "currency")),
           cli_number(get(status, "carbon_g_per_kwh"), "%.0f", carbon),
           cli_number(get(status, "temp_outdoor_c"), "%.1f", outdoor));
    printf("%-9s import %s, charged peak so far %s%s\n", "limit",
           cli_quantity(get(status, "import_limit_w"), DIMENSION_POWER, limit),
           cli_quantity(get(status, "peak_import_w"), DIMENSION_POWER, peak),
           json_is_true(get(status, "fail_safe")) ? "; A FAIL-SAFE VALUE IS IN FORCE" : "");
}

/* The contracted capacity that the metered load is held under, where there is one. */
static void print_capacity(const json_t *status)
{
    const json_t *threshold = get(status, "threshold_w"), *peak = get(status, "peak_import_w");
    char text[CLI_TEXT_ROOM], peak_text[CLI_TEXT_ROOM];
    const char *verdict = "";

    if (!json_is_number(threshold))
        return;
    if (json_is_number(peak))
        verdict = json_number_value(peak) <= json_number_value(threshold) ? ", held" : ", EXCEEDED";
    printf("%-9s threshold %s, peak of the billing period %s%s\n", "capacity",
           cli_quantity(threshold, DIMENSION_POWER, text),
           cli_quantity(peak, DIMENSION_POWER, peak_text), verdict);
}

static void print_tank(const json_t *status)
{
    const json_t *tank = get(status, "tank"), *heat = get(tank, "heat_w");
    const double heat_w = json_number_value(heat);
    char soc[CLI_TEXT_ROOM], text[CLI_TEXT_ROOM];

    if (!json_is_object(tank))
        return;
    printf("%-9s cold %s%s, ", "tank", cli_number(get(tank, "soc_pct"), "%.1f", soc),
           json_is_number(get(tank, "soc_pct")) ? " %" : "");
    if (!json_is_number(heat))
        printf("power –\n");
    else if (heat_w == 0)
        printf("idle\n");
    else
        printf("%s %s of heat\n", heat_w > 0 ? "takes" : "is charged by",
               quantity_format(fabs(heat_w), DIMENSION_POWER, text, (int)sizeof(text)));
}

static void print_counts(const char *label, const json_t *counts)
{
    const char *separator = "", *key;
    json_t *value;

    printf("%-9s ", label);
    json_object_foreach((json_t *)counts, key, value)
    {
        if (json_integer_value(value) == 0)
            continue;
        printf("%s%lld %s", separator, (long long)json_integer_value(value), key);
        separator = ", ";
    }
    printf("%s\n", *separator ? "" : "none");
}

static void print_plan_head(const json_t *status)
{
    const json_t *plan = get(status, "plan");
    const int64_t age_ms = cli_time_ms(get(status, "now")) - cli_time_ms(get(plan, "issue"));
    char age[CLI_TEXT_ROOM], gap[CLI_TEXT_ROOM], solve[CLI_TEXT_ROOM], expires[CLI_TEXT_ROOM];

    if (!json_is_object(plan)) {
        printf("%-9s none\n", "plan");
        return;
    }
    printf("%-9s #%lld %s, %s old, expires %s, gap %s, solved in %s\n", "plan",
           (long long)json_integer_value(get(plan, "id")), cli_word(get(plan, "status")),
           quantity_format((double)age_ms, DIMENSION_DURATION, age, (int)sizeof(age)),
           cli_time(get(plan, "expires"), expires), cli_share(get(plan, "gap"), gap),
           cli_quantity(get(plan, "solve_ms"), DIMENSION_DURATION, solve));
}

static void print_store(const json_t *status)
{
    const json_t *store = get(status, "store"), *error = get(store, "error");

    printf("%-9s %s: %lld records written, %lld waiting, %lld refused%s\n", "store",
           cli_word(get(store, "path")), (long long)json_integer_value(get(store, "written")),
           (long long)json_integer_value(get(store, "waiting")),
           (long long)json_integer_value(get(store, "refused")),
           json_is_true(get(store, "full")) ? "; THE DISK IS FULL" : "");
    if (json_is_string(error))
        printf("%-9s last error: %s\n", "", cli_word(error));
}

static long long count(const json_t *object, const char *key)
{
    return json_integer_value(get(object, key));
}

/* One line, and only where there is something to tell. */
static void print_broker_notes(const json_t *broker)
{
    const long long takeovers = count(broker, "takeovers");
    const long long refused = count(broker, "subscriptions_refused");
    const json_t *sparkplug = get(broker, "sparkplug");

    if (!json_is_object(sparkplug) && takeovers == 0 && refused == 0)
        return;
    printf("%-9s", "");
    if (json_is_object(sparkplug))
        printf(" Sparkplug: %lld of %lld nodes born, gaps %lld, rebirths asked for %lld.",
               count(sparkplug, "born"), count(sparkplug, "nodes"), count(sparkplug, "gaps"),
               count(sparkplug, "rebirths"));
    if (takeovers > 0)
        printf(" Taken over by a client of our name: %lld.", takeovers);
    if (refused > 0)
        printf(" Subscriptions refused: %lld.", refused);
    printf("\n");
}

static void print_broker(const json_t *status)
{
    const json_t *broker = get(status, "broker");

    if (!json_is_object(broker))
        return;
    printf("%-9s %s %s: %lld messages, %lld malformed, %lld dropped\n", "broker",
           cli_word(get(broker, "host")), cli_word(get(broker, "link")), count(broker, "messages"),
           count(broker, "malformed"), count(broker, "dropped"));
    if (json_is_string(get(broker, "cause")))
        printf("%-9s %s\n", "", cli_word(get(broker, "cause")));
    if (json_is_true(get(broker, "bms_silent")))
        printf("%-9s building management sends no heartbeat: its values are not trusted\n", "");
    print_broker_notes(broker);
}

static void print_withheld(const json_t *status)
{
    const long long count = json_integer_value(get(status, "verdicts_withheld"));

    if (count > 0)
        printf("%-9s %lld changes of flapping points are counted and not stored one by one\n", "",
               count);
}

static void print_devices(const json_t *status)
{
    static const struct cli_column columns[] = {
        {"DEVICE", 'l'},       {"ROLE", 'l'},      {"LINK", 'l'}, {"REASON", 'l'},
        {"TRIP", 'r'},         {"GOOD", 'r'},      {"BAD", 'r'},  {"WORST", 'l'},
        {"WORST REASON", 'l'}, {"TIME-OUTS", 'r'}, {NULL, 0}};
    struct cli_table *table = cli_table_create(columns);
    const json_t *device;
    char trip[CLI_TEXT_ROOM];
    size_t i;

    json_array_foreach(get(status, "devices"), i, device)
    {
        cli_cell(table, "%s", cli_word(get(device, "name")));
        cli_cell(table, "%s", cli_word(get(device, "role")));
        cli_cell(table, "%s", cli_word(get(device, "link")));
        cli_cell(table, "%s", cli_word(get(device, "reason")));
        cli_cell(table, "%s", cli_quantity(get(device, "round_trip_ms"), DIMENSION_DURATION, trip));
        cli_cell(table, "%lld/%lld", (long long)json_integer_value(get(device, "good_points")),
                 (long long)json_integer_value(get(device, "points")));
        cli_cell(table, "%lld", (long long)json_integer_value(get(device, "bad_points")));
        cli_cell(table, "%s", cli_word(get(device, "worst")));
        cli_cell(table, "%s", cli_word(get(device, "worst_reason")));
        cli_cell(table, "%lld", (long long)json_integer_value(get(device, "timeouts")));
    }
    printf("\n");
    cli_table_print(table, stdout);
    cli_table_destroy(table);
}

static void print_feeds(const json_t *status)
{
    static const struct cli_column columns[] = {{"FEED", 'l'},   {"BY", 'l'},    {"ALIVE", 'l'},
                                                {"ISSUED", 'r'}, {"NEWS", 'r'},  {"GOT", 'r'},
                                                {"BAD", 'r'},    {"REASON", 'l'}, {NULL, 0}};
    struct cli_table *table;
    const json_t *feed, *feeds = get(status, "feeds");
    char age[CLI_TEXT_ROOM];
    size_t i;

    if (json_array_size(feeds) == 0)
        return;
    table = cli_table_create(columns);
    json_array_foreach(feeds, i, feed)
    {
        const char *cause = json_string_value(get(feed, "cause"));

        cli_cell(table, "%s", cli_word(get(feed, "name")));
        cli_cell(table, "%s", cli_word(get(feed, "way")));
        cli_cell(table, "%s", json_is_true(get(feed, "alive")) ? "yes" : "no");
        cli_cell(table, "%s", cli_quantity(get(feed, "issue_age_ms"), DIMENSION_DURATION, age));
        cli_cell(table, "%s", cli_quantity(get(feed, "news_age_ms"), DIMENSION_DURATION, age));
        cli_cell(table, "%lld", count(feed, "documents"));
        cli_cell(table, "%lld", count(feed, "malformed"));
        cli_cell(table, "%s%s%s", cli_word(get(feed, "reason")), cause ? ": " : "",
                 cause ? cause : "");
    }
    printf("\n");
    cli_table_print(table, stdout);
    cli_table_destroy(table);
}

static void print_status(const json_t *status)
{
    char speed[CLI_TEXT_ROOM];

    printf("%-9s %s at %s, clock ×%s, tidewatt %s\n", "site", cli_word(get(status, "site")),
           cli_word(get(status, "now")), cli_number(get(status, "speed"), "%g", speed),
           cli_word(get(status, "version")));
    print_modes(status);
    print_power(status);
    print_battery(status);
    print_tank(status);
    print_market(status);
    print_capacity(status);
    print_pue(status);
    print_counts("jobs", get(status, "jobs"));
    print_plan_head(status);
    print_counts("points", get(status, "points"));
    print_withheld(status);
    print_store(status);
    print_broker(status);
    print_devices(status);
    print_feeds(status);
}

/* ---- points --------------------------------------------------------------------------------- */

static void add_value(struct cli_table *table, const json_t *point)
{
    const json_t *known = get(point, "value");
    const char *format = fabs(json_number_value(known)) < 1e6 ? "%.6g" : "%.0f";
    char value[CLI_TEXT_ROOM];

    cli_cell(table, "%s%s%s", cli_number(known, format, value), json_is_number(known) ? " " : "",
             json_is_number(known) ? cli_word(get(point, "unit")) : "");
}

static void add_restart(struct cli_table *table, const json_t *counter)
{
    char at[CLI_TEXT_ROOM];

    if (json_is_object(counter))
        cli_cell(table, "%s at %s", cli_word(get(counter, "reason")),
                 cli_time(get(counter, "at"), at));
    else
        cli_cell(table, "%s", "");
}

static void add_write(struct cli_table *table, const json_t *set)
{
    char value[CLI_TEXT_ROOM], at[CLI_TEXT_ROOM], life[CLI_TEXT_ROOM], bound[CLI_TEXT_ROOM] = "";

    if (json_is_number(get(set, "lifetime")))
        snprintf(bound, sizeof(bound), ", %lld of %s writes",
                 (long long)json_integer_value(get(set, "writes")),
                 cli_number(get(set, "lifetime"), "%.0f", life));
    if (json_is_string(get(set, "outcome")))
        cli_cell(table, "%s at %s: %s%s", cli_number(get(set, "value"), "%.6g", value),
                 cli_time(get(set, "at"), at), cli_word(get(set, "outcome")), bound);
    else
        cli_cell(table, "%s%s", json_is_object(set) ? "not since the start" : "", bound);
}

static void print_points(const json_t *reply)
{
    static const struct cli_column columns[] = {
        {"POINT", 'l'}, {"VALUE", 'r'},   {"QUALITY", 'l'}, {"REASON", 'l'}, {"AGE", 'r'},
        {"HEARD", 'r'}, {"COUNTER", 'l'}, {"WRITTEN", 'l'}, {NULL, 0}};
    struct cli_table *table = cli_table_create(columns);
    const json_t *point;
    char age[CLI_TEXT_ROOM], heard[CLI_TEXT_ROOM];
    size_t i;

    json_array_foreach(get(reply, "points"), i, point)
    {
        cli_cell(table, "%s.%s", cli_word(get(reply, "device")), cli_word(get(point, "name")));
        add_value(table, point);
        cli_cell(table, "%s", cli_word(get(point, "quality")));
        cli_cell(table, "%s", cli_word(get(point, "reason")));
        cli_cell(table, "%s", cli_quantity(get(point, "age_ms"), DIMENSION_DURATION, age));
        cli_cell(table, "%s", cli_quantity(get(point, "heard_ms"), DIMENSION_DURATION, heard));
        add_restart(table, get(point, "counter"));
        add_write(table, get(point, "set"));
    }
    cli_table_print(table, stdout);
    cli_table_destroy(table);
}

static int show_points(const struct cli_common *common, const char *device)
{
    int code = 0;
    json_t *reply =
        cli_ask(common, json_pack("{s:s, s:s}", "do", "points", "device", device), &code);

    if (reply && !common->json)
        print_points(reply);
    json_decref(reply);
    return code;
}

/* One request a device: the daemon has other things to do between them. */
static int show_all_points(const struct cli_common *common)
{
    const struct cli_common quietly = {.socket = common->socket};
    int code = 0;
    json_t *status = cli_ask(&quietly, json_pack("{s:s}", "do", "status"), &code);
    const json_t *device;
    size_t i;

    json_array_foreach(get(status, "devices"), i, device)
    {
        if (code == 0 && i > 0 && !common->json)
            printf("\n");
        if (code == 0)
            code = show_points(common, cli_word(get(device, "name")));
    }
    json_decref(status);
    return code;
}

static int show_status(const struct cli_common *common)
{
    int code = 0;
    json_t *status = cli_ask(common, json_pack("{s:s}", "do", "status"), &code);

    if (status && !common->json)
        print_status(status);
    json_decref(status);
    return code;
}

int cli_status(const struct cli_command *command, int argc, char **argv)
{
    struct cli_common common = {0};
    bool points = false;
    const struct cli_option options[] = {
        {"points", CLI_FLAG, &points, NULL, "list the points of DEVICE, or of all devices"},
        CLI_COMMON_OPTIONS(common),
        CLI_END_OF_OPTIONS};
    struct cli_operands operands;
    int code = cli_begin(command, options, argc, argv, 0, 1, &operands);

    if (code != CLI_GO_ON)
        return code;
    if (operands.count > 0 && !points)
        return cli_usage(command, "a device goes with --points");
    if (!points)
        return show_status(&common);
    return operands.count > 0 ? show_points(&common, operands.words[0]) : show_all_points(&common);
}
