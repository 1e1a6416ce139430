/* SPDX-License-Identifier: Apache-2.0 */
#include "inlay-save.h"

#include "inlay-look.h"

/* So many may others have expunged in the same moment. */
#define LAZY_NEWEST 64u

bool inlay_can_keep(const struct mailbox *box)
{
	return (box->storage->class_flags &
		MAIL_STORAGE_CLASS_FLAG_HAVE_MAIL_SAVE_GUIDS) != 0;
}

static enum mailbox_transaction_flags silence(bool notify)
{
	return notify ? 0 : MAILBOX_TRANSACTION_FLAG_NO_NOTIFY;
}

static int save_stream(struct mail_save_context *save, struct istream *input)
{
	ssize_t more;

	if (mailbox_save_begin(&save, input) < 0)
		return -1;
	do {
		if (mailbox_save_continue(save) < 0) {
			mailbox_save_cancel(&save);
			return -1;
		}
	} while ((more = i_stream_read(input)) > 0);
	i_assert(more == -1);
	return mailbox_save_finish(&save);
}

struct mailbox_transaction_context *inlay_save(struct mailbox *box, const char *guid,
					       const unsigned char *message,
					       size_t size, time_t date, bool notify)
{
	static const char *const names[] = {INLAY_KEYWORD, NULL};

	/* as IMAP APPEND does: the message comes from outside */
	struct mailbox_transaction_context *t = mailbox_transaction_begin(
		box,
		MAILBOX_TRANSACTION_FLAG_EXTERNAL |
			MAILBOX_TRANSACTION_FLAG_ASSIGN_UIDS | silence(notify),
		__func__);
	struct mail_save_context *save = mailbox_save_alloc(t);
	struct mail_keywords *keywords = mailbox_keywords_create_valid(box, names);
	mailbox_save_set_guid(save, guid);
	mailbox_save_set_received_date(save, date, 0);
	mailbox_save_set_flags(save, 0, keywords);
	struct istream *input = i_stream_create_from_data(message, size);
	int ret = save_stream(save, input);
	i_stream_unref(&input);
	mailbox_keywords_unref(&keywords);
	if (ret < 0)
		mailbox_transaction_rollback(&t);
	return t;
}

int inlay_save_commit(struct mailbox_transaction_context **t, uint32_t *uid_r)
{
	struct mail_transaction_commit_changes changes;
	struct seq_range_iter iter;

	*uid_r = 0;
	if (mailbox_transaction_commit_get_changes(t, &changes) < 0)
		return -1;
	seq_range_array_iter_init(&iter, &changes.saved_uids);
	if (!seq_range_array_iter_nth(&iter, 0, uid_r))
		*uid_r = 0;
	pool_unref(&changes.pool);
	return 0;
}

int inlay_expunge(struct mailbox *box, uint32_t uid, bool notify)
{
	/* not EXTERNAL: with it Maildir keeps the file, which comes back */
	struct mailbox_transaction_context *t =
		mailbox_transaction_begin(box, silence(notify), __func__);
	struct mail *mail = mail_alloc(t, 0, NULL);
	if (mail_set_uid(mail, uid))
		mail_expunge(mail);
	mail_free(&mail);
	return mailbox_transaction_commit(&t);
}

bool inlay_is_lazy_mailbox(struct mailbox *box)
{
	struct mail_user *user = box->storage->user;
	const char *lazy = inlay_setting(user, "lazy_expunge");

	if (lazy == NULL || *lazy == '\0')
		return FALSE;
	return strcmp(box->vname, lazy) == 0 ||
	       (*box->list->ns->prefix != '\0' &&
		strcmp(box->list->ns->prefix, lazy) == 0);
}

/* lazy_expunge names a mailbox, or the prefix of a namespace in which each mailbox
 * has its twin. */
static struct mailbox *lazy_mailbox(struct mailbox *inbox, const char *lazy)
{
	struct mail_user *user = inbox->storage->user;
	struct mail_namespace *ns = mail_namespace_find_prefix(user->namespaces, lazy);
	const char *name = lazy;

	if (ns != NULL && *ns->prefix != '\0')
		name = t_strconcat(ns->prefix, inbox->name, NULL);
	else
		ns = mail_namespace_find(user->namespaces, lazy);
	return mailbox_alloc(ns->list, name, MAILBOX_FLAG_IGNORE_ACLS);
}

static uint32_t newest_above(struct mailbox *box)
{
	uint32_t next_uid = mail_index_get_header(box->view)->next_uid;
	return next_uid > LAZY_NEWEST ? next_uid - LAZY_NEWEST : 0;
}

/* It was put in just now, so it is among the newest, or else the keyword finds it: a
 * GUID is not read of each of thousands that lie there. */
static int expunge_from_lazy(struct mailbox *box, const char *guid)
{
	uint32_t uid;

	if (mailbox_sync(box, MAILBOX_SYNC_FLAG_FULL_READ) < 0 ||
	    inlay_look_find(box, guid, newest_above(box), &uid) < 0)
		return -1;
	if (uid == 0)
		return inlay_can_keep(box) ? 0 : -1;
	return inlay_expunge(box, uid, FALSE) < 0 ? -1 : mailbox_sync(box, 0);
}

bool inlay_expunge_lazy(struct mailbox *inbox, const char *guid)
{
	const char *lazy = inlay_setting(inbox->storage->user, "lazy_expunge");

	if (lazy == NULL || *lazy == '\0')
		return FALSE;
	struct mailbox *box = lazy_mailbox(inbox, lazy);
	bool kept = expunge_from_lazy(box, guid) < 0;
	mailbox_free(&box);
	return kept;
}
