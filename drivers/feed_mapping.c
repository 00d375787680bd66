/* Mappings as configurations write them: what each form needs, and what it has no use for. */
#include "drivers/feed_mapping.h"

#include <math.h>

#include "controller/base/utc.h"

struct place {
    const char *option, *text;
    bool needed, allowed;
};

static int check_place(const struct feed_track *track, const struct place *place,
                       struct error *error)
{
    if (place->needed && !*place->text)
        return error_set(error, ERROR_INVALID, "'%s' is needed: where it stands in the document",
                         place->option);
    if (!place->allowed && *place->text)
        return error_set(error, ERROR_INVALID, "'%s' has no meaning in this format: leave it out",
                         place->option);
    return track->form == FEED_CSV ? 0 : json_pointer_check(place->option, place->text, error);
}

int feed_track_check(const struct feed_track *track, struct error *error)
{
    const bool csv = track->form == FEED_CSV, positions = track->form == FEED_POSITIONS;
    const bool leads = csv && *track->lead;
    const struct place places[] = {
        {"value", track->value, true, true},
        {"time", track->time, !positions && !leads, !positions && !leads},
        {"rows", track->rows, false, track->form == FEED_ROWS || positions},
        {"each", track->each, false, !csv},
        {"position", track->position, positions, positions},
        {"start", track->start, positions, positions},
        {"end", track->end, false, positions},
        {"resolution", track->resolution, positions, positions},
        {"issue", track->issue, leads, true},
        {"lead", track->lead, false, csv},
    };
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (check_place(track, &places[i], error) < 0)
            return ERROR_INVALID;
    if (!isfinite(track->factor) || track->factor == 0 || !isfinite(track->offset))
        return error_set(error, ERROR_INVALID, "'scale' must be another number than 0");
    if (track->step_ms < 0 || track->step_ms > DAY_MS || track->step_ms % MINUTE_MS != 0)
        return error_set(error, ERROR_INVALID, "'step' must be whole minutes, a day at most");
    if (positions && (track->step_ms > 0 || track->values != FEED_MEAN))
        return error_set(error, ERROR_INVALID,
                         "positions are means of the document's resolution: leave out 'step' and "
                         "'values'");
    return 0;
}
