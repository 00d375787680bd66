/* Feeds as configurations write them; see feed.h. */
#include <string.h>
#include <strings.h>

#include "drivers/feed.h"

static int check_url(const struct feed_config *config, struct error *error)
{
    const char *url = config->url;
    size_t scheme = strncasecmp(url, "https://", 8) == 0  ? 8
                    : strncasecmp(url, "http://", 7) == 0 ? 7
                                                          : 0;
    const char *host = url + scheme;
    if (scheme == 0 || strcspn(host, "/?#") == 0 || strpbrk(url, " \t\r\n"))
        return error_set(error, ERROR_INVALID,
                         "url must be http://HOST/... or https://HOST/..., without blanks");
    if (memchr(host, '@', strcspn(host, "/?#")))
        return error_set(error, ERROR_INVALID,
                         "url has a password in it: put it into key_file and set key_in");
    if (strchr(host, '#'))
        return error_set(error, ERROR_INVALID, "url has a \"#\": what follows is never sent");
    if (*config->ca_file && scheme == 7)
        return error_set(error, ERROR_INVALID, "ca_file needs an https url");
    return 0;
}

static int check_key(const struct feed_config *config, struct error *error)
{
    bool placed = config->key_in != FEED_KEY_NONE;
    if (placed != (*config->key_file != '\0'))
        return error_set(error, ERROR_INVALID,
                         "key_file and key_in go together: key_in = \"header:NAME\" or "
                         "\"query:NAME\"");
    if (placed &&
        (!*config->key_name ||
         config->key_name[strspn(config->key_name, "abcdefghijklmnopqrstuvwxyz"
                                                   "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")]))
        return error_set(error, ERROR_INVALID,
                         "key_in: the name of a header or parameter has letters, digits, '-', '_' "
                         "and '.'");
    return 0;
}

int feed_config_check(const struct feed_config *config, struct error *error)
{
    if (config->way == FEED_HTTP && (check_url(config, error) < 0 || check_key(config, error) < 0))
        return ERROR_INVALID;
    if (config->way != FEED_HTTP &&
        (config->key_in != FEED_KEY_NONE || *config->key_file || *config->ca_file))
        return error_set(error, ERROR_INVALID, "key_file, key_in and ca_file are for a url");
    if (config->way == FEED_MQTT && strpbrk(config->topic, "+#"))
        return error_set(error, ERROR_INVALID, "topic must be one topic in full, without + and #");
    if (config->mapping.count == 0)
        return error_set(error, ERROR_INVALID, "no tracks: say what the document has");
    return 0;
}
