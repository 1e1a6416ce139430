/* SPDX-License-Identifier: Apache-2.0 */
#include "inlay-desk.h"

#include "inlay-clock.h"
#include "inlay-lock.h"

bool inlay_paths_find(struct mailbox *box, pool_t pool, struct inlay_paths *paths_r)
{
	const char *directory;

	i_zero(paths_r);
	if (mailbox_get_path_to(box, MAILBOX_LIST_PATH_TYPE_CONTROL, &directory) <= 0)
		return FALSE;
	/* with CONTROL= Dovecot makes it when it first needs it, which for dbox is
	 * never; if it cannot be made, opening the lock says why */
	(void)mailbox_create_missing_dir(box, MAILBOX_LIST_PATH_TYPE_CONTROL);
	paths_r->ledger = p_strconcat(pool, directory, "/" INLAY_LEDGER_NAME, NULL);
	paths_r->lock = p_strconcat(pool, directory, "/" INLAY_LOCK_NAME, NULL);
	paths_r->perm = *mailbox_get_permissions(box);
	paths_r->perm.file_create_gid_origin =
		p_strdup(pool, paths_r->perm.file_create_gid_origin);
	return TRUE;
}

int inlay_desk_open(struct inlay_desk *desk, const struct inlay_paths *paths,
		    const char **error_r)
{
	i_zero(desk);
	desk->paths = paths;
	int ret = inlay_lock_try(paths->lock, &paths->perm, &desk->lock_fd, error_r);
	if (ret <= 0)
		return ret;
	inlay_ledger_init(&desk->ledger);
	if (inlay_ledger_read(&desk->ledger, paths->ledger, error_r) < 0) {
		inlay_desk_close(desk);
		return -1;
	}
	return 1;
}

void inlay_desk_close(struct inlay_desk *desk)
{
	inlay_ledger_free(&desk->ledger);
	inlay_unlock(&desk->lock_fd);
}

int inlay_desk_write(struct inlay_desk *desk, struct inlay_record *record, bool durable,
		     const char **error_r)
{
	record->time = inlay_clock_wall();
	return inlay_ledger_append(&desk->ledger, desk->paths->ledger,
				   &desk->paths->perm, record, durable, error_r);
}
