/* Plans with a count of their users: a thousand devices of one kind need one
 * table. */
#include "drivers/poll_tables.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct poll_table {
    struct poll_plan plan; /* first: what users hold */
    struct poll_table *next;
    struct profile *copy; /* owned, or NULL */
    int users;
};

static const struct poll_plan *add(struct poll_tables *tables, const struct profile *profile,
                                   struct profile *copy)
{
    struct poll_table *table = malloc(sizeof(*table));
    if (table == NULL) {
        free(copy);
        return NULL;
    }
    poll_plan_init(&table->plan, profile);
    table->copy = copy;
    table->users = 1;
    table->next = tables->first;
    tables->first = table;
    return &table->plan;
}

const struct poll_plan *poll_tables_take(struct poll_tables *tables, const struct profile *profile)
{
    for (struct poll_table *table = tables->first; table != NULL; table = table->next)
        if (table->plan.profile == profile) {
            table->users++;
            return &table->plan;
        }
    return add(tables, profile, NULL);
}

const struct poll_plan *poll_tables_take_copy(struct poll_tables *tables,
                                              const struct profile *profile)
{
    for (struct poll_table *table = tables->first; table != NULL; table = table->next)
        if (table->copy != NULL && memcmp(table->copy, profile, sizeof(*profile)) == 0) {
            table->users++;
            return &table->plan;
        }
    struct profile *copy = malloc(sizeof(*copy));
    if (copy == NULL)
        return NULL;
    memcpy(copy, profile, sizeof(*copy));
    return add(tables, copy, copy);
}

void poll_tables_release(struct poll_tables *tables, const struct poll_plan *plan)
{
    for (struct poll_table **at = &tables->first; *at != NULL; at = &(*at)->next) {
        struct poll_table *table = *at;
        if (&table->plan != plan)
            continue;
        if (--table->users == 0) {
            *at = table->next;
            free(table->copy);
            free(table);
        }
        return;
    }
    assert(false && "no plan of these tables");
}
