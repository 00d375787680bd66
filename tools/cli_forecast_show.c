/* The tables of `tidewatt forecast`, from what cli_forecast_ask.c found. */
#include "tools/cli_forecast_show.h"

#include <math.h>
#include <string.h>

#include "controller/base/utc.h"
#include "controller/forecast/forecast.h"
#include "tools/cli.h"
#include "tools/cli_table.h"

/* ---- values ---- */

static bool is_power(const char *series)
{
    size_t length = strlen(series);
    return length > 2 && strcmp(series + length - 2, "_w") == 0;
}

static const char *value_text(const char *series, const json_t *value, char text[CLI_TEXT_ROOM])
{
    return is_power(series) ? cli_quantity(value, DIMENSION_POWER, text)
                            : cli_number(value, "%.1f", text);
}

static const char *name_of(const json_t *object)
{
    return cli_word(json_object_get(object, "series"));
}

static void cell_value(struct cli_table *table, const json_t *object, const char *series,
                       const char *key)
{
    char text[CLI_TEXT_ROOM];
    cli_cell(table, "%s", value_text(series, json_object_get(object, key), text));
}

/* P10 to P90 in one unit. */
enum { BAND = 3 };
static const char *const band_keys[BAND] = {"p10", "p50", "p90"};

static void cell_band(struct cli_table *table, const json_t *step, const char *series)
{
    char text[BAND][CLI_TEXT_ROOM];
    double most = 0, unit = 1;
    const char *name = is_power(series) ? " W" : "";
    for (int i = 0; i < BAND; i++)
        most = fmax(most, fabs(json_number_value(json_object_get(step, band_keys[i]))));
    if (is_power(series) && most >= 1e3) {
        unit = most >= 1e6 ? 1e6 : 1e3;
        name = most >= 1e6 ? " MW" : " kW";
    }
    for (int i = 0; i < BAND; i++) {
        const json_t *value = json_object_get(step, band_keys[i]);
        snprintf(text[i], sizeof text[i], "–");
        if (json_is_number(value))
            snprintf(text[i], sizeof text[i], "%.1f", json_number_value(value) / unit);
    }
    if (step)
        cli_cell(table, "%s < %s < %s%s", text[0], text[1], text[2], name);
    else
        cli_cell(table, "–");
}

static void cell_time(struct cli_table *table, const json_t *object, const char *key)
{
    char text[CLI_TEXT_ROOM];
    cli_cell(table, "%s", cli_time(json_object_get(object, key), text));
}

/* ---- now ---- */

enum { LEADS = 4 };
static const int lead_hours[LEADS] = {1, 6, 24, 72};

/* The last step that begins at or before the lead. */
static const json_t *step_at(const json_t *object, int64_t at_ms)
{
    const json_t *steps = json_object_get(object, "steps"), *found = NULL, *step;
    size_t index;
    json_array_foreach(steps, index, step)
    {
        if (cli_time_ms(json_object_get(step, "at")) <= at_ms)
            found = step;
    }
    return found;
}

/* What feeders and contracts have to carry. */
static void show_peak(const json_t *object, int64_t at_ms)
{
    const json_t *steps = json_object_get(object, "steps"), *step, *peak = NULL;
    size_t index;
    json_array_foreach(steps, index, step)
    {
        int64_t ahead_ms = cli_time_ms(json_object_get(step, "at")) - at_ms;
        double value = json_number_value(json_object_get(step, "p50"));
        if (ahead_ms < DAY_MS && (!peak || value > json_number_value(json_object_get(peak, "p50"))))
            peak = step;
    }
    if (!peak)
        return;
    char value[CLI_TEXT_ROOM], most[CLI_TEXT_ROOM], time[CLI_TEXT_ROOM];
    value_text(name_of(object), json_object_get(peak, "p50"), value);
    value_text(name_of(object), json_object_get(peak, "p90"), most);
    printf("\nPeak of %s within 24 h: %s (P90 %s) at %s\n", name_of(object), value, most,
           cli_time(json_object_get(peak, "at"), time));
}

void forecast_show_now(const json_t *all, int64_t at_ms)
{
    static const struct cli_column columns[] = {
        {"SERIES", 'l'}, {"MEASURED", 'r'}, {"IN 1 H P10 < P50 < P90", 'r'},
        {"IN 6 H", 'r'}, {"IN 24 H", 'r'},  {"IN 72 H", 'r'},
        {"MODEL", 'l'},  {"REASON", 'l'},   {NULL, 0}};
    struct cli_table *table = cli_table_create(columns);
    const json_t *object;
    size_t index;
    char now[UTC_TEXT];
    json_array_foreach(all, index, object)
    {
        const char *series = name_of(object),
                   *text = json_string_value(json_object_get(object, "text"));
        cli_cell(table, "%s", series);
        cell_value(table, json_object_get(object, "measured"), series, "value");
        for (int i = 0; i < LEADS; i++)
            cell_band(table, step_at(object, at_ms + lead_hours[i] * (int64_t)HOUR_MS), series);
        cli_cell(table, "%s", cli_word(json_object_get(object, "model")));
        cli_cell(table, "%s", text ? text : "");
    }
    printf("Forecasts of %s\n\n", utc_format(at_ms, now));
    cli_table_print(table, stdout);
    cli_table_destroy(table);
    json_array_foreach(all, index, object)
    {
        if (strcmp(name_of(object), forecast_series_name(SERIES_BASE_IT)) == 0)
            show_peak(object, at_ms);
    }
}

/* ---- one series ---- */

void forecast_show_series(const json_t *object)
{
    static const struct cli_column columns[] = {
        {"TIME", 'l'}, {"P5", 'r'},  {"P10", 'r'}, {"P25", 'r'},  {"P50", 'r'},
        {"P75", 'r'},  {"P90", 'r'}, {"P95", 'r'}, {"CAME", 'r'}, {NULL, 0}};
    static const char *const keys[] = {"p5", "p10", "p25", "p50", "p75", "p90", "p95", "came"};
    struct cli_table *table = cli_table_create(columns);
    const char *series = name_of(object),
               *text = json_string_value(json_object_get(object, "text"));
    const json_t *step;
    size_t index;
    json_array_foreach(json_object_get(object, "steps"), index, step)
    {
        cell_time(table, step, "at");
        for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
            cell_value(table, step, series, keys[i]);
    }
    printf("%s as forecast at %s by %s%s%s\n\n", series, cli_word(json_object_get(object, "issue")),
           cli_word(json_object_get(object, "model")), text ? ": " : "", text ? text : "");
    cli_table_print(table, stdout);
    cli_table_destroy(table);
}

/* ---- one moment ---- */

static void add_words(struct cli_table *table, const json_t *object)
{
    const char *series = name_of(object);
    const json_t *word;
    size_t index;
    json_array_foreach(json_object_get(object, "said"), index, word)
    {
        char value[CLI_TEXT_ROOM];
        cli_cell(table, "  %s said", cli_word(json_object_get(word, "source")));
        cell_time(table, word, "issue");
        cli_cell(table, "%s", value_text(series, json_object_get(word, "value"), value));
        for (int i = 0; i < 3; i++)
            cli_cell(table, "%s", "");
    }
}

/* "yes", "no", or nothing to compare. */
static const char *inside(const json_t *step)
{
    const json_t *low = json_object_get(step, "p10"), *high = json_object_get(step, "p90");
    const json_t *came = json_object_get(step, "came");
    if (!json_is_number(low) || !json_is_number(high) || !json_is_number(came))
        return "–";
    return json_number_value(came) >= json_number_value(low) &&
                   json_number_value(came) <= json_number_value(high)
               ? "yes"
               : "no";
}

void forecast_show_moment(const json_t *all, int64_t at_ms, int64_t about_ms)
{
    static const struct cli_column columns[] = {
        {"SERIES", 'l'}, {"MADE", 'l'}, {"P10 < P50 < P90", 'r'}, {"CAME", 'r'}, {"INSIDE", 'l'},
        {"MODEL", 'l'},  {NULL, 0}};
    struct cli_table *table = cli_table_create(columns);
    const json_t *object;
    size_t index;
    char at[UTC_TEXT], about[UTC_TEXT];
    json_array_foreach(all, index, object)
    {
        const json_t *step = json_array_get(json_object_get(object, "steps"), 0);
        const char *text = json_string_value(json_object_get(object, "text"));
        cli_cell(table, "%s", name_of(object));
        cell_time(table, step ? step : object, "issue");
        cell_band(table, step, name_of(object));
        cell_value(table, step, name_of(object), "came");
        cli_cell(table, "%s", inside(step));
        cli_cell(table, "%s",
                 step   ? cli_word(json_object_get(object, "model"))
                 : text ? text
                        : "–");
        add_words(table, object);
    }
    printf("What was believed at %s about %s, and what came\n\n", utc_format(at_ms, at),
           utc_format(about_ms, about));
    cli_table_print(table, stdout);
    cli_table_destroy(table);
}

/* ---- scores ---- */

static void print_scores(const json_t *rows)
{
    static const struct cli_column columns[] = {
        {"SERIES", 'l'}, {"LEAD", 'r'},    {"MAE", 'r'},  {"BIAS", 'r'},  {"PINBALL", 'r'},
        {"P5-P95", 'r'}, {"P10-P90", 'r'}, {"RANK", 'r'}, {"COUNT", 'r'}, {NULL, 0}};
    struct cli_table *table = cli_table_create(columns);
    const json_t *row;
    size_t index;
    char text[CLI_TEXT_ROOM];
    json_array_foreach(rows, index, row)
    {
        const char *series = name_of(row);
        cli_cell(table, "%s", series);
        cli_cell(table, "%s h", cli_number(json_object_get(row, "lead_h"), "%.0f", text));
        cell_value(table, row, series, "mae");
        cell_value(table, row, series, "bias");
        cell_value(table, row, series, "pinball");
        cli_cell(table, "%s", cli_share(json_object_get(row, "coverage_90"), text));
        cli_cell(table, "%s", cli_share(json_object_get(row, "coverage_80"), text));
        cli_cell(table, "%s", cli_number(json_object_get(row, "rank"), "%.2f", text));
        cli_cell(table, "%s", cli_number(json_object_get(row, "count"), "%.0f", text));
    }
    cli_table_print(table, stdout);
    cli_table_destroy(table);
}

static void print_standings(const json_t *rows)
{
    static const struct cli_column columns[] = {{"SERIES", 'l'}, {"LEAD", 'r'},   {"MODEL", 'l'},
                                                {"MAE", 'r'},    {"WEIGHT", 'r'}, {"COUNT", 'r'},
                                                {NULL, 0}};
    struct cli_table *table = cli_table_create(columns);
    const json_t *row;
    size_t index;
    char text[CLI_TEXT_ROOM];
    json_array_foreach(rows, index, row)
    {
        cli_cell(table, "%s", name_of(row));
        cli_cell(table, "%s h", cli_number(json_object_get(row, "lead_h"), "%.0f", text));
        cli_cell(table, "%s", cli_word(json_object_get(row, "model")));
        cell_value(table, row, name_of(row), "mae");
        cli_cell(table, "%s", cli_share(json_object_get(row, "weight"), text));
        cli_cell(table, "%s", cli_number(json_object_get(row, "count"), "%.0f", text));
    }
    printf("\nModels in the recent past\n\n");
    cli_table_print(table, stdout);
    cli_table_destroy(table);
}

void forecast_show_scores(const json_t *object)
{
    if (json_array_size(json_object_get(object, "scores")) == 0)
        printf("no score yet: a forecast is judged when its time has come, and scores are written "
               "each hour\n");
    else
        print_scores(json_object_get(object, "scores"));
    if (json_array_size(json_object_get(object, "standings")) > 0)
        print_standings(json_object_get(object, "standings"));
}
