/* SPDX-License-Identifier: Apache-2.0 */
/* Documents as jansson's trees. A library of its own: the plugin has no jansson. */
#ifndef INLAY_BASE_JSON_TREE_H
#define INLAY_BASE_JSON_TREE_H

#include "base/error.h"
#include "base/str.h"

#include <jansson.h>

/* An object or array, in which no name is there twice; the caller's. NULL: SYNTAX, its
 * message begins "line 3, column 7: "; or MEMORY. */
json_t *json_tree_read(struct str text, struct error *err);

#endif
