/* SPDX-License-Identifier: Apache-2.0 */
/* The only file that looks into the imap process. Its list of clients is a symbol of
 * the program, not of libdovecot: weak, so that the plugin can be loaded by lmtp,
 * doveadm and others, which have none. */
#include "inlay-trigger.h"

#include "imap-common.h"

#include "imap-client.h"

extern struct client *imap_clients __attribute__((weak));

static struct client *client_of(const struct mail_user *user)
{
	if (&imap_clients == NULL)
		return NULL;
	for (struct client *client = imap_clients; client != NULL;
	     client = client->next)
		if (client->user == user)
			return client;
	return NULL;
}

/* SELECT, EXAMINE and STATUS synchronise inside their function, and say in the event
 * of the command which mailbox they are about: a virtual mailbox that opens INBOX
 * behind it names itself. */
static enum inlay_trigger executing(struct client *client, struct mailbox *box)
{
	for (struct client_command_context *cmd = client->command_queue; cmd != NULL;
	     cmd = cmd->next) {
		if (!cmd->executing || cmd->name == NULL)
			continue;
		enum inlay_trigger trigger = inlay_trigger_of(cmd->name);
		if ((trigger & (INLAY_TRIGGER_SELECT | INLAY_TRIGGER_EXAMINE |
				INLAY_TRIGGER_STATUS)) == 0)
			continue;
		const struct event_field *field =
			event_find_field_nonrecursive(cmd->global_event, "mailbox");
		if (field == NULL || field->value_type != EVENT_FIELD_VALUE_TYPE_STR ||
		    strcmp(field->value.str, box->vname) != 0)
			continue;
		/* quota and others open their own handles of INBOX within a SELECT */
		bool readonly = (box->flags & MAILBOX_FLAG_READONLY) != 0;
		if (trigger == INLAY_TRIGGER_SELECT
			    ? (box->flags & MAILBOX_FLAG_DROP_RECENT) != 0
			    : readonly)
			return trigger;
	}
	return INLAY_TRIGGER_NONE;
}

/* NOOP and CHECK wait in the queue for the synchronisation that comes behind them;
 * IDLE is in the queue as long as it lasts. */
static enum inlay_trigger waiting(struct client *client)
{
	for (struct client_command_context *cmd = client->command_queue; cmd != NULL;
	     cmd = cmd->next) {
		enum inlay_trigger trigger = cmd->name == NULL
						     ? INLAY_TRIGGER_NONE
						     : inlay_trigger_of(cmd->name);
		if (trigger == INLAY_TRIGGER_IDLE)
			return trigger;
		if (cmd->sync != NULL &&
		    (trigger & (INLAY_TRIGGER_NOOP | INLAY_TRIGGER_CHECK)) != 0)
			return trigger;
	}
	return INLAY_TRIGGER_NONE;
}

enum inlay_trigger inlay_trigger_now(struct mailbox *box, enum mailbox_sync_flags flags)
{
	struct mail_user *user = box->storage->user;

	if ((flags & (MAILBOX_SYNC_FLAG_FAST | MAILBOX_SYNC_FLAG_NO_EXPUNGES)) != 0)
		return INLAY_TRIGGER_NONE;
	if (strcmp(user->service, "pop3") == 0)
		return !box->synced && (box->flags & MAILBOX_FLAG_POP3_SESSION) != 0
			       ? INLAY_TRIGGER_POP3
			       : INLAY_TRIGGER_NONE;
	struct client *client = client_of(user);
	if (client == NULL)
		return INLAY_TRIGGER_NONE;
	return client->mailbox == box ? waiting(client) : executing(client, box);
}

bool inlay_trigger_is_wanted(const struct inlay_settings *set,
			     const struct mailbox *box, enum inlay_trigger trigger)
{
	if (trigger != INLAY_TRIGGER_STATUS &&
	    (box->flags & MAILBOX_FLAG_READONLY) != 0 &&
	    (set->triggers & INLAY_TRIGGER_EXAMINE) == 0)
		return FALSE;
	return (set->triggers & trigger) != 0;
}

bool inlay_trigger_is_blocked(struct mail_user *user)
{
	for (struct mail_storage *storage = user->storages; storage != NULL;
	     storage = storage->next)
		for (struct mailbox *box = storage->mailboxes; box != NULL;
		     box = box->next)
			if (box->transaction_count > 0)
				return TRUE;
	return FALSE;
}
