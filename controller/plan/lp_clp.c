/* The only user of COIN-OR CLP: loads a struct lp, solves it, hands out the numbers. */
#include "controller/base/limits.h"
#include "controller/plan/lp.h"

#include <stddef.h>

#include <coin/Clp_C_Interface.h>

enum {
    ITERATIONS_MOST = 100000, /* ends a cycling solve; a bound in steps keeps plans repeatable */
    /* Of CLP. These programs are highly degenerate: perturbing halves the first solve and lengthens
     * the warm ones. Its primal method may fail an assertion of its own when it perturbs. */
    PERTURB_ALWAYS = 50,
    PERTURB_IF_SLOW = 100,
    PERTURB_NEVER = 102,
};

void lp_release_solver(struct lp *lp)
{
    if (lp->solver)
        Clp_deleteModel(lp->solver);
    lp->solver = NULL;
}

static int primal(Clp_Simplex *model)
{
    Clp_setPerturbation(model, PERTURB_NEVER);
    return Clp_primal(model, 0);
}

static int first_solve(struct lp *lp)
{
    Clp_Simplex *model = lp->solver = Clp_newModel();
    if (!model)
        return -1;
    Clp_setLogLevel(model, 0);
    Clp_setMaximumIterations(model, ITERATIONS_MOST);
    Clp_setMaximumSeconds(model, LIMIT_LP_SECONDS);
    Clp_setPerturbation(model, lp->interior ? PERTURB_NEVER : PERTURB_ALWAYS);
    Clp_loadProblem(model, lp->column_count, lp->row_count, lp->column_start, lp->entry_row,
                    lp->entry_value, lp->column_lower, lp->column_upper, lp->cost, lp->row_lower,
                    lp->row_upper);
    return lp->interior ? Clp_initialBarrierSolve(model) : Clp_dual(model, 0);
}

static int solve_again(struct lp *lp)
{
    Clp_Simplex *model = lp->solver;
    if (lp->column_count > Clp_getNumCols(model)) {
        lp_release_solver(lp);
        return first_solve(lp);
    }
    Clp_setPerturbation(model, PERTURB_IF_SLOW);
    Clp_chgRowLower(model, lp->row_lower);
    Clp_chgRowUpper(model, lp->row_upper);
    Clp_chgColumnLower(model, lp->column_lower);
    Clp_chgColumnUpper(model, lp->column_upper);
    return Clp_dual(model, 0);
}

int lp_solve(struct lp *lp, struct error *error)
{
    if (lp->out_of_memory)
        return error_set(error, ERROR_SYSTEM, "out of memory while building the linear program");
    int status = lp->solver ? solve_again(lp) : first_solve(lp);
    if (!lp->solver)
        return error_set(error, ERROR_SYSTEM, "out of memory in the LP solver");
    if (status != 0)
        status = primal(lp->solver);
    if (status != 0)
        return error_set(error, ERROR_SYSTEM,
                         "the LP solver gave up with status %d on %d rows and %d columns", status,
                         lp->row_count, lp->column_count);
    lp->objective = Clp_objectiveValue(lp->solver);
    lp->value = Clp_getColSolution(lp->solver);
    lp->dual = Clp_getRowPrice(lp->solver);
    return 0;
}
