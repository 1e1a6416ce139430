/* SPDX-License-Identifier: Apache-2.0 */
#include "inlay-look.h"

#include "inlay-compat.h"
#include "wire/wire.h"

#define EXTENSION_VERSION 2
#define FLAG_INCOMPLETE 1
/* What a killed save has left has one of so many UIDs from that on which was next. */
#define SAVE_UIDS 100

/* In the index's own byte order, as all of an index is. */
struct look_entry {
	uint32_t uid;
	uint8_t guid[16];
};

struct look_header {
	uint32_t version;
	uint32_t uid_validity;
	uint32_t next_uid; /* looked at up to this one */
	uint32_t count;
	uint32_t flags;
	struct look_entry own[INLAY_OWN_MAX];
};

bool inlay_look_is_users(const struct inlay_record *record)
{
	return record->state == INLAY_STATE_GONE &&
	       (record->cause == WIRE_CAUSE_EXPUNGED ||
		record->cause == WIRE_CAUSE_MOVED);
}

uint8_t inlay_look_absence(const struct inlay_record *record)
{
	return record->state == INLAY_STATE_SAVED && record->cause != WIRE_CAUSE_NONE
		       ? record->cause
		       : WIRE_CAUSE_UNKNOWN;
}

uint32_t inlay_look_extension(struct mailbox *box)
{
	return mail_index_ext_register(box->index, "inlay", sizeof(struct look_header),
				       0, 0);
}

bool inlay_look_cached(struct mailbox *box, ARRAY_TYPE(inlay_own) * own,
		       bool *complete_r, uint32_t *next_uid_r)
{
	const struct mail_index_header *index = mail_index_get_header(box->view);
	const void *data;
	size_t size;
	struct look_header header;

	mail_index_get_header_ext(box->view, inlay_look_extension(box), &data, &size);
	if (size < sizeof(header))
		return FALSE;
	memcpy(&header, data, sizeof(header));
	if (header.version != EXTENSION_VERSION || header.count > INLAY_OWN_MAX ||
	    header.uid_validity == 0 || header.uid_validity != index->uid_validity)
		return FALSE;
	for (uint32_t i = 0; i < header.count; i++) {
		struct inlay_own *entry = array_append_space(own);
		entry->uid = header.own[i].uid;
		i_strocpy(entry->guid,
			  binary_to_hex(header.own[i].guid, sizeof(header.own[i].guid)),
			  sizeof(entry->guid));
	}
	*complete_r = (header.flags & FLAG_INCOMPLETE) == 0;
	*next_uid_r = header.next_uid;
	return TRUE;
}

static bool has_keyword(struct mailbox *box, uint32_t seq, unsigned int keyword,
			ARRAY_TYPE(keyword_indexes) * buffer)
{
	const unsigned int *index;

	mail_index_lookup_keywords(box->view, seq, buffer);
	array_foreach (buffer, index) {
		if (*index == keyword)
			return TRUE;
	}
	return FALSE;
}

bool inlay_look_is_marked(struct mailbox *box, uint32_t seq)
{
	ARRAY_TYPE(keyword_indexes) buffer;
	unsigned int keyword;
	bool is_marked;

	if (!mail_index_keyword_lookup(box->index, INLAY_KEYWORD, &keyword))
		return FALSE;
	T_BEGIN
	{
		t_array_init(&buffer, 32);
		is_marked = has_keyword(box, seq, keyword, &buffer);
	}
	T_END;
	return is_marked;
}

static bool own_has_uid(const ARRAY_TYPE(inlay_own) * own, uint32_t uid)
{
	const struct inlay_own *entry;
	array_foreach (own, entry) {
		if (entry->uid == uid)
			return TRUE;
	}
	return FALSE;
}

static void add_others(struct mailbox *box, const ARRAY_TYPE(inlay_own) * own,
		       uint32_t from_uid, unsigned int most,
		       ARRAY_TYPE(uint32_t) * uids)
{
	ARRAY_TYPE(keyword_indexes) buffer;
	unsigned int keyword;
	uint32_t seq, last, uid;

	if (!mail_index_keyword_lookup(box->index, INLAY_KEYWORD, &keyword) ||
	    !mail_index_lookup_seq_range(box->view, from_uid, UINT32_MAX, &seq, &last))
		return;
	t_array_init(&buffer, 32);
	for (; seq <= last && array_count(uids) < most; seq++) {
		if (!has_keyword(box, seq, keyword, &buffer))
			continue;
		mail_index_lookup_uid(box->view, seq, &uid);
		if (!own_has_uid(own, uid))
			array_push_back(uids, &uid);
	}
}

bool inlay_look_has_other(struct mailbox *box, const ARRAY_TYPE(inlay_own) * own,
			  uint32_t from_uid)
{
	ARRAY_TYPE(uint32_t) first;
	bool found;

	T_BEGIN
	{
		t_array_init(&first, 1);
		add_others(box, own, from_uid, 1, &first);
		found = array_count(&first) > 0;
	}
	T_END;
	return found;
}

void inlay_look_others(struct mailbox *box, const ARRAY_TYPE(inlay_own) * own,
		       uint32_t from_uid, ARRAY_TYPE(uint32_t) * uids_r)
{
	add_others(box, own, from_uid, INLAY_OWN_MAX, uids_r);
}

int inlay_look_store(struct mailbox *box, const ARRAY_TYPE(inlay_own) * own,
		     bool complete)
{
	const struct mail_index_header *index = mail_index_get_header(box->view);
	uint32_t ext_id = inlay_look_extension(box);
	struct look_header header;
	const struct inlay_own *entry;
	const void *old;
	size_t old_size;

	i_zero(&header);
	header.version = EXTENSION_VERSION;
	header.uid_validity = index->uid_validity;
	header.next_uid = index->next_uid;
	array_foreach (own, entry) {
		if (*entry->instance == '\0' || !entry->is_there)
			continue;
		if (header.count == INLAY_OWN_MAX) {
			complete = FALSE;
			break;
		}
		struct look_entry *to = &header.own[header.count++];
		buffer_t guid;
		to->uid = entry->uid;
		buffer_create_from_data(&guid, to->guid, sizeof(to->guid));
		if (hex_to_binary(entry->guid, &guid) < 0)
			i_unreached();
	}
	header.flags = complete ? 0 : FLAG_INCOMPLETE;

	mail_index_get_header_ext(box->view, ext_id, &old, &old_size);
	if (old_size == sizeof(header) && memcmp(old, &header, sizeof(header)) == 0)
		return 0;
	struct mail_index_transaction *t = mail_index_transaction_begin(
		box->view, MAIL_INDEX_TRANSACTION_FLAG_EXTERNAL);
	if (old_size != 0 && old_size != sizeof(header))
		mail_index_ext_resize_hdr(t, ext_id, sizeof(header));
	mail_index_update_header_ext(t, ext_id, 0, &header, sizeof(header));
	return mail_index_transaction_commit(&t);
}

bool inlay_look_has_hint(struct mailbox *box)
{
	unsigned int unused;
	return mail_index_keyword_lookup(box->index, INLAY_KEYWORD, &unused);
}

void inlay_look_measure(struct mail_index_view *view, ARRAY_TYPE(inlay_own) * own,
			struct inlay_measure *measure)
{
	const struct mail_index_header *index = mail_index_get_header(view);
	uint32_t messages = mail_index_view_get_messages_count(view);
	struct inlay_own *entry;
	uint32_t own_above = 0;

	measure->uid_validity = index->uid_validity;
	measure->uid_next = index->next_uid;
	for (unsigned int i = array_count(own); i > 0; i--) {
		uint32_t seq;
		entry = array_idx_modifiable(own, i - 1);
		entry->is_there = mail_index_lookup_seq(view, entry->uid, &seq);
		if (!entry->is_there)
			continue;
		const struct mail_index_record *record = mail_index_lookup(view, seq);
		entry->seen = (record->flags & (MAIL_SEEN | MAIL_DELETED)) == MAIL_SEEN;
		entry->read = entry->read || entry->seen;
		entry->newer = messages - seq - own_above;
		own_above++;
	}
}

/* A GUID as 32 hex digits, the form in which Dovecot's own dsync compares them. Ours
 * are that already; Maildir makes one of the file name for a message whose own GUID
 * was lost with dovecot-uidlist. */
static void guid_form(const char *guid, char form_r[INLAY_ID_SIZE])
{
	guid_128_t binary;
	mail_generate_guid_128_hash(guid, binary);
	i_strocpy(form_r, binary_to_hex(binary, sizeof(binary)), INLAY_ID_SIZE);
}

static bool own_has(const ARRAY_TYPE(inlay_own) * own, const char *guid)
{
	const struct inlay_own *entry;
	array_foreach (own, entry) {
		if (strcmp(entry->guid, guid) == 0)
			return TRUE;
	}
	return FALSE;
}

/* Somebody else may have written that header: what goes into a frame is plain. */
static bool is_proof(const char *value)
{
	size_t n = strlen(value);
	for (size_t i = 0; i < n; i++)
		if (value[i] < ' ' || value[i] > '~')
			return FALSE;
	return n > 0 && n < INLAY_PROOF_SIZE;
}

/* The file of a save that was killed comes to light without its keyword when the index
 * is built anew. */
static bool may_be_there(const struct inlay_record *record)
{
	return record->state == INLAY_STATE_PREPARED ||
	       record->state == INLAY_STATE_UNCERTAIN;
}

/* In Maildir it may lack its GUID, too, for that is written behind the file. Then its
 * header says of which save it is, and MIM whether that is true. proof NULL: may it be
 * so, by its UID? The next look at the folder gives it one, so that few can have come
 * before it, and few headers are read. Where a copy is replaced the keyword was known.
 */
static bool is_of_a_save(struct mail *mail, const struct inlay_ledger *ledger,
			 const char *proof)
{
	uint32_t uid_validity = mail_index_get_header(mail->box->view)->uid_validity;
	const struct inlay_record *record;
	array_foreach (&ledger->records, record) {
		if (may_be_there(record) && !record->again &&
		    record->uid_validity == uid_validity && mail->uid >= record->uid &&
		    mail->uid - record->uid < SAVE_UIDS &&
		    (proof == NULL || str_begins(proof, record->instance)))
			return TRUE;
	}
	return FALSE;
}

/* NULL: none. */
static const char *proof_of(struct mail *mail)
{
	const char *proof;
	return mail_get_first_header(mail, INLAY_PROOF_HEADER, &proof) > 0 &&
			       is_proof(proof)
		       ? proof
		       : NULL;
}

/* Takes the message in, if the ledger knows its GUID, or the keyword marks it, or its
 * header names a save of which the ledger does not know the end. */
static int take_frame(struct mail *mail, struct inlay_ledger *ledger,
		      ARRAY_TYPE(inlay_own) * own)
{
	const char *value, *proof = NULL;
	char guid[INLAY_ID_SIZE];

	if (mail_get_special(mail, MAIL_FETCH_GUID, &value) < 0)
		return mail->expunged ? 0 : -1;
	guid_form(value, guid);
	/* of several the one with the lowest UID counts */
	if (own_has(own, guid) || array_count(own) >= INLAY_OWN_MAX)
		return 0;
	struct inlay_record *record = inlay_ledger_by_guid(ledger, guid);
	if (record != NULL) {
		if (inlay_look_is_users(record))
			return 0;
	} else {
		bool marked = str_array_find(mail_get_keywords(mail), INLAY_KEYWORD);
		if (marked || is_of_a_save(mail, ledger, NULL))
			proof = proof_of(mail);
		if (!marked && (proof == NULL || !is_of_a_save(mail, ledger, proof)))
			return 0;
	}
	struct inlay_own *entry = array_append_space(own);
	entry->uid = mail->uid;
	memcpy(entry->guid, guid, sizeof(entry->guid));
	if (record != NULL)
		i_strocpy(entry->instance, record->instance, sizeof(entry->instance));
	else if (proof != NULL)
		i_strocpy(entry->proof, proof, sizeof(entry->proof));
	return 0;
}

static int take(struct mail *mail, struct inlay_ledger *ledger,
		ARRAY_TYPE(inlay_own) * own)
{
	int ret;

	T_BEGIN
	{
		ret = take_frame(mail, ledger, own);
	}
	T_END;
	return ret;
}

static bool must_look_at_all(struct mailbox *box, const struct inlay_ledger *ledger)
{
	uint32_t uid_validity = mail_index_get_header(box->view)->uid_validity;
	const struct inlay_record *record;
	array_foreach (&ledger->records, record) {
		if ((record->state == INLAY_STATE_SAVED || may_be_there(record)) &&
		    record->uid_validity != uid_validity)
			return TRUE;
	}
	return FALSE;
}

/* Where the ledger's records may have their messages. */
static void add_uids(const struct inlay_ledger *ledger, ARRAY_TYPE(seq_range) * uids)
{
	const struct inlay_record *record;
	array_foreach (&ledger->records, record) {
		if (may_be_there(record))
			seq_range_array_add_range(uids, I_MAX(record->uid, 1),
						  UINT32_MAX);
		else if (record->uid != 0)
			seq_range_array_add(uids, record->uid);
	}
}

/* OR (KEYWORD $Inlay) (UID ...) */
static struct mail_search_args *search_marked_or(const ARRAY_TYPE(seq_range) * uids)
{
	struct mail_search_args *args = mail_search_build_init();
	struct mail_search_arg *keyword;

	if (array_count(uids) == 0) {
		keyword = mail_search_build_add(args, SEARCH_KEYWORDS);
		keyword->value.str = INLAY_KEYWORD;
		return args;
	}
	struct mail_search_arg *either = mail_search_build_add(args, SEARCH_OR);
	struct mail_search_arg *listed = p_new(args->pool, struct mail_search_arg, 1);
	listed->type = SEARCH_UIDSET;
	p_array_init(&listed->value.seqset, args->pool, array_count(uids));
	array_append_array(&listed->value.seqset, uids);
	keyword = p_new(args->pool, struct mail_search_arg, 1);
	keyword->type = SEARCH_KEYWORDS;
	keyword->value.str = INLAY_KEYWORD;
	keyword->next = listed;
	either->value.subargs = keyword;
	return args;
}

static struct mail_search_args *scan_args(struct mailbox *box,
					  const struct inlay_ledger *ledger)
{
	ARRAY_TYPE(seq_range) uids;

	if (must_look_at_all(box, ledger)) {
		struct mail_search_args *args = mail_search_build_init();
		mail_search_build_add_all(args);
		return args;
	}
	t_array_init(&uids, 8);
	add_uids(ledger, &uids);
	return search_marked_or(&uids);
}

/* Takes over the reference of the arguments. */
static struct mail_search_context *search_begin(struct mailbox_transaction_context *t,
						struct mail_search_args *args)
{
	/* this makes keywords of their names */
	mail_search_args_init(args, t->box, FALSE, NULL);
	struct mail_search_context *search =
		mailbox_search_init(t, args, NULL, MAIL_FETCH_GUID, NULL);
	mail_search_args_unref(&args);
	return search;
}

int inlay_look_scan(struct mailbox *box, struct inlay_ledger *ledger,
		    ARRAY_TYPE(inlay_own) * own)
{
	struct mail *mail;
	int ret = 0;
	struct mailbox_transaction_context *t = mailbox_transaction_begin(
		box, MAILBOX_TRANSACTION_FLAG_NO_CACHE_DEC, __func__);
	struct mail_search_context *search = search_begin(t, scan_args(box, ledger));
	while (ret == 0 && mailbox_search_next(search, &mail))
		ret = take(mail, ledger, own);
	if (mailbox_search_deinit(&search) < 0)
		ret = -1;
	if (mailbox_transaction_commit(&t) < 0)
		ret = -1;
	return ret;
}

static bool has_guid(struct mail *mail, const char *guid)
{
	const char *value;
	char form[INLAY_ID_SIZE] = "";

	T_BEGIN
	{
		if (mail_get_special(mail, MAIL_FETCH_GUID, &value) == 0)
			guid_form(value, form);
	}
	T_END;
	return strcmp(form, guid) == 0;
}

uint32_t inlay_look_which(struct mailbox *box, const ARRAY_TYPE(uint32_t) * uids,
			  const char *guid)
{
	const uint32_t *uid;
	uint32_t found = 0;
	struct mailbox_transaction_context *t = mailbox_transaction_begin(
		box, MAILBOX_TRANSACTION_FLAG_NO_CACHE_DEC, __func__);
	struct mail *mail = mail_alloc(t, MAIL_FETCH_GUID, NULL);

	array_foreach (uids, uid) {
		if (mail_set_uid(mail, *uid) && has_guid(mail, guid)) {
			found = *uid;
			break;
		}
	}
	mail_free(&mail);
	mailbox_transaction_rollback(&t);
	return found;
}

int inlay_look_find(struct mailbox *box, const char *guid, uint32_t above,
		    uint32_t *uid_r)
{
	struct mail *mail;
	ARRAY_TYPE(seq_range) uids;
	int ret = 0;

	*uid_r = 0;
	/* nothing here ever had the keyword */
	if (above == UINT32_MAX && !inlay_look_has_hint(box))
		return 0;
	t_array_init(&uids, 1);
	if (above < UINT32_MAX)
		seq_range_array_add_range(&uids, above + 1, UINT32_MAX);
	struct mailbox_transaction_context *t = mailbox_transaction_begin(
		box, MAILBOX_TRANSACTION_FLAG_NO_CACHE_DEC, __func__);
	struct mail_search_context *search = search_begin(t, search_marked_or(&uids));
	while (*uid_r == 0 && mailbox_search_next(search, &mail))
		if (has_guid(mail, guid))
			*uid_r = mail->uid;
	if (mailbox_search_deinit(&search) < 0)
		ret = -1;
	if (mailbox_transaction_commit(&t) < 0)
		ret = -1;
	return ret;
}
