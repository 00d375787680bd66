/* The broker: who we are to it, how we trust it, and what building management may tell us. */
#include "controller/core/config_private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "drivers/dsx_metadata.h"

const char *config_mqtt_text(const struct error *error)
{
    static const char name[] = "mqtt: ";
    bool named = strncmp(error->text, name, strlen(name)) == 0;
    return error->text + (named ? strlen(name) : 0);
}

static void read_mqtt_path(struct conf_node *top, const char *name, const struct config *config,
                           char *path)
{
    char text[LIMIT_PATH] = "";
    config_read_text(top, "mqtt", name, "", text, sizeof text);
    if (config_resolve(config, text, path, LIMIT_PATH) < 0)
        conf_error(conf_group(top, "mqtt", false), "'%s': the path is too long", name);
}

static void read_broker(struct conf_node *top, struct config *config)
{
    struct mqtt_config *mqtt = &config->mqtt;
    config_read_text(top, "mqtt", "host", "", mqtt->host, sizeof mqtt->host);
    config_read_text(top, "mqtt", "client_id", "tidewatt", mqtt->client_id, sizeof mqtt->client_id);
    config_read_text(top, "mqtt", "username", "", mqtt->username, sizeof mqtt->username);
    config_read_text(top, "mqtt", "password", "", mqtt->password, sizeof mqtt->password);
    mqtt->security.tls = config_read_flag(top, "mqtt", "tls", false);
    mqtt->port = (uint16_t)config->values.mqtt_port;
    mqtt->keepalive_s = (int)config->values.keepalive_s;
    snprintf(mqtt->will_topic, sizeof mqtt->will_topic, "tidewatt/%s/status", config->site);
}

static void read_files(struct conf_node *top, struct config *config)
{
    struct mqtt_config *mqtt = &config->mqtt;
    read_mqtt_path(top, "password_file", config, mqtt->password_file);
    read_mqtt_path(top, "ca_file", config, mqtt->security.ca_file);
    read_mqtt_path(top, "cert_file", config, mqtt->security.cert_file);
    read_mqtt_path(top, "key_file", config, mqtt->security.key_file);
}

/* The integration is one level of a topic. */
static void read_building(struct conf_node *top, struct config *config)
{
    struct mqtt_config *mqtt = &config->mqtt;
    struct conf_node *group = conf_group(top, "mqtt", false);
    config_read_text(top, "mqtt", "integration", "", mqtt->integration, sizeof mqtt->integration);
    config->onboard_roles = config_read_flag(top, "mqtt", "onboard_roles", false);
    if (strpbrk(mqtt->integration, "/+#"))
        conf_error(group, "integration \"%s\": it is one part of a topic, without '/', '+' and '#'",
                   mqtt->integration);
    if (config->values.onboard_ms > 0)
        snprintf(mqtt->raw[0], sizeof mqtt->raw[0], "%s", DSX_METADATA_FILTER);
    else if (config->onboard_roles)
        conf_error(group, "onboard_roles without onboard: say how long metadata is gathered at the "
                          "start, e.g. onboard = \"5 s\"");
}

void config_read_mqtt(struct conf_node *top, struct config *config)
{
    struct conf_node *group = conf_group(top, "mqtt", false);
    struct error error;
    read_broker(top, config);
    read_files(top, config);
    read_building(top, config);
    if (*config->mqtt.host) {
        if (mqtt_config_check(&config->mqtt, &error) < 0)
            conf_error(group, "%s", config_mqtt_text(&error));
    } else if (config->values.onboard_ms > 0) {
        conf_error(group, "onboard needs a broker: set mqtt.host");
    }
}

/* ---- what works, but should not be so ---- */

void config_warn_secret(const char *path, const char *what, config_note note, void *context)
{
    char text[2 * LIMIT_PATH + 256];
    struct stat status;
    if (stat(path, &status) < 0)
        snprintf(text, sizeof text, "%s: %s cannot be read: %s", path, what, strerror(errno));
    else if (status.st_mode & S_IROTH)
        snprintf(text, sizeof text, "%s: every user of this machine can read %s: chmod o-r %s",
                 path, what, path);
    else
        return;
    note(context, text);
}

void configuration_warn(const struct config *config, config_note note, void *context)
{
    const struct mqtt_config *mqtt = &config->mqtt;
    struct mqtt_tls *tls = NULL;
    struct error error;
    if (*mqtt->password)
        config_warn_secret(config->path, "mqtt.password", note, context);
    if (*mqtt->password_file)
        config_warn_secret(mqtt->password_file, "mqtt.password_file", note, context);
    if (*mqtt->security.key_file)
        config_warn_secret(mqtt->security.key_file, "mqtt.key_file", note, context);
    if (mqtt->security.tls && mqtt_tls_create(&mqtt->security, mqtt->host, &tls, &error) < 0)
        note(context, error.text);
    mqtt_tls_destroy(tls);
    if (*config->onboard_fault.text)
        note(context, config->onboard_fault.text);
    config_warn_feeds(config, note, context);
}
