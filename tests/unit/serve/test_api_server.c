/* The local socket: who may connect, what happens to clients that misbehave, and what is found
 * at its path. The server runs on a thread of its own here; the test is its clients. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <pthread.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>
#include <uv.h>

#include "controller/serve/api.h"

static struct {
    char folder[64], path[96];
    uv_loop_t loop;
    uv_async_t stop;
    pthread_t thread;
    struct api_server *server;
    char asker[LIMIT_NAME];
} fixture;

static int fake_cancel(void *context, int64_t id, const char *asker, struct error *error)
{
    (void)context;
    (void)id;
    (void)error;
    snprintf(fixture.asker, sizeof(fixture.asker), "%s", asker);
    return 0;
}

static int fake_jobs(void *context, const struct job **ret_jobs)
{
    static struct job jobs[LIMIT_JOBS];

    (void)context;
    *ret_jobs = jobs;
    return LIMIT_JOBS;
}

static const struct snapshot *fake_snapshot(void *context)
{
    static const struct snapshot snapshot;

    (void)context;
    return &snapshot;
}

static const struct plan *fake_plan(void *context)
{
    (void)context;
    return NULL;
}

static const struct api_core core = {.cancel = fake_cancel,
                                     .jobs = fake_jobs,
                                     .snapshot = fake_snapshot,
                                     .plan = fake_plan,
                                     .version = "1.2.3"};

static void on_stop(uv_async_t *async)
{
    api_server_destroy(fixture.server);
    uv_close((uv_handle_t *)async, NULL);
}

static void *serve(void *context)
{
    (void)context;
    uv_run(&fixture.loop, UV_RUN_DEFAULT);
    return NULL;
}

static int start(struct error *error)
{
    int code;

    uv_loop_init(&fixture.loop);
    code = api_server_create(&fixture.loop, fixture.path, 0640, &core, &fixture.server, error);
    if (code < 0) {
        uv_run(&fixture.loop, UV_RUN_DEFAULT);
        assert_int_equal(uv_loop_close(&fixture.loop), 0);
        return code;
    }
    uv_async_init(&fixture.loop, &fixture.stop, on_stop);
    pthread_create(&fixture.thread, NULL, serve, NULL);
    return 0;
}

static void stop(void)
{
    uv_async_send(&fixture.stop);
    pthread_join(fixture.thread, NULL);
    assert_int_equal(uv_loop_close(&fixture.loop), 0);
}

static int set_up(void **state)
{
    (void)state;
    snprintf(fixture.folder, sizeof(fixture.folder), "/tmp/tidewatt-api-XXXXXX");
    assert_non_null(mkdtemp(fixture.folder));
    snprintf(fixture.path, sizeof(fixture.path), "%s/sock", fixture.folder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(fixture.path);
    return rmdir(fixture.folder);
}

static int dial(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const struct timeval patience = {.tv_sec = 20};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    strcpy(address.sun_path, fixture.path);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    return fd;
}

static void expect(int fd, const char *wanted)
{
    char text[512];
    size_t length = strlen(wanted);

    assert_true(length < sizeof(text));
    assert_int_equal(recv(fd, text, length, MSG_WAITALL), length);
    text[length] = '\0';
    assert_string_equal(text, wanted);
}

static void call_works(void)
{
    struct error error;
    char *reply;

    if (api_call(fixture.path, "{\"do\":\"version\"}", &reply, &error) < 0)
        fail_msg("%s", error.text);
    assert_string_equal(reply, "{\"ok\":true,\"version\":\"1.2.3\"}");
    free(reply);
}

#define VERSION "{\"ok\":true,\"version\":\"1.2.3\"}\n"

static void a_client_is_answered_and_known_by_name(void **state)
{
    struct error error;
    struct stat status;
    char *reply;

    (void)state;
    assert_int_equal(start(&error), 0);
    assert_int_equal(stat(fixture.path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0640);
    call_works();
    assert_int_equal(api_call(fixture.path, "{\"do\":\"cancel\",\"id\":1}", &reply, &error), 0);
    free(reply);
    assert_string_equal(fixture.asker, getpwuid(getuid())->pw_name);
    stop();
    assert_int_equal(access(fixture.path, F_OK), -1);
}

static void lines_may_come_in_pieces_or_together(void **state)
{
    struct error error;
    int fd;

    (void)state;
    assert_int_equal(start(&error), 0);
    fd = dial();
    send(fd, "{\"do\":", 6, 0);
    usleep(20000);
    send(fd, "\"version\"}\n{\"do\":\"version\"}\n{\"do\":\"ver", 38, 0);
    expect(fd, VERSION VERSION);
    send(fd, "sion\"}\n", 7, 0);
    expect(fd, VERSION);
    close(fd);
    stop();
}

static void endless_line_is_refused_and_dropped(void **state)
{
    static char junk[2 * LIMIT_REQUEST_LINE];
    struct error error;
    char byte;
    int fd;

    (void)state;
    memset(junk, 'x', sizeof(junk));
    assert_int_equal(start(&error), 0);
    fd = dial();
    send(fd, junk, sizeof(junk), MSG_NOSIGNAL);
    expect(fd,
           "{\"ok\":false,\"reason\":\"invalid\",\"error\":\"the request line is too long\"}\n");
    assert_true(recv(fd, &byte, 1, 0) <= 0);
    close(fd);
    call_works();
    stop();
}

static void one_too_many_is_told_so(void **state)
{
    int fds[LIMIT_CLIENTS], extra;
    struct error error;

    (void)state;
    assert_int_equal(start(&error), 0);
    for (int i = 0; i < LIMIT_CLIENTS; i++) {
        fds[i] = dial();
        send(fds[i], "{\"do\":\"version\"}\n", 17, 0);
        expect(fds[i], VERSION);
    }
    extra = dial();
    expect(extra, "{\"ok\":false,\"reason\":\"full\",");
    close(extra);
    close(fds[3]);
    usleep(50000);
    call_works();
    for (int i = 0; i < LIMIT_CLIENTS; i++) {
        if (i != 3)
            close(fds[i]);
    }
    stop();
}

/* It asks for megabytes and reads nothing; the server holds one reply for it and serves others. */
static void who_does_not_read_holds_up_nobody(void **state)
{
    struct error error;
    int fd;

    (void)state;
    assert_int_equal(start(&error), 0);
    fd = dial();
    for (int i = 0; i < 200; i++)
        send(fd, "{\"do\":\"jobs\",\"all\":true}\n", 25, MSG_DONTWAIT | MSG_NOSIGNAL);
    usleep(50000);
    call_works();
    stop(); /* with the client still there */
    close(fd);
}

static void an_abandoned_socket_is_replaced(void **state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct error error;
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    (void)state;
    strcpy(address.sun_path, fixture.path);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    close(fd);
    assert_int_equal(start(&error), 0);
    call_works();
    stop();
}

static void a_living_daemon_is_left_alone(void **state)
{
    struct api_server *second;
    struct error error;
    uv_loop_t loop;

    (void)state;
    assert_int_equal(start(&error), 0);
    uv_loop_init(&loop);
    assert_int_equal(api_server_create(&loop, fixture.path, 0600, &core, &second, &error),
                     ERROR_INVALID);
    assert_non_null(strstr(error.text, "another daemon"));
    assert_non_null(strstr(error.text, fixture.path));
    assert_int_equal(uv_loop_close(&loop), 0);
    call_works();
    stop();
}

static void another_file_is_not_touched(void **state)
{
    FILE *file = fopen(fixture.path, "w");
    struct error error;

    (void)state;
    fclose(file);
    assert_int_equal(start(&error), ERROR_INVALID);
    assert_non_null(strstr(error.text, "no socket"));
    assert_int_equal(access(fixture.path, F_OK), 0);
}

static void a_path_beyond_the_system_limit_is_refused(void **state)
{
    struct error error;
    static char longer[300];
    struct api_server *server;
    uv_loop_t loop;

    (void)state;
    memset(longer, 'p', sizeof(longer) - 1);
    uv_loop_init(&loop);
    assert_int_equal(api_server_create(&loop, longer, 0600, &core, &server, &error), ERROR_INVALID);
    assert_non_null(strstr(error.text, "shorter"));
    uv_loop_close(&loop);
}

static void no_folder_and_no_daemon_are_clear_errors(void **state)
{
    struct error error;
    char *reply;

    (void)state;
    assert_int_equal(api_call(fixture.path, "{}", &reply, &error), ERROR_UNREACHABLE);
    assert_non_null(strstr(error.text, "start tidewattd"));
    snprintf(fixture.path, sizeof(fixture.path), "%s/none/sock", fixture.folder);
    assert_int_equal(start(&error), ERROR_SYSTEM);
    assert_non_null(strstr(error.text, fixture.path));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_client_is_answered_and_known_by_name),
        TEST(lines_may_come_in_pieces_or_together),
        TEST(endless_line_is_refused_and_dropped),
        TEST(one_too_many_is_told_so),
        TEST(who_does_not_read_holds_up_nobody),
        TEST(an_abandoned_socket_is_replaced),
        TEST(a_living_daemon_is_left_alone),
        TEST(another_file_is_not_touched),
        TEST(a_path_beyond_the_system_limit_is_refused),
        TEST(no_folder_and_no_daemon_are_clear_errors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
