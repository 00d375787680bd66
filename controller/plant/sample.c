/* Names of the qualities, as stored and shown. */
#include "controller/plant/sample.h"

#include <assert.h>

const char *quality_name(enum quality quality)
{
    static const char *const names[] = {
        [QUALITY_GOOD] = "good", [QUALITY_ESTIMATED] = "estimated", [QUALITY_STALE] = "stale",
        [QUALITY_BAD] = "bad",   [QUALITY_MISSING] = "missing",
    };
    assert((unsigned)quality <= QUALITY_MISSING);
    return names[quality];
}
