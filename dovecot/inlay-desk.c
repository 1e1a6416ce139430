/* SPDX-License-Identifier: Apache-2.0 */
#include "inlay-desk.h"

#include "inlay-clock.h"
#include "inlay-lock.h"

#include <fcntl.h>
#include <sys/stat.h>

static bool file_of(int fd, struct inlay_file *file_r)
{
	struct statx st;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_INO | STATX_BTIME, &st) < 0)
		return FALSE;
	i_zero(file_r);
	file_r->ino = st.stx_ino;
	file_r->dev = (uint64_t)st.stx_dev_major << 32 | st.stx_dev_minor;
	if ((st.stx_mask & STATX_BTIME) != 0)
		file_r->born = st.stx_btime.tv_sec * 1000000000 + st.stx_btime.tv_nsec;
	return TRUE;
}

/* The file of before, not one that somebody made anew since, or wrote anew: whether
 * that one's name lasts only who did it knows. */
static bool is_prepared(const struct inlay_desk *desk)
{
	const struct inlay_file *was = &desk->paths->prepared;
	struct inlay_file now;

	return desk->paths->named && desk->ledger.room > 0 && file_of(desk->fd, &now) &&
	       now.ino == was->ino && now.dev == was->dev && now.born == was->born;
}

bool inlay_paths_find(struct mailbox *box, pool_t pool, struct inlay_paths *paths_r)
{
	const char *directory;

	i_zero(paths_r);
	if (mailbox_get_path_to(box, MAILBOX_LIST_PATH_TYPE_CONTROL, &directory) <= 0)
		return FALSE;
	/* with CONTROL= Dovecot makes it when it first needs it, which for dbox is
	 * never; if it cannot be made, opening the ledger says why */
	(void)mailbox_create_missing_dir(box, MAILBOX_LIST_PATH_TYPE_CONTROL);
	paths_r->ledger = p_strconcat(pool, directory, "/" INLAY_LEDGER_NAME, NULL);
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
	int ret = inlay_lock_try(paths->ledger, &paths->perm, &desk->fd, error_r);
	if (ret <= 0)
		return ret;
	inlay_ledger_init(&desk->ledger);
	if (inlay_ledger_read_file(&desk->ledger, desk->fd, paths->ledger, error_r) <
	    0) {
		inlay_desk_close(desk);
		return -1;
	}
	desk->ledger.named = is_prepared(desk);
	return 1;
}

void inlay_desk_close(struct inlay_desk *desk)
{
	inlay_ledger_free(&desk->ledger);
	i_close_fd(&desk->fd);
}

int inlay_desk_prepare(struct inlay_paths *paths, const char **error_r)
{
	struct inlay_desk desk;
	int ret = inlay_desk_open(&desk, paths, error_r);

	if (ret <= 0)
		return ret; /* who has the lock makes it */
	ret = inlay_ledger_make_room(&desk.ledger, desk.fd, paths->ledger, error_r);
	/* while the disk works another session may save */
	inlay_lock_release(desk.fd);
	if (ret == 0)
		ret = inlay_ledger_sync(&desk.ledger, desk.fd, paths->ledger, error_r);
	paths->named = ret == 0 && file_of(desk.fd, &paths->prepared);
	inlay_desk_close(&desk);
	return ret;
}

int inlay_desk_mend(struct inlay_desk *desk, const char **error_r)
{
	unsigned int bad = desk->ledger.bad;

	if (bad > 0 &&
	    inlay_ledger_rewrite(&desk->ledger, &desk->fd, desk->paths->ledger,
				 &desk->paths->perm, error_r) < 0)
		return -1;
	return (int)bad;
}

static int append(struct inlay_desk *desk, struct inlay_record *record,
		  const char **error_r)
{
	record->time = inlay_clock_wall();
	return inlay_ledger_append(&desk->ledger, &desk->fd, desk->paths->ledger,
				   &desk->paths->perm, record, error_r);
}

int inlay_desk_write(struct inlay_desk *desk, struct inlay_record *record,
		     const char **error_r)
{
	if (append(desk, record, error_r) < 0)
		return -1;
	/* a later record does not know that the name never was */
	return desk->ledger.unnamed ? inlay_desk_settle(desk, error_r) : 0;
}

int inlay_desk_announce(struct inlay_desk *desk, struct inlay_record *record,
			const char **error_r)
{
	if (append(desk, record, error_r) < 0)
		return -1;
	inlay_ledger_start_sync(&desk->ledger, desk->fd);
	return 0;
}

int inlay_desk_settle(struct inlay_desk *desk, const char **error_r)
{
	return inlay_ledger_sync(&desk->ledger, desk->fd, desk->paths->ledger, error_r);
}
