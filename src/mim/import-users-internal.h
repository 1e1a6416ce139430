/* SPDX-License-Identifier: Apache-2.0 */
/* What reading and writing of imported users share. */
#ifndef INLAY_MIM_IMPORT_USERS_INTERNAL_H
#define INLAY_MIM_IMPORT_USERS_INTERNAL_H

#include "mim/import-internal.h"
#include "model/users-csv.h"

struct users_import {
	struct str file; /* its name, static */
	struct users_csv csv;
};

/* A row that is not taken: counted and, of the first, kept. */
void import_reject_line(struct import_job *j, const struct users_import *u,
			uint64_t line, const struct error *reason);
/* Merges every sorted row into what is known of its user. */
bool import_write_users(struct import_job *j, const struct users_import *u,
			struct error *err);

#endif
