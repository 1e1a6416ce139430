/* SPDX-License-Identifier: Apache-2.0 */
/* libcsv behind a name of its own (it has a csv_free, as we do). */
#ifndef INLAY_TESTS_CSV_ORACLE_H
#define INLAY_TESTS_CSV_ORACLE_H

#include "base/buf.h"

/* Each field and record of `in` as text; false if libcsv finds an error. */
bool csv_oracle_read(struct str in, struct buf *out);
void csv_oracle_put_field(struct buf *out, struct str field);
void csv_oracle_put_record_end(struct buf *out);

#endif
