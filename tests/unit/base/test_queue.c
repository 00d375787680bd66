/* The queue keeps order, refuses when full, and never loses or doubles an entry between threads. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>

#include "controller/base/queue.h"

static void keeps_order_over_the_wrap(void **state)
{
    (void)state;
    struct queue *queue = queue_create(sizeof(int), 7);
    unsigned seed = 1;
    int pushed = 0, taken = 0, out[16];
    for (int round = 0; round < 2000; round++) {
        for (int i = rand_r(&seed) % 9; i > 0; i--)
            pushed += queue_push(queue, &pushed);
        size_t count = queue_pop(queue, out, (size_t)rand_r(&seed) % 9);
        for (size_t i = 0; i < count; i++)
            assert_int_equal(out[i], taken++);
        assert_int_equal(queue_length(queue), pushed - taken);
    }
    queue_destroy(queue);
}

static void refuses_and_counts_when_full(void **state)
{
    (void)state;
    struct queue *queue = queue_create(sizeof(int), 3);
    int out[8];
    for (int i = 0; i < 5; i++)
        assert_int_equal(queue_push(queue, &i), i < 3);
    assert_int_equal(queue_refused(queue), 2);
    assert_int_equal(queue_pop(queue, out, 8), 3);
    assert_int_equal(out[2], 2);
    assert_int_equal(queue_pop(queue, out, 8), 0);
    queue_destroy(queue);
}

static void sheds_the_oldest(void **state)
{
    (void)state;
    struct queue *queue = queue_create(sizeof(int), 3);
    int out[8];
    for (int i = 0; i < 5; i++)
        queue_push_shedding(queue, &i);
    assert_int_equal(queue_refused(queue), 2);
    assert_int_equal(queue_pop(queue, out, 8), 3);
    assert_int_equal(out[0], 2);
    assert_int_equal(out[2], 4);
    queue_destroy(queue);
}

static void a_closed_queue_empties_and_takes_no_more(void **state)
{
    (void)state;
    struct queue *queue = queue_create(sizeof(int), 3);
    int value = 5, out[8];
    assert_true(queue_push(queue, &value));
    queue_close(queue);
    assert_true(queue_closed(queue));
    assert_false(queue_push(queue, &value));
    queue_push_shedding(queue, &value);
    assert_int_equal(queue_refused(queue), 2);
    assert_int_equal(queue_wait(queue, out, 8, 1000000), 1);
    assert_int_equal(queue_wait(queue, out, 8, 1000000), 0); /* at once: closed */
    queue_destroy(queue);
}

static void waiting_ends_at_its_time(void **state)
{
    (void)state;
    struct queue *queue = queue_create(sizeof(int), 3);
    int out;
    assert_int_equal(queue_wait(queue, &out, 1, 0), 0);
    assert_int_equal(queue_wait(queue, &out, 1, 5), 0);
    queue_destroy(queue);
}

enum { ENTRIES = 50000 };

static void *produce(void *context)
{
    struct queue *queue = context;
    for (int i = 0; i < ENTRIES; i++)
        while (!queue_push(queue, &i))
            sched_yield();
    queue_close(queue);
    return NULL;
}

static void nothing_is_lost_between_threads(void **state)
{
    (void)state;
    struct queue *queue = queue_create(sizeof(int), 64);
    pthread_t producer;
    assert_int_equal(pthread_create(&producer, NULL, produce, queue), 0);
    int out[32], expected = 0;
    for (;;) {
        bool closed = queue_closed(queue); /* before the wait: what was in is then taken out */
        size_t count = queue_wait(queue, out, 32, 10000);
        for (size_t i = 0; i < count; i++)
            assert_int_equal(out[i], expected++);
        if (closed && count == 0)
            break;
    }
    pthread_join(producer, NULL);
    assert_int_equal(expected, ENTRIES);
    queue_destroy(queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_order_over_the_wrap),
        cmocka_unit_test(refuses_and_counts_when_full),
        cmocka_unit_test(sheds_the_oldest),
        cmocka_unit_test(a_closed_queue_empties_and_takes_no_more),
        cmocka_unit_test(waiting_ends_at_its_time),
        cmocka_unit_test(nothing_is_lost_between_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
