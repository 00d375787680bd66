/* Every fixed capacity of the controller. Tables are allocated once at the start; a full table
 * refuses the newcomer, says so and counts it. */
#ifndef TIDEWATT_BASE_LIMITS_H
#define TIDEWATT_BASE_LIMITS_H

enum {
    LIMIT_NAME = 48,          /* bytes of a device, feeder, job or owner name, with the NUL */
    LIMIT_PATH = 1024,        /* bytes of a file path, with the NUL */
    LIMIT_TOPIC = 256,        /* bytes of an MQTT topic, with the NUL */
    LIMIT_PAYLOAD = 8192,     /* bytes of an MQTT payload that is looked at */
    LIMIT_ERROR_TEXT = 512,   /* bytes of an error text, with the NUL */
    LIMIT_DEVICES = 1024,     /* devices of one site */
    LIMIT_POINTS = 16384,     /* points of one site */
    LIMIT_FEEDERS = 8,        /* feeders of one site */
    LIMIT_PROFILE_ROWS = 128, /* points of one device profile */
    LIMIT_PROFILES = 64,      /* device profiles loaded at once */
    LIMIT_BUSES = 32,         /* serial lines */
    LIMIT_JOBS = 1024,        /* jobs known to the controller, ended ones kept for a day */
    LIMIT_JOB_ARGS = 64,      /* words of a job's command */
    LIMIT_JOB_COMMAND = 4096, /* bytes of a job's command */
    LIMIT_PLAN_MS = 200,      /* real time after which a plan is no longer improved */
    LIMIT_LP_SECONDS = 30,    /* of one LP solve, a last resort: the worker must come back */
    LIMIT_SITES = 8,          /* sites of one plan */
    LIMIT_GROUPS = 32,        /* rack groups of one site */
    LIMIT_ACCELERATORS = 8,   /* classes of accelerators */
    LIMIT_LEVELS = 4,       /* ways in which one job may run: full, capped, on fewer accelerators */
    LIMIT_SCENARIOS = 12,   /* futures that one plan is made for */
    LIMIT_WHY = 4 << 20,    /* reasons by job and slot that a plan keeps; a larger one keeps none */
    LIMIT_SLOTS = 256,      /* slots of one plan of the controller */
    LIMIT_RUNS = 16,        /* separate stretches in which one planned job runs */
    LIMIT_STARTS = 8,       /* jobs started in one tick: each takes the machine some ms */
    LIMIT_COMMANDS = 256,   /* commands of one tick; the rest follow in the next */
    LIMIT_EVENTS = 256,     /* events of one tick */
    LIMIT_REQUESTS = 64,    /* outside requests taken in one tick */
    LIMIT_JOB_NOTES = 256,  /* batch notes (state changes) taken in one tick */
    LIMIT_VERDICTS = 2048,  /* changed verdicts about points told in one tick; the rest follow */
    LIMIT_INTERVALS = 1024, /* energy intervals closed in one tick */
    LIMIT_SAMPLE_QUEUE =
        16384,                 /* samples on their way from a driver thread to the control thread */
    LIMIT_STORE_QUEUE = 65536, /* records on their way to the store */
    LIMIT_STORE_BYTES = 8 << 20, /* bytes of these records; the disk may be full for a while */
    LIMIT_CLIENTS = 16,          /* local command-line clients at once */
    LIMIT_REQUEST_LINE = 65536,  /* bytes of one request line of a local client */
    LIMIT_REPLY_LINE = 16777216, /* bytes of one reply line that a local client accepts */
    LIMIT_OUTBOX = 4096,         /* publications waiting for the MQTT broker */
    LIMIT_MQTT_PACKET = 1 << 18, /* bytes of one packet that we let an MQTT broker send us */
    LIMIT_RAW_FILTERS = 8,       /* MQTT topic filters whose messages are handed on as they are */
    LIMIT_RAW_MESSAGES = 16384,  /* of these, messages waiting for the control thread */
    LIMIT_RAW_BYTES = 8 << 20,   /* bytes of these messages */
    LIMIT_RAW_PAYLOAD = 1 << 18, /* bytes of one of them; a longer one is shed */
    LIMIT_HEARTBEATS = 1024,     /* heartbeats that a building-management system describes */
    LIMIT_LATE_MS = 1000, /* samples of a point may pass each other by so much on their way to us */
    LIMIT_IN_FLIGHT = 32, /* publications handed to the MQTT library and not yet through */
    LIMIT_SPARKPLUG_NODES = 256,      /* Sparkplug edge nodes with points of ours */
    LIMIT_SPARKPLUG_METRICS = 4096,   /* aliases of one such node, ours or not */
    LIMIT_SPARKPLUG_PAYLOAD = 262144, /* bytes of a Sparkplug payload: a birth has all metrics */
    LIMIT_DSX_POINTS = 32768,         /* points that a building-management system describes */
    LIMIT_BUSY_TRIES = 10,            /* of a request of a set-point, at a device that is busy */
    LIMIT_ACKNOWLEDGED_MS = 5000,     /* a write that takes a device long has arrived after this */
    LIMIT_RETRY_MS = 1000, /* a failed write of a hard limit waits so long, then twice ... */
    LIMIT_RETRY_UNSENT_MS = 15000, /* ... up to this where it never left (it wears nothing), ... */
    LIMIT_RETRY_MOST_MS = 600000,  /* ... or to this */
    LIMIT_FEEDS = 16,              /* forecast feeds */
    LIMIT_FEED_TRACKS = 16,        /* tracks of one of them */
    LIMIT_FEED_BYTES = 4 << 20,    /* of one document of a feed */
    LIMIT_FEED_VALUES = 65536,     /* of one track in one document */
    LIMIT_BLOCK = 512,             /* values of one block of a feed; longer ones come as several */
    LIMIT_BLOCKS = 256,            /* blocks that wait for the next tick */
    LIMIT_MEASURED = 1024,      /* quarter hours measured before, after which a tick takes no more
                                   blocks: models are asked again about each of their hours */
    LIMIT_CHILLER_IDLE_W = 500, /* what chillers draw below this says nothing of their COP */
    LIMIT_LEARN_DAYS = 400,     /* of what is taken up after a restart */
    LIMIT_REHEARSE_DAYS = 100,  /* of it, in which forecasts are rehearsed, to judge them */
    LIMIT_HISTORY_SLOTS = 5376, /* quarter hours of history per forecast series: eight weeks */
};

#endif
