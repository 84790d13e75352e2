/* keyed.h - is the primary key of a target the new id of its items? */
#ifndef ENGINE_KEYED_H
#define ENGINE_KEYED_H

#include <stdbool.h>
#include <stdint.h>

struct plan;

/*
 * Is every item that plan table `table` writes known by its new id alone: a
 * partition key that is the table's one id, no sort key, and no step that
 * touches it?  Then the log of ids is the log of keys, and a second is spared.
 * False when in doubt.
 */
bool keyed_by_id(const struct plan *plan, uint32_t table);

#endif
