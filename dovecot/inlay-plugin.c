/* SPDX-License-Identifier: Apache-2.0 */
/* Hooks into Dovecot, and nothing else: which objects are ours to watch. */
#include "inlay-plugin.h"

#include "inlay-save.h"
#include "inlay-session.h"
#include "inlay-trigger.h"
#include "inlay-work.h"

#define INLAY_EXPORT __attribute__((visibility("default")))

struct inlay_user {
	union mail_user_module_context module_ctx;
	struct inlay_session *session;
};

struct inlay_mailbox {
	union mailbox_module_context module_ctx;
	struct inlay_session *session;
	bool loaded; /* state of ours was read through this handle */
};

struct inlay_mail {
	union mail_module_context module_ctx;
	struct inlay_session *session;
};

static MODULE_CONTEXT_DEFINE_INIT(inlay_user_module, &mail_user_module_register);
static MODULE_CONTEXT_DEFINE_INIT(inlay_storage_module, &mail_storage_module_register);
static MODULE_CONTEXT_DEFINE_INIT(inlay_mail_module, &mail_module_register);

#define INLAY_USER(obj) MODULE_CONTEXT(obj, inlay_user_module)
#define INLAY_USER_REQUIRE(obj) MODULE_CONTEXT_REQUIRE(obj, inlay_user_module)
#define INLAY_MAILBOX(obj) MODULE_CONTEXT(obj, inlay_storage_module)
#define INLAY_MAILBOX_REQUIRE(obj) MODULE_CONTEXT_REQUIRE(obj, inlay_storage_module)
#define INLAY_MAIL_REQUIRE(obj) MODULE_CONTEXT_REQUIRE(obj, inlay_mail_module)

/* The user */

static void user_deinit(struct mail_user *user)
{
	struct inlay_user *iuser = INLAY_USER_REQUIRE(user);

	inlay_session_free(&iuser->session);
	iuser->module_ctx.super.deinit(user);
}

static void user_created(struct mail_user *user)
{
	struct mail_user_vfuncs *v = user->vlast;
	struct inlay_session *session = inlay_session_new(user);

	if (session == NULL)
		return;
	struct inlay_user *iuser = p_new(user->pool, struct inlay_user, 1);
	iuser->session = session;
	iuser->module_ctx.super = *v;
	user->vlast = &iuser->module_ctx.super;
	v->deinit = user_deinit;
	MODULE_CONTEXT_SET(user, inlay_user_module, iuser);
}

static void namespaces_created(struct mail_namespace *namespaces)
{
	struct inlay_user *iuser = INLAY_USER(namespaces->user);

	if (iuser != NULL)
		inlay_session_greet(iuser->session);
}

/* INBOX */

static struct mailbox_sync_context *inbox_sync_init(struct mailbox *box,
						    enum mailbox_sync_flags flags)
{
	struct inlay_mailbox *ibox = INLAY_MAILBOX_REQUIRE(box);
	enum inlay_trigger trigger = inlay_trigger_now(box, flags);

	if (trigger != INLAY_TRIGGER_NONE && trigger != INLAY_TRIGGER_STATUS &&
	    !ibox->session->busy) {
		ibox->session->selected = box;
		if (inlay_trigger_is_wanted(&ibox->session->set, box, trigger))
			inlay_session_trigger(ibox->session, box, &ibox->loaded);
	}
	return ibox->module_ctx.super.sync_init(box, flags);
}

/* STATUS of a mailbox that is not selected may be answered from the list of all
 * mailboxes, without any synchronisation. */
static int inbox_get_status(struct mailbox *box, enum mailbox_status_items items,
			    struct mailbox_status *status_r)
{
	struct inlay_mailbox *ibox = INLAY_MAILBOX_REQUIRE(box);

	if (!box->opened && !ibox->session->busy &&
	    (ibox->session->set.triggers & INLAY_TRIGGER_STATUS) != 0 &&
	    inlay_trigger_now(box, 0) == INLAY_TRIGGER_STATUS &&
	    mailbox_open(box) == 0) {
		inlay_session_trigger(ibox->session, box, &ibox->loaded);
		/* an opened one would be described as it was when it was opened */
		mailbox_close(box);
	}
	return ibox->module_ctx.super.get_status(box, items, status_r);
}

static int inbox_sync_deinit(struct mailbox_sync_context *ctx,
			     struct mailbox_sync_status *status_r)
{
	struct mailbox *box = ctx->box;
	struct inlay_mailbox *ibox = INLAY_MAILBOX_REQUIRE(box);
	int ret = ibox->module_ctx.super.sync_deinit(ctx, status_r);

	if (ret == 0 && ibox->session->selected == box)
		inlay_session_synced(ibox->session, box);
	return ret;
}

static void inbox_close(struct mailbox *box)
{
	struct inlay_mailbox *ibox = INLAY_MAILBOX_REQUIRE(box);

	if (ibox->session->selected == box)
		ibox->session->selected = NULL;
	ibox->module_ctx.super.close(box);
}

/* Any mailbox: is it a message of ours that is put in here? */

static int any_copy(struct mail_save_context *ctx, struct mail *mail)
{
	struct mailbox *to = ctx->transaction->box;
	struct inlay_mailbox *ibox = INLAY_MAILBOX_REQUIRE(to);
	struct mail *source = mail;
	int ret;

	/* of a virtual mailbox: the message behind it */
	if (mail_get_backend_mail(mail, &source) < 0)
		source = mail;
	bool is_ours = source->box->inbox_user && !to->inbox_user &&
		       inlay_session_own_uid(ibox->session, source->uid) != NULL &&
		       !inlay_is_lazy_mailbox(to);
	uint32_t uid = source->uid;
	ret = ibox->module_ctx.super.copy(ctx, mail);
	if (ret == 0 && is_ours)
		inlay_session_copied(ibox->session, uid);
	return ret;
}

static bool is_users_own_inbox(const struct mailbox *box)
{
	const struct mail_namespace *ns = box->list->ns;
	return box->inbox_user && ns->type == MAIL_NAMESPACE_TYPE_PRIVATE &&
	       ns->owner == ns->user;
}

static void mailbox_allocated(struct mailbox *box)
{
	struct inlay_user *iuser = INLAY_USER(box->storage->user);
	struct mailbox_vfuncs *v = box->vlast;

	/* while we work, every handle is one of our own or of who helps us */
	if (iuser == NULL || iuser->session->busy)
		return;
	struct inlay_mailbox *ibox = p_new(box->pool, struct inlay_mailbox, 1);
	ibox->session = iuser->session;
	ibox->module_ctx.super = *v;
	box->vlast = &ibox->module_ctx.super;
	v->copy = any_copy;
	if (is_users_own_inbox(box) && inlay_can_keep(box)) {
		v->sync_init = inbox_sync_init;
		v->sync_deinit = inbox_sync_deinit;
		v->get_status = inbox_get_status;
		v->close = inbox_close;
	}
	MODULE_CONTEXT_SET(box, inlay_storage_module, ibox);
}

/* Messages of INBOX: who expunges knows why one is gone. */

static void mail_expunged(struct mail *_mail)
{
	struct mail_private *mail = (struct mail_private *)_mail;
	struct inlay_mail *imail = INLAY_MAIL_REQUIRE(mail);

	inlay_session_expunging(imail->session, _mail->uid);
	imail->module_ctx.super.expunge(_mail);
}

static int mail_opened(struct mail *_mail, bool get_body, struct message_size *hdr_size,
		       struct message_size *body_size, struct istream **stream_r)
{
	struct mail_private *mail = (struct mail_private *)_mail;
	struct inlay_mail *imail = INLAY_MAIL_REQUIRE(mail);
	int ret = imail->module_ctx.super.get_stream(_mail, get_body, hdr_size,
						     body_size, stream_r);

	/* not TOP, which shows the beginning only */
	if (ret == 0 && mail->get_stream_reason != NULL &&
	    strcmp(mail->get_stream_reason, "RETR") == 0)
		inlay_session_retrieved(imail->session, _mail->uid);
	return ret;
}

static void mail_allocated(struct mail *_mail)
{
	struct inlay_mailbox *ibox = INLAY_MAILBOX(_mail->box);
	struct mail_private *mail = (struct mail_private *)_mail;
	struct mail_vfuncs *v = mail->vlast;

	if (ibox == NULL || !is_users_own_inbox(_mail->box))
		return;
	struct inlay_mail *imail = p_new(mail->pool, struct inlay_mail, 1);
	imail->session = ibox->session;
	imail->module_ctx.super = *v;
	mail->vlast = &imail->module_ctx.super;
	v->expunge = mail_expunged;
	if (strcmp(_mail->box->storage->user->service, "pop3") == 0)
		v->get_stream = mail_opened;
	MODULE_CONTEXT_SET(mail, inlay_mail_module, imail);
}

/* The module */

static struct mail_storage_hooks hooks = {
	.mail_user_created = user_created,
	.mail_namespaces_created = namespaces_created,
	.mailbox_allocated = mailbox_allocated,
	.mail_allocated = mail_allocated,
};

extern const char *inlay_plugin_version;
INLAY_EXPORT const char *inlay_plugin_version = DOVECOT_ABI_VERSION;

INLAY_EXPORT void inlay_plugin_init(struct module *module)
{
	mail_storage_hooks_add(module, &hooks);
}

INLAY_EXPORT void inlay_plugin_deinit(void)
{
	mail_storage_hooks_remove(&hooks);
}
