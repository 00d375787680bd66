/* Loading of register tables: everything that can be checked without the device is checked here,
 * and every mistake is told at once, so that a profile is mended in one go. */
#include "drivers/profile.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/profile_private.h"
#include "drivers/sunspec.h"

static const char *const GRADES[] = {"community", "vendor-document", "hardware-tested", "simulated",
                                     NULL};
static const char *const ADDRESSINGS[] = {"wire", "one-based", "modicon", NULL};

const char *profile_grade_name(enum profile_grade grade)
{
    return GRADES[grade];
}

/* Rows beside each other */

static bool ranges_overlap(int a, int a_count, int b, int b_count)
{
    return a < b + b_count && b < a + a_count;
}

/* Two rows may share a register of which each takes bits of its own. */
static bool rows_overlap(const struct profile_row *a, const struct profile_row *b)
{
    if (a->sunspec_count > 0 || b->sunspec_count > 0 || a->table != b->table ||
        !ranges_overlap(a->address, register_type_words(a->type), b->address,
                        register_type_words(b->type)))
        return false;
    bool fields_of_one = a->bit_count > 0 && b->bit_count > 0 && a->address == b->address &&
                         a->type == b->type && a->order == b->order;
    return !fields_of_one || ranges_overlap(a->first_bit, a->bit_count, b->first_bit, b->bit_count);
}

static bool rows_share_sunspec(const struct profile_row *a, const struct profile_row *b)
{
    for (int i = 0; i < a->sunspec_count; i++)
        for (int j = 0; j < b->sunspec_count; j++)
            if (a->sunspec[i].model == b->sunspec[j].model &&
                strcmp(a->sunspec[i].point, b->sunspec[j].point) == 0)
                return true;
    return false;
}

/* A row's node; `sound` when its registers can be believed. */
struct row_place {
    struct conf_node *node;
    bool sound;
};

/* Against the rows before it. */
static void check_row(const struct profile *profile, const struct row_place *places, int index)
{
    const struct profile_row *row = &profile->rows[index];
    struct conf_node *node = places[index].node;
    char where[LIMIT_PATH];

    for (int i = 0; i < index; i++) {
        const struct profile_row *other = &profile->rows[i];
        if (other->point == row->point)
            conf_error(node, "%s is there twice, first at %s", point_kind_name(row->point),
                       conf_where(places[i].node, where, sizeof(where)));
        if (places[index].sound && places[i].sound && rows_overlap(row, other))
            conf_error(node, "registers overlap those of %s at %s: check address, type and bits",
                       point_kind_name(other->point),
                       conf_where(places[i].node, where, sizeof(where)));
        if (rows_share_sunspec(row, other))
            conf_error(node, "the SunSpec point is that of %s at %s: name it once",
                       point_kind_name(other->point),
                       conf_where(places[i].node, where, sizeof(where)));
    }
}

/* Whether the models have what the row that came last asks of them. */
static bool sunspec_is_sound(const struct profile *profile, struct conf_node *place)
{
    struct error error;
    if (sunspec_check(profile, &error) == 0)
        return true;
    conf_error(place, "%s", error.text);
    return false;
}

static void load_rows(const struct profile_loader *loader, struct conf_node *group)
{
    struct profile *profile = loader->profile;
    struct row_place places[LIMIT_PROFILE_ROWS];
    struct conf_node *list = conf_list(group, "points", true);
    if (list == NULL)
        return;
    size_t count = conf_length(list);
    if (count == 0 || count > LIMIT_PROFILE_ROWS) {
        conf_error(list, "%zu points: a profile has 1 to %d", count, LIMIT_PROFILE_ROWS);
        return;
    }
    bool sunspec_used = false;
    for (size_t i = 0; i < count; i++) {
        int index = profile->row_count;
        struct conf_node *node = conf_item(list, i);
        sunspec_used |= conf_has(node, "sunspec");
        if (profile_load_row(loader, node, &profile->rows[index]) < 0)
            continue;
        places[index] = (struct row_place){node, !conf_failed(node)};
        check_row(profile, places, index);
        profile->row_count++;
        if (!sunspec_is_sound(profile, node))
            profile->row_count--;
    }
    if (profile->sunspec && !sunspec_used)
        conf_error(list, "sunspec = true, but no row names a SunSpec point: take it out");
}

/* Identity */

static void load_identity_text(struct conf_node *node, struct profile_identity *identity)
{
    const char *text = conf_string_required(node, "text");
    if (!conf_has(node, "count"))
        conf_error(node, "count is missing: say how many registers hold the text");
    identity->is_text = true;
    identity->count = (uint16_t)conf_integer(node, "count", 1, 1, PROFILE_IDENTITY_REGISTERS);
    if (strlen(text) > 2u * identity->count || strlen(text) >= sizeof(identity->text))
        conf_error(node, "text \"%s\" does not fit %u registers of two letters each", text,
                   identity->count);
    else
        strcpy(identity->text, text);
}

static void load_identity_number(struct conf_node *node, struct profile_identity *identity)
{
    static const char *const TYPES[] = {"u16", "u32", "u64", NULL};
    const char *text = conf_string_required(node, "equals");
    if (!conf_has(node, "type"))
        conf_error(node, "type is missing: one of u16, u32, u64");
    identity->count = (uint16_t)(1 << conf_choice(node, "type", TYPES, 0));
    if (text[0] != '\0' && profile_parse_pattern(text, 16 * identity->count, &identity->number) < 0)
        conf_error(node, "equals \"%s\": write at most %d hexadecimal digits as \"0x...\"", text,
                   4 * identity->count);
}

static void check_range(const struct profile *profile, struct conf_node *node, int address,
                        int count)
{
    if (address + count - 1 > PROFILE_ADDRESS_MOST)
        conf_error(node, "%d registers from here end beyond register %d", count,
                   PROFILE_ADDRESS_MOST);
    if (count > profile->max_registers)
        conf_error(node, "%d registers are more than max_registers %d of this profile", count,
                   profile->max_registers);
}

static void load_identity(const struct profile_loader *loader, struct conf_node *node)
{
    struct profile *profile = loader->profile;
    struct profile_identity identity = {0};
    struct register_place place;

    profile_load_place(loader, node, &place);
    identity.table = place.table;
    identity.address = place.address;
    if (conf_has(node, "text") == conf_has(node, "equals")) {
        conf_error(node, "an identity has either text (with count) or equals (with type)");
        return;
    }
    if (conf_has(node, "text"))
        load_identity_text(node, &identity);
    else
        load_identity_number(node, &identity);
    check_range(profile, node, identity.address, identity.count);
    profile->identities[profile->identity_count++] = identity;
}

static void load_identities(const struct profile_loader *loader, struct conf_node *group)
{
    struct conf_node *list = conf_list(group, "identity", false);
    if (conf_length(list) > PROFILE_IDENTITIES) {
        conf_error(list, "%zu identities: keep the %d that tell the device best", conf_length(list),
                   PROFILE_IDENTITIES);
        return;
    }
    for (size_t i = 0; i < conf_length(list); i++)
        load_identity(loader, conf_item(list, i));
}

/* Blocks */

static void load_block(const struct profile_loader *loader, struct conf_node *node)
{
    struct profile *profile = loader->profile;
    struct register_place place;
    profile_load_place(loader, node, &place);
    if (!conf_has(node, "count"))
        conf_error(node, "count is missing: say how many registers are read together");
    struct profile_block block = {
        .table = place.table,
        .address = place.address,
        .count = (uint16_t)conf_integer(node, "count", 1, 1, PROFILE_READ_MOST),
    };
    check_range(profile, node, block.address, block.count);
    if (conf_failed(node))
        return; /* where it lies cannot be believed */
    for (int i = 0; i < profile->block_count; i++) {
        const struct profile_block *other = &profile->blocks[i];
        if (block.table == other->table &&
            ranges_overlap(block.address, block.count, other->address, other->count))
            conf_error(node, "overlaps block %d: a register is read once", i);
    }
    profile->blocks[profile->block_count++] = block;
}

static void load_blocks(const struct profile_loader *loader, struct conf_node *group)
{
    struct conf_node *list = conf_list(group, "blocks", false);
    if (conf_length(list) > PROFILE_BLOCKS) {
        conf_error(list, "%zu blocks: a profile has at most %d", conf_length(list), PROFILE_BLOCKS);
        return;
    }
    for (size_t i = 0; i < conf_length(list); i++)
        load_block(loader, conf_item(list, i));
}

/* The profile's own keys */

static void load_text(struct conf_node *group, const char *key, const char *text, char *ret_text,
                      size_t size)
{
    if (strlen(text) >= size)
        conf_error(group, "%s is longer than %zu bytes: shorten it", key, size - 1);
    else
        strcpy(ret_text, text);
}

static void load_origin(struct conf_node *group, struct profile *profile)
{
    load_text(group, "name", conf_string_required(group, "name"), profile->name,
              sizeof(profile->name));
    load_text(group, "source", conf_string_required(group, "source"), profile->source,
              sizeof(profile->source));
    load_text(group, "maker", conf_string(group, "maker", ""), profile->maker,
              sizeof(profile->maker));
    load_text(group, "model", conf_string(group, "model", ""), profile->model,
              sizeof(profile->model));
    if (!conf_has(group, "grade"))
        conf_error(group, "grade is missing: vendor-document, community, hardware-tested or "
                          "simulated, as far as the table can be trusted");
    profile->grade = (enum profile_grade)conf_choice(group, "grade", GRADES, GRADE_COMMUNITY);
}

static int64_t load_pause(struct conf_node *group, const char *key, double fallback, double least)
{
    return llround(
        conf_quantity(group, key, DIMENSION_DURATION, fallback, least, PROFILE_PAUSE_MOST_MS));
}

static void load_wire(struct conf_node *group, struct profile *profile)
{
    profile->max_registers =
        (int)conf_integer(group, "max_registers", PROFILE_READ_MOST, 1, PROFILE_READ_MOST);
    profile->fill_holes = (int)conf_integer(group, "fill_holes", 0, 0, PROFILE_READ_MOST);
    profile->connect_delay_ms = load_pause(group, "connect_delay", 0, 0);
    profile->inter_request_ms = load_pause(group, "inter_request", 0, 0);
    profile->reply_timeout_ms = load_pause(group, "reply_timeout", 1000, 10);
    profile->sunspec = conf_flag(group, "sunspec", false);
}

static void load_profile(struct conf_node *group, struct profile *profile)
{
    struct profile_loader loader = {.profile = profile};
    load_origin(group, profile);
    load_wire(group, profile);
    loader.addressing =
        (enum profile_addressing)conf_choice(group, "addressing", ADDRESSINGS, ADDRESSING_WIRE);
    load_identities(&loader, group);
    load_blocks(&loader, group);
    load_rows(&loader, group);
}

/* Passes the problems on; 0 when there are none. */
static int report(struct conf *conf, struct error *error,
                  void (*note)(void *context, const char *text), void *context)
{
    size_t count = conf_finish(conf);
    if (count == 0)
        return 0;
    for (size_t i = 0; i < count && note != NULL; i++)
        note(context, conf_error_text(conf, i));
    return error_set(error, ERROR_INVALID, "%s", conf_error_text(conf, 0));
}

int profile_load(const char *path, struct profile *ret_profile, struct error *error,
                 void (*note)(void *context, const char *text), void *context)
{
    struct error open_error;
    struct conf *conf = conf_open(path, &open_error);
    if (conf == NULL) {
        if (note != NULL)
            note(context, open_error.text);
        return error_set(error, ERROR_INVALID, "%s", open_error.text);
    }
    /* Too large for the stack, and the caller's stays untouched on failure. */
    struct profile *profile = calloc(1, sizeof(*profile));
    if (profile == NULL) {
        conf_close(conf);
        return error_set(error, ERROR_SYSTEM, "%s: out of memory", path);
    }
    struct conf_node *group = conf_group(conf_root(conf), "profile", true);
    if (group != NULL)
        load_profile(group, profile);
    int result = report(conf, error, note, context);
    conf_close(conf);
    if (result == 0)
        *ret_profile = *profile;
    free(profile);
    return result;
}
