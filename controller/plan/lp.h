/* A linear program as columns and rows: minimise cost * x, lower <= A x <= upper, bounds on x.
 * Private to the planner. Knows nothing of power; the solver library is behind lp_clp.c alone.
 *
 * A row comes before the columns that use it, a column is followed by its entries. Running out of
 * memory while building is remembered and reported by lp_solve, so that builders need no checks in
 * between. */
#ifndef TIDEWATT_PLAN_LP_H
#define TIDEWATT_PLAN_LP_H

#include <stdbool.h>

#include "controller/base/error.h"

#define LP_INFINITY 1e30

struct lp {
    int row_count, row_room;
    double *row_lower, *row_upper;
    int column_count, column_room;
    double *column_lower, *column_upper, *cost;
    int *column_start; /* column_count + 1 entries */
    int entry_count, entry_room;
    int *entry_row;
    double *entry_value;
    bool out_of_memory;
    bool interior; /* first solve by an interior-point method: pays for many thousands of rows */
    void *solver;  /* of lp_clp.c; kept between solves as a warm start */
    double objective;
    const double *value, *dual; /* of the last solve, owned by the solver */
};

struct lp *lp_create(void); /* NULL: out of memory */
void lp_destroy(struct lp *lp);

int lp_add_row(struct lp *lp, double lower, double upper);
int lp_add_column(struct lp *lp, double lower, double upper, double cost);
void lp_add_entry(struct lp *lp, int row, double value); /* of the newest column */
void lp_drop_column(struct lp *lp);                      /* the newest */
void lp_set_row(struct lp *lp, int row, double lower, double upper);
void lp_set_column(struct lp *lp, int column, double lower, double upper);

/* Solves from scratch, or from the last basis when only bounds were set since. 0 at the optimum.
 * Afterwards objective, value[column] and dual[row] (change of the objective by one more unit of
 * the row's bound) hold until the next solve. */
int lp_solve(struct lp *lp, struct error *error);

/* What a unit of the column saves at the duals of the last solve; it may be newer than that. */
double lp_gain(const struct lp *lp, int column);

/* lp_clp.c */
void lp_release_solver(struct lp *lp);

#endif
