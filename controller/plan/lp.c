/* Building a linear program. */
#include "controller/plan/lp.h"

#include <stdlib.h>

struct lp *lp_create(void)
{
    return calloc(1, sizeof(struct lp));
}

void lp_destroy(struct lp *lp)
{
    if (!lp)
        return;
    lp_release_solver(lp);
    free(lp->row_lower);
    free(lp->row_upper);
    free(lp->column_lower);
    free(lp->column_upper);
    free(lp->cost);
    free(lp->column_start);
    free(lp->entry_row);
    free(lp->entry_value);
    free(lp);
}

static void grow(struct lp *lp, void *array_pointer, size_t size, int room)
{
    void **array = array_pointer;
    void *larger = realloc(*array, size * (size_t)room);
    if (larger)
        *array = larger;
    else
        lp->out_of_memory = true;
}

static int doubled(int room)
{
    return room ? 2 * room : 256;
}

static bool row_fits(struct lp *lp)
{
    if (lp->out_of_memory || lp->row_count < lp->row_room)
        return !lp->out_of_memory;
    int room = doubled(lp->row_room);
    grow(lp, &lp->row_lower, sizeof(double), room);
    grow(lp, &lp->row_upper, sizeof(double), room);
    lp->row_room = room;
    return !lp->out_of_memory;
}

static bool column_fits(struct lp *lp)
{
    if (lp->out_of_memory || lp->column_count < lp->column_room)
        return !lp->out_of_memory;
    int room = doubled(lp->column_room);
    grow(lp, &lp->column_lower, sizeof(double), room);
    grow(lp, &lp->column_upper, sizeof(double), room);
    grow(lp, &lp->cost, sizeof(double), room);
    grow(lp, &lp->column_start, sizeof(int), room + 1);
    lp->column_room = room;
    return !lp->out_of_memory;
}

static bool entry_fits(struct lp *lp)
{
    if (lp->out_of_memory || lp->entry_count < lp->entry_room)
        return !lp->out_of_memory;
    int room = doubled(lp->entry_room);
    grow(lp, &lp->entry_row, sizeof(int), room);
    grow(lp, &lp->entry_value, sizeof(double), room);
    lp->entry_room = room;
    return !lp->out_of_memory;
}

int lp_add_row(struct lp *lp, double lower, double upper)
{
    if (!row_fits(lp))
        return 0;
    lp->row_lower[lp->row_count] = lower;
    lp->row_upper[lp->row_count] = upper;
    return lp->row_count++;
}

int lp_add_column(struct lp *lp, double lower, double upper, double cost)
{
    if (!column_fits(lp))
        return 0;
    int column = lp->column_count++;
    lp->column_lower[column] = lower;
    lp->column_upper[column] = upper;
    lp->cost[column] = cost;
    lp->column_start[column] = lp->entry_count;
    lp->column_start[column + 1] = lp->entry_count;
    return column;
}

void lp_add_entry(struct lp *lp, int row, double value)
{
    if (!entry_fits(lp))
        return;
    lp->entry_row[lp->entry_count] = row;
    lp->entry_value[lp->entry_count] = value;
    lp->column_start[lp->column_count] = ++lp->entry_count;
}

void lp_drop_column(struct lp *lp)
{
    if (!lp->out_of_memory)
        lp->entry_count = lp->column_start[--lp->column_count];
}

double lp_gain(const struct lp *lp, int column)
{
    double gain = -lp->cost[column];
    for (int entry = lp->column_start[column]; entry < lp->column_start[column + 1]; entry++)
        gain += lp->entry_value[entry] * lp->dual[lp->entry_row[entry]];
    return gain;
}

void lp_set_row(struct lp *lp, int row, double lower, double upper)
{
    if (lp->out_of_memory)
        return;
    lp->row_lower[row] = lower;
    lp->row_upper[row] = upper;
}

void lp_set_column(struct lp *lp, int column, double lower, double upper)
{
    if (lp->out_of_memory)
        return;
    lp->column_lower[column] = lower;
    lp->column_upper[column] = upper;
}
