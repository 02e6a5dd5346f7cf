/* SPDX-License-Identifier: Apache-2.0 */
/* Lines are copied as they are: only the expression needs to understand them, and a file never has to fit into memory.
 */
#include "plugin/core/storage/items.h"

#include "doc/json.h"
#include "expr/ion.h"

int items_open(Items *items, RunContext *run, const char *property)
{
    _cleanup_free_ char *uri = NULL;
    *items = (Items){.run = run, .property = property, .arena = arena_new()};
    int r = storage_task_uri(run, "from", &uri);
    return r == 0 ? storage_task_open(run, uri, &items->file) : r;
}

void items_done(Items *items)
{
    storage_task_close(&items->file);
    arena_free(items->arena);
    free(items->line);
    *items = (Items){};
}

bool items_next(Items *items)
{
    for (ssize_t n; (n = getline(&items->line, &items->allocated, items->file)) >= 0;) {
        while (n > 0 && strchr("\r\n", items->line[n - 1]) && items->line[n - 1])
            n--;
        items->length = (size_t)n;
        if (n > 0)
            return true;
    }
    return false;
}

int items_rewind(Items *items)
{
    if (fseek(items->file, 0, SEEK_SET) != 0)
        return run_fail(items->run, "The file cannot be read twice: %m");
    return 0;
}

/* The item as JSON object, or NULL. */
static json_t *read_item(Items *items)
{
    Value value;
    bool is_empty;
    arena_reset(items->arena);
    if (!ion_read(items->arena, items->line, items->length, &is_empty, &value) || is_empty)
        return NULL;
    json_t *item = value_to_json(items->arena, &value);
    if (json_is_object(item))
        return item;
    json_decref(item);
    return NULL;
}

int items_render(Items *items, char **ret_text, Diag *diag)
{
    const RunContext *run = items->run;
    _cleanup_json_ json_t *item = read_item(items);
    if (!item) {
        diag_error(diag, NULL, 0, 0, "A line of the file is not an Ion struct");
        return EXPR_E_RENDER;
    }
    _cleanup_json_ json_t *variables = json_copy((json_t *)run->render->variables);
    json_object_update(variables, item);
    ExprContext context = *run->render;
    context.variables = variables;
    const ExprTree *tree = run->task->templates ? expr_tree_get(run->task->templates, items->property) : NULL;
    return expr_tree_render_text(tree, &context, ret_text, diag);
}

void items_copy(const Items *items, StorageWriter *writer)
{
    (void)fwrite(items->line, 1, items->length, writer->file); /* storage_task_keep() looks */
    (void)putc('\n', writer->file);                            /* the same */
}
