/* Import of the quarter hours against what was contracted: the charged peak of the billing period,
 * and each excess over the capacity. */
#include <math.h>
#include <string.h>

#include "controller/core/cycle_private.h"

/* The start of the month that contains the time: the billing period of the peak charge. */
static int64_t month_start(int64_t ms)
{
    char text[UTC_TEXT];
    utc_format(ms, text);
    memcpy(text + 8, "01T00:00:00Z", 13);
    int64_t start_ms = ms;
    utc_parse(text, &start_ms, NULL);
    return start_ms;
}

/* Nothing is known of a new period until its first account. */
void cycle_open_month(struct cycle *cycle, int64_t now_ms)
{
    int64_t month_ms = month_start(now_ms);
    if (month_ms <= cycle->month_ms)
        return;
    cycle->month_ms = month_ms;
    cycle->peak_w = NAN;
}

static void note_peak(struct cycle *cycle, const struct account *account, double import_w)
{
    if (account->start_ms >= cycle->month_ms)
        cycle->peak_w = fmax(cycle->peak_w, import_w); /* what is unknown changes nothing */
}

/* Once a quarter hour, also when only a late meter shows it. */
static void tell_excess(struct quarter *quarter, const struct account *account, double import_w,
                        struct tick_output *output)
{
    bool exceeds = import_w > account->threshold_w; /* false when either is unknown */
    if (quarter->exceeded || !exceeds)
        return;
    char start[UTC_TEXT];
    quarter->exceeded = true;
    cycle_event(output, EVENT_CAPACITY_EXCEEDED, "import",
                "%.1f kW in the quarter hour from %s, contracted %.1f kW", import_w / 1000,
                utc_format(account->start_ms, start), account->threshold_w / 1000);
}

void cycle_note_import(struct cycle *cycle, struct quarter *quarter, const struct account *account,
                       struct tick_output *output)
{
    double import_w = account->balance.import.wh * HOUR_MS / (double)QUARTER_MS;
    note_peak(cycle, account, import_w);
    tell_excess(quarter, account, import_w, output);
}
