/* SPDX-License-Identifier: Apache-2.0 */
/* Would a row make a message? The answer of template_check_row, for many rows of one
 * template: an import asks it for each row of millions, and to render a message of
 * 20 KB takes some 100 us. Pure; for one thread. */
#ifndef INLAY_MESSAGE_TEMPLATE_CHECKER_H
#define INLAY_MESSAGE_TEMPLATE_CHECKER_H

#include "message/template.h"

struct template_checker;
/* The template must outlive it. NULL without memory. */
struct template_checker *template_checker_new(const struct template *t);
void template_checker_free(struct template_checker *c); /* NULL is fine */
/* The variables, sorted by name: the order of a row's values. They live as long as
 * the template. */
size_t template_checker_names(const struct template_checker *c,
			      const struct str **names);
/* As template_check_row; values[i] absent or empty: the row has none. */
bool template_checker_row(struct template_checker *c, const struct str *values,
			  struct template_parts *scratch, struct error *err);
/* Rows that had to be rendered so far. */
uint64_t template_checker_rendered(const struct template_checker *c);

#endif
