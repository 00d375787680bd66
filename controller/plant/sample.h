/* One value on its way in, and the verdict about it. */
#ifndef TIDEWATT_PLANT_SAMPLE_H
#define TIDEWATT_PLANT_SAMPLE_H

#include <stdint.h>

#include "controller/base/reason.h"

/* Ordered from trustworthy to unknown. Unknown is never 0. */
enum quality {
    QUALITY_GOOD,
    QUALITY_ESTIMATED, /* derived, not measured */
    QUALITY_STALE,     /* was good, is too old */
    QUALITY_BAD,       /* the source or a check disowns it */
    QUALITY_MISSING,   /* there is no value */
};

const char *quality_name(enum quality quality); /* "good", ... */

struct sample {
    int32_t point;        /* index in the topology */
    enum quality quality; /* GOOD, BAD or MISSING as a driver sees it */
    enum reason reason;
    double value;         /* base unit of the point; meaningless unless GOOD */
    int64_t source_ms;    /* site time at which it was true: the source's time, else the poll's */
    int64_t receive_ms;   /* site time at which it arrived */
};

#endif
