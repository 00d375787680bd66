/* `tidewatt probe --sunspec`: the models that a device offers, and every point of those in our
 * table: as the device counts, in the models' own units. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools/cli_probe.h"
#include "tools/cli_table.h"

enum { STRING_ROOM = 2 * 32 + 1 };

/* The registers of one model as far as its known points reach, and which of them were refused. */
struct image {
    int count;
    struct cli_read refusal; /* the last */
    uint16_t *registers;
    bool *known;
};

/* Reading */

/* Registers that all known points of the model need, within what the device has. */
static int extent(const struct sunspec_model *model, const struct sunspec_point *points, int count)
{
    const struct sunspec_point *last = &points[count - 1];
    const int needed = last->offset + last->words, there = model->length + 2;

    return needed < there ? needed : there;
}

static void *must(void *memory)
{
    if (!memory)
        abort(); /* a short-lived tool: there is nothing to save */
    return memory;
}

static void read_part(struct cli_probe *probe, const struct sunspec_model *model, int first,
                      int count, struct image *image)
{
    struct cli_read read = cli_probe_read(probe, TABLE_HOLDING, (uint16_t)(model->address + first),
                                          (uint16_t)count, image->registers + first);

    if (read.result != PORT_REPLY)
        image->refusal = read;
    for (int i = 0; i < count; i++)
        image->known[first + i] = read.result == PORT_REPLY;
}

static bool covers(const struct image *image, int offset, int words)
{
    if (offset + words > image->count)
        return false;
    for (int i = 0; i < words; i++)
        if (!image->known[offset + i])
            return false;
    return true;
}

/* The device has it, but its registers were not read. */
static bool is_missing(const struct image *image, const struct sunspec_point *point)
{
    return point->offset + point->words <= image->count &&
           !covers(image, point->offset, point->words);
}

/* In as few reads as possible; what is refused so is asked for point by point. */
static struct image read_model(struct cli_probe *probe, const struct sunspec_model *model,
                               const struct sunspec_point *points, int count)
{
    struct image image = {.count = extent(model, points, count)};

    image.registers = must(calloc((size_t)image.count, sizeof(*image.registers)));
    image.known = must(calloc((size_t)image.count, sizeof(*image.known)));
    for (int first = 0; first < image.count; first += CLI_READ_ROOM) {
        const int left = image.count - first;
        read_part(probe, model, first, left < CLI_READ_ROOM ? left : CLI_READ_ROOM, &image);
    }
    for (int i = 0; i < count; i++)
        if (is_missing(&image, &points[i]))
            read_part(probe, model, points[i].offset, points[i].words, &image);
    return image;
}

static void image_finish(struct image *image)
{
    free(image->registers);
    free(image->known);
}

/* Points as text */

static bool is_type(const struct sunspec_point *point, const char *type)
{
    return strcmp(point->type, type) == 0;
}

static const char *string_text(const uint16_t *registers, int words, char buffer[STRING_ROOM])
{
    int used = 0;

    for (int i = 0; i < words && used + 2 < STRING_ROOM; i++) {
        buffer[used++] = (char)(registers[i] >> 8);
        buffer[used++] = (char)(registers[i] & 0xFF);
    }
    buffer[used] = '\0';
    for (used = (int)strlen(buffer); used > 0 && buffer[used - 1] == ' '; used--)
        buffer[used - 1] = '\0';
    return buffer;
}

/* A point of the model as a row of a profile, to be decoded by the same code. */
static bool point_row(const struct sunspec_model *model, const struct sunspec_point *point,
                      const struct image *image, struct profile_row *ret_row)
{
    struct profile_row row = {.low = -HUGE_VAL, .high = HUGE_VAL};
    uint16_t first, count;

    if (!sunspec_point_place(model, point, &row))
        return false;
    profile_row_span(&row, &first, &count);
    if (!covers(image, first - model->address, count))
        return false;
    *ret_row = row;
    return true;
}

/* The value of a number, or why there is none. */
static enum quality point_value(const struct sunspec_model *model,
                                const struct sunspec_point *point, const struct image *image,
                                double *ret_value, enum reason *ret_reason)
{
    struct profile_row row;

    *ret_reason = is_type(point, "sunssf") ? REASON_SENTINEL : REASON_NOT_OFFERED;
    if (!point_row(model, point, image, &row))
        return QUALITY_MISSING;
    return profile_decode(NULL, &row, image->registers + point->offset, ret_value, ret_reason);
}

static bool is_scale(uint16_t raw)
{
    return abs((int16_t)raw) <= PROFILE_SCALE_MOST;
}

static void add_value(struct cli_table *table, const struct sunspec_model *model,
                      const struct sunspec_point *point, const struct image *image)
{
    const uint16_t *registers = image->registers + point->offset;
    char text[STRING_ROOM];
    double value;
    enum reason reason;

    if (!covers(image, point->offset, point->words))
        cli_cell(table, "–");
    else if (is_type(point, "string"))
        cli_cell(table, "%s", string_text(registers, point->words, text));
    else if (is_type(point, "sunssf") && is_scale(registers[0]))
        cli_cell(table, "10^%d", (int16_t)registers[0]);
    else if (point_value(model, point, image, &value, &reason) != QUALITY_GOOD)
        cli_cell(table, "%s", reason == REASON_SENTINEL ? "not available" : reason_name(reason));
    else
        cli_cell(table, "%.10g%s%s", value, *point->unit ? " " : "", point->unit);
}

static void add_point(struct cli_table *table, const struct sunspec_model *model,
                      const struct sunspec_point *point, const struct image *image)
{
    const int shown = point->words < 4 ? point->words : 4;
    char raw[CLI_RAW_ROOM], text[CLI_TEXT_ROOM];

    cli_cell(table, "  %s", point->name);
    cli_cell(table, "%u", model->address + point->offset);
    cli_cell(table, "%s", point->type);
    if (covers(image, point->offset, point->words))
        cli_cell(table, "%s%s", cli_raw_text(image->registers + point->offset, shown, raw),
                 shown < point->words ? " ..." : "");
    else
        cli_cell(table, "%s",
                 point->offset < image->count ? cli_read_text(image->refusal, text) : "not there");
    add_value(table, model, point, image);
}

static void print_points(const struct sunspec_model *model, const struct sunspec_point *points,
                         int count, const struct image *image)
{
    static const struct cli_column columns[] = {{"  POINT", 'l'}, {"ADDRESS", 'r'}, {"TYPE", 'l'},
                                                {"RAW", 'l'},     {"VALUE", 'l'},   {NULL, 0}};
    struct cli_table *table = cli_table_create(columns);

    for (int i = 0; i < count; i++)
        add_point(table, model, &points[i], image);
    cli_table_print(table, stdout);
    cli_table_destroy(table);
}

/* Points for programs */

static json_t *point_json(const struct sunspec_model *model, const struct sunspec_point *point,
                          const struct image *image)
{
    const bool known = covers(image, point->offset, point->words);
    const uint16_t *registers = image->registers + point->offset;
    char text[STRING_ROOM];
    double value;
    enum reason reason;
    json_t *shown = NULL;

    if (known && is_type(point, "string"))
        shown = json_string(string_text(registers, point->words, text));
    else if (known && is_type(point, "sunssf") && is_scale(registers[0]))
        shown = json_integer((int16_t)registers[0]);
    else if (known && point_value(model, point, image, &value, &reason) == QUALITY_GOOD)
        shown = json_real(value);
    return json_pack("{s:s, s:i, s:s, s:s, s:o, s:o}", "name", point->name, "address",
                     model->address + point->offset, "type", point->type, "unit", point->unit,
                     "raw", cli_raw_json(registers, known ? point->words : 0), "value",
                     shown ? shown : json_null());
}

static json_t *points_json(const struct sunspec_model *model, const struct sunspec_point *points,
                           int count, const struct image *image)
{
    json_t *list = json_array();

    for (int i = 0; i < count; i++)
        json_array_append_new(list, point_json(model, &points[i], image));
    return list;
}

/* Models */

static json_t *model_json(const struct sunspec_model *model)
{
    return json_pack("{s:i, s:s?, s:i, s:i}", "id", model->id, "name",
                     sunspec_model_name(model->id), "address", model->address, "length",
                     model->length);
}

static void print_model(const struct sunspec_model *model)
{
    const char *name = sunspec_model_name(model->id);

    printf("\nmodel %u %s at %u, %u registers\n", model->id, name ? name : "(not in our table)",
           model->address, model->length);
}

static bool covers_all(const struct image *image, const struct sunspec_point *points, int count)
{
    for (int i = 0; i < count; i++)
        if (is_missing(image, &points[i]))
            return false;
    return true;
}

/* Whether all of it could be read. */
static bool show_model(struct cli_probe *probe, const struct sunspec_model *model, json_t *models)
{
    int count;
    const struct sunspec_point *points = sunspec_model_points(model->id, &count);
    json_t *json = probe->json ? model_json(model) : NULL;
    bool whole = true;

    if (!json)
        print_model(model);
    if (points) {
        struct image image = read_model(probe, model, points, count);
        if (json)
            json_object_set_new(json, "points", points_json(model, points, count, &image));
        else
            print_points(model, points, count, &image);
        whole = covers_all(&image, points, count);
        image_finish(&image);
    }
    if (json)
        json_array_append_new(models, json);
    return whole;
}

static void print_json(const struct sunspec_walk *walk, json_t *models)
{
    json_t *all = json_pack("{s:i, s:O}", "base", walk->chain.base, "models", models);

    if (walk->error.text[0] != '\0')
        json_object_set_new(all, "note", json_string(walk->error.text));
    json_dumpf(all, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(all);
}

int cli_probe_sunspec(struct cli_probe *probe)
{
    struct sunspec_walk walk;
    bool whole;

    cli_probe_walk(probe, &walk);
    if (walk.error.text[0] != '\0' && !probe->given_up)
        fprintf(stderr, "tidewatt: SunSpec: %s\n", walk.error.text);
    if (!walk.done)
        return CLI_REFUSED;
    whole = walk.error.text[0] == '\0';
    json_t *models = json_array();
    if (!probe->json)
        printf("SunSpec at %u, %d models\n", walk.chain.base, walk.chain.count);
    for (int i = 0; i < walk.chain.count; i++)
        whole = show_model(probe, &walk.chain.models[i], models) && whole;
    if (probe->json)
        print_json(&walk, models);
    json_decref(models);
    return whole ? 0 : CLI_REFUSED;
}
