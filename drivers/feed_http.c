/* Documents by HTTP; see feed_http.h. Texts about failures are ours: those of the library may have
 * the address in them, and with it a key. */
#include "drivers/feed_http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <curl/curl.h>

#include "controller/base/utc.h"
#include "drivers/secret_file.h"

enum {
    FEED_KEY = 1024, /* bytes of a key, with the NUL */
    PART_OF_KEY = 6, /* so much of it is worth hiding; excerpts of documents cut it */
    HEADER = 2048,   /* bytes of a header that we send or look at, with the NUL */
    REDIRECTS = 3,
    WAIT_MOST_MS = 24 * HOUR_MS, /* however long the source asks us to stay away */
};

struct pull {
    const struct feed_config *config;
    char key[FEED_KEY]; /* of this pull; providers may put it into their answer */
    CURL *easy;         /* NULL: none under way */
    struct curl_slist *headers;
    char *bytes;
    size_t length, room;
    bool too_long;
    struct marks { /* of an answer */
        char etag[HEADER], modified[HEADER];
        int64_t modified_ms, date_ms;
    } marks, kept;              /* of this one; of the last document, sent to ask for a newer one */
    bool failed;                /* before it was sent */
    struct feed_answer refused; /* then */
};

struct feed_http {
    CURLM *multi;
    struct pull pulls[LIMIT_FEEDS];
    int count;
    int active; /* under way, or done and not taken */
};

/* ---- one pull ---- */

static void finish(struct feed_http *http, struct pull *pull)
{
    if (pull->easy) {
        curl_multi_remove_handle(http->multi, pull->easy);
        curl_easy_cleanup(pull->easy);
    }
    curl_slist_free_all(pull->headers);
    pull->easy = NULL;
    pull->headers = NULL;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *context)
{
    struct pull *pull = context;
    size_t length = size * count;
    if (pull->length + length > LIMIT_FEED_BYTES) {
        pull->too_long = true;
        return 0;
    }
    if (pull->length + length > pull->room) {
        size_t room = 2 * (pull->length + length);
        char *grown = realloc(pull->bytes, room);
        if (!grown)
            return 0;
        pull->bytes = grown;
        pull->room = room;
    }
    memcpy(pull->bytes + pull->length, bytes, length);
    pull->length += length;
    return length;
}

static bool read_header(const char *line, size_t length, const char *name, char value[HEADER])
{
    size_t skip = strlen(name);
    if (length <= skip || length - skip >= HEADER || strncasecmp(line, name, skip) != 0)
        return false;
    line += skip;
    length -= skip;
    for (; length > 0 && *line == ' '; line++)
        length--;
    memcpy(value, line, length);
    value[length] = '\0';
    value[strcspn(value, "\r\n")] = '\0';
    return true;
}

static size_t on_header(char *line, size_t size, size_t count, void *context)
{
    struct marks *marks = &((struct pull *)context)->marks;
    char value[HEADER];
    if (size * count >= 5 && strncmp(line, "HTTP/", 5) == 0)
        *marks = (struct marks){.date_ms = 0}; /* so far it was a redirect */
    else if (read_header(line, size * count, "etag:", value))
        memcpy(marks->etag, value, sizeof value);
    else if (read_header(line, size * count, "date:", value))
        marks->date_ms = curl_getdate(value, NULL) * (int64_t)SECOND_MS;
    else if (read_header(line, size * count, "last-modified:", value)) {
        memcpy(marks->modified, value, sizeof value);
        marks->modified_ms = curl_getdate(value, NULL) * (int64_t)SECOND_MS;
    }
    return size * count;
}

static int add_header(struct pull *pull, const char *name, const char *value)
{
    char line[HEADER + FEED_KEY];
    snprintf(line, sizeof line, "%s: %s", name, value);
    struct curl_slist *longer = curl_slist_append(pull->headers, line);
    explicit_bzero(line, sizeof line);
    if (!longer)
        return ERROR_SYSTEM;
    pull->headers = longer;
    return 0;
}

/* The address, with the key where it belongs there. */
static int set_address(struct pull *pull)
{
    const struct feed_config *config = pull->config;
    char url[FEED_URL + FEED_KEY_NAME + 3 * FEED_KEY];
    if (config->key_in != FEED_KEY_QUERY)
        return curl_easy_setopt(pull->easy, CURLOPT_URL, config->url) == CURLE_OK ? 0
                                                                                  : ERROR_SYSTEM;
    char *escaped = curl_easy_escape(pull->easy, pull->key, 0);
    if (!escaped)
        return ERROR_SYSTEM;
    snprintf(url, sizeof url, "%s%c%s=%s", config->url, strchr(config->url, '?') ? '&' : '?',
             config->key_name, escaped);
    CURLcode code = curl_easy_setopt(pull->easy, CURLOPT_URL, url);
    explicit_bzero(url, sizeof url);
    explicit_bzero(escaped, strlen(escaped));
    curl_free(escaped);
    return code == CURLE_OK ? 0 : ERROR_SYSTEM;
}

static void set_limits(struct pull *pull)
{
    const struct feed_config *config = pull->config;
    bool secure = strncasecmp(config->url, "https:", 6) == 0;
    curl_easy_setopt(pull->easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(pull->easy, CURLOPT_TIMEOUT_MS, (long)config->timeout_ms);
    curl_easy_setopt(pull->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)config->timeout_ms);
    curl_easy_setopt(pull->easy, CURLOPT_MAXFILESIZE, (long)LIMIT_FEED_BYTES);
    curl_easy_setopt(pull->easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(pull->easy, CURLOPT_REDIR_PROTOCOLS_STR, secure ? "https" : "http,https");
    curl_easy_setopt(pull->easy, CURLOPT_FOLLOWLOCATION, config->key_in == FEED_KEY_NONE ? 1L : 0L);
    curl_easy_setopt(pull->easy, CURLOPT_MAXREDIRS, (long)REDIRECTS);
    if (*config->ca_file) {
        curl_easy_setopt(pull->easy, CURLOPT_CAINFO, config->ca_file);
        curl_easy_setopt(pull->easy, CURLOPT_CAPATH, NULL);
    }
}

static int prepare(struct pull *pull, struct error *error)
{
    const struct feed_config *config = pull->config;
    pull->key[0] = '\0';
    if (config->key_in != FEED_KEY_NONE &&
        secret_file_read(config->key_file, "key_file", pull->key, sizeof pull->key, error) < 0)
        return ERROR_INVALID;
    int result = set_address(pull);
    if (result == 0 && config->key_in == FEED_KEY_HEADER)
        result = add_header(pull, config->key_name, pull->key);
    if (result == 0 && *pull->kept.etag)
        result = add_header(pull, "If-None-Match", pull->kept.etag);
    if (result == 0 && *pull->kept.modified)
        result = add_header(pull, "If-Modified-Since", pull->kept.modified);
    if (result < 0)
        return error_set(error, ERROR_SYSTEM, "out of memory");
    set_limits(pull);
    curl_easy_setopt(pull->easy, CURLOPT_ACCEPT_ENCODING, "");
    curl_easy_setopt(pull->easy, CURLOPT_USERAGENT, "tidewatt/" TIDEWATT_VERSION);
    curl_easy_setopt(pull->easy, CURLOPT_HTTPHEADER, pull->headers);
    curl_easy_setopt(pull->easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(pull->easy, CURLOPT_WRITEDATA, pull);
    curl_easy_setopt(pull->easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(pull->easy, CURLOPT_HEADERDATA, pull);
    curl_easy_setopt(pull->easy, CURLOPT_PRIVATE, pull);
    return 0;
}

void feed_http_start(struct feed_http *http, int feed)
{
    struct pull *pull = &http->pulls[feed];
    struct feed_answer *refused = &pull->refused;
    *refused = (struct feed_answer){.feed = feed, .reason = REASON_FEED_REFUSED};
    pull->length = 0;
    pull->too_long = false;
    pull->marks = (struct marks){.date_ms = 0};
    pull->easy = curl_easy_init();
    if (!pull->easy)
        error_set(&refused->cause, 0, "out of memory");
    else if (prepare(pull, &refused->cause) == 0 &&
             curl_multi_add_handle(http->multi, pull->easy) == CURLM_OK) {
        http->active++;
        return;
    }
    finish(http, pull);
    pull->failed = true;
}

/* ---- outcomes ---- */

static void judge_transfer(const struct pull *pull, CURLcode code, struct feed_answer *answer)
{
    answer->reason = REASON_FEED_UNREACHABLE;
    if (pull->too_long || code == CURLE_FILESIZE_EXCEEDED) {
        answer->reason = REASON_FEED_MALFORMED;
        error_set(&answer->cause, 0, "the document is longer than %d bytes", LIMIT_FEED_BYTES);
    } else if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE) {
        answer->reason = REASON_FEED_REFUSED;
        error_set(&answer->cause, 0, "its certificate is not trusted: check ca_file%s%s",
                  *pull->config->ca_file ? " " : "", pull->config->ca_file);
    } else if (code == CURLE_TOO_MANY_REDIRECTS || code == CURLE_UNSUPPORTED_PROTOCOL) {
        answer->reason = REASON_FEED_REFUSED;
        error_set(&answer->cause, 0, "it redirects %s: set url to the final address",
                  code == CURLE_TOO_MANY_REDIRECTS ? "in a circle"
                                                   : "to what is not the same or safer");
    } else {
        error_set(&answer->cause, 0, "%s", curl_easy_strerror(code));
    }
}

static void judge_status(struct pull *pull, long status, struct feed_answer *answer)
{
    curl_off_t wait_s = 0;
    curl_easy_getinfo(pull->easy, CURLINFO_RETRY_AFTER, &wait_s);
    if (status == 304) {
        answer->reason = REASON_FEED_DUPLICATE;
    } else if (status == 200) {
        answer->bytes = pull->length > 0 ? pull->bytes : "";
        answer->length = pull->length;
        answer->source_ms =
            pull->marks.modified_ms > 0 ? pull->marks.modified_ms : pull->marks.date_ms;
        pull->kept = pull->marks;
    } else {
        bool busy = status == 429 || status == 503;
        answer->reason = status >= 500 ? REASON_FEED_UNREACHABLE : REASON_FEED_REFUSED;
        if (busy && wait_s > 0)
            answer->wait_ms = wait_s < WAIT_MOST_MS / SECOND_MS ? wait_s * SECOND_MS : WAIT_MOST_MS;
        error_set(&answer->cause, 0, "it answers with HTTP status %ld%s", status,
                  status == 401 || status == 403 ? ": check the key and key_in"
                  : status == 429                ? ": asked too often, every is too short"
                  : status / 100 == 3            ? ": set url to the final address"
                                                 : "");
    }
}

bool feed_http_take(struct feed_http *http, struct feed_answer *ret_answer)
{
    CURLMsg *message;
    int left;
    for (int i = 0; i < http->count; i++) {
        if (http->pulls[i].failed) {
            http->pulls[i].failed = false;
            *ret_answer = http->pulls[i].refused;
            return true;
        }
    }
    while ((message = curl_multi_info_read(http->multi, &left)) && message->msg != CURLMSG_DONE)
        ;
    if (!message)
        return false;
    CURLcode code = message->data.result;
    struct pull *pull;
    long status = 0;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&pull);
    curl_easy_getinfo(message->easy_handle, CURLINFO_RESPONSE_CODE, &status);
    *ret_answer = (struct feed_answer){.feed = (int)(pull - http->pulls)};
    if (code == CURLE_OK)
        judge_status(pull, status, ret_answer);
    else
        judge_transfer(pull, code, ret_answer);
    if (ret_answer->reason != REASON_NONE && ret_answer->reason != REASON_FEED_DUPLICATE)
        feed_http_forget(http, ret_answer->feed);
    finish(http, pull);
    http->active--;
    return true;
}

/* Length of what both begin with. */
static size_t common(const char *a, const char *b)
{
    size_t length = 0;
    while (a[length] && a[length] == b[length])
        length++;
    return length;
}

void feed_http_hide(const struct feed_http *http, int feed, struct error *text)
{
    const char *key = http->pulls[feed].key;
    size_t whole = strlen(key), least = whole < PART_OF_KEY ? whole : PART_OF_KEY;
    for (char *at = text->text; *at && whole > 0; at++) {
        size_t longest = 0;
        for (const char *part = key; *part; part++) {
            size_t length = common(at, part);
            longest = length > longest ? length : longest;
        }
        if (longest >= least)
            memset(at, '*', longest);
    }
}

void feed_http_forget(struct feed_http *http, int feed)
{
    http->pulls[feed].kept = (struct marks){.date_ms = 0};
}

/* ---- all of them ---- */

void feed_http_wait(struct feed_http *http, int wait_ms)
{
    int running;
    curl_multi_perform(http->multi, &running);
    if (running < http->active)
        return; /* an outcome is there already */
    curl_multi_poll(http->multi, NULL, 0, wait_ms, NULL);
    curl_multi_perform(http->multi, &running);
}

void feed_http_wake(struct feed_http *http)
{
    curl_multi_wakeup(http->multi);
}

int feed_http_create(const struct feed_config *configs, int count, struct feed_http **ret_http,
                     struct error *error)
{
    struct feed_http *http = calloc(1, sizeof *http);
    bool ready = http && curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
    if (ready)
        http->multi = curl_multi_init();
    if (!ready || !http->multi) {
        free(http);
        return error_set(error, ERROR_SYSTEM, "feeds: the HTTP library does not start");
    }
    http->count = count;
    for (int i = 0; i < count; i++)
        http->pulls[i].config = &configs[i];
    *ret_http = http;
    return 0;
}

void feed_http_destroy(struct feed_http *http)
{
    for (int i = 0; i < http->count; i++) {
        struct pull *pull = &http->pulls[i];
        if (pull->easy) /* a name server that does not answer must not hold up the end */
            curl_easy_setopt(pull->easy, CURLOPT_QUICK_EXIT, 1L);
        finish(http, pull);
        free(pull->bytes);
        explicit_bzero(pull->key, sizeof pull->key);
    }
    curl_multi_cleanup(http->multi);
    curl_global_cleanup();
    free(http);
}
