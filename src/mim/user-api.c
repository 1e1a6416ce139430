/* SPDX-License-Identifier: Apache-2.0 */
/* /api/tenants/{t}/users/{user}: show, put, patch, erase, export. */
#include "mim/documents.h"
#include "mim/handlers.h"
#include "mim/schema-store.h"
#include "mim/sync.h"
#include "mim/user-find.h"
#include "model/user-json.h"

#define MAX_ERRORS 100
/* Clocks differ; what is further ahead is a mistake that no later no could undo. */
#define CLOCK_TOLERANCE_MS (5 * CLOCK_MINUTE)

struct subject {
	struct str key;
	struct user_record record;
	struct user_schema schema;
};

/* On failure the answer was given. */
static bool find(struct request *q, struct subject *u)
{
	struct error err;
	if (user_find(q->tenant, q->params[1], q->arena, &u->key, &u->record, &err) &&
	    schema_load(q->tenant->db, q->arena, &u->schema, &err))
		return true;
	request_fail(q, &err);
	return false;
}

static bool find_existing(struct request *q, struct subject *u)
{
	if (!find(q, u))
		return false;
	if (!user_record_exists(&u->record))
		request_fail_with(q, ERROR_NOT_FOUND, "", "there is no such user");
	return user_record_exists(&u->record);
}

/* Of whom there are only rows or assignments (unknownUsers: accept), the key. */
static const struct user_profile *profile_of(struct subject *u)
{
	if (!u->record.known)
		u->record.profile = (struct user_profile){.user = u->key};
	return &u->record.profile;
}

static void reply_user(struct request *q, int status, struct subject *u)
{
	struct json_writer w;
	json_writer_init(&w, &q->out);
	user_print(&w, profile_of(u), &u->schema);
	request_reply(q, status);
}

static void get(struct request *q)
{
	struct subject u;
	if (find_existing(q, &u))
		reply_user(q, 200, &u);
}

/* Changes ------------------------------------------------------------------------*/

static bool check_name(struct request *q, struct str name, const struct subject *u,
		       bool hashed, struct str secret, struct error_list *errors)
{
	struct str key = hashed && user_key_is_hash(name)
				 ? name
				 : user_key_from_name(q->arena, name, hashed, secret);
	if (key.p == NULL)
		return error_list_add(errors, ERROR_MEMORY, "", "no memory");
	return str_eq(key, u->key) ||
	       error_list_add(
		       errors, ERROR_BAD_VALUE, "/user",
		       user_record_exists(&u->record)
			       ? "user is another one than the path names"
			       : "there is no such user yet: the path must carry "
				 "the user name");
}

static bool read_body(struct request *q, enum user_form form, const struct subject *u,
		      struct user_change *change)
{
	struct tenant_config *c = tenant_runtime_config(q->tenant);
	const struct user_rules rules = {&u->schema, c->tenant->hashed_email_addresses,
					 q->now_ms + CLOCK_TOLERANCE_MS};
	struct error_list errors;
	struct str name;
	json_t *body = request_json(q);
	bool ok = false;
	error_list_init(&errors, MAX_ERRORS);
	if (body != NULL) {
		ok = user_parse(body, form, &rules, q->arena, &name, change, &errors) &&
		     (form == USER_PATCH || check_name(q, name, u, rules.hashed,
						       c->tenant->secret_key, &errors));
		if (!ok)
			request_fail_all(q, &errors);
	}
	json_decref(body);
	error_list_free(&errors);
	tenant_config_release(c);
	return ok;
}

static void change(struct request *q, enum user_form form, struct subject *u)
{
	struct user_change new_data;
	struct error err;
	bool made = !u->record.known;
	if (!read_body(q, form, u, &new_data))
		return;
	if (!user_change_commit(q->tenant, u->key, &new_data, q->arena, &u->record,
				&err) ||
	    (form == USER_PUT && !user_unsuppress(q->tenant, u->key, q->arena, &err))) {
		request_fail(q, &err);
		return;
	}
	log_debug(q->mim->log, "user", "changed  tenant=%s user=%.*s by=%s",
		  q->tenant->id, STR_ARG(u->key), q->who.id);
	reply_user(q, made && form == USER_PUT ? 201 : 200, u);
}

static void put(struct request *q)
{
	struct subject u;
	if (!find(q, &u))
		return;
	if (u.key.p == NULL)
		request_fail_with(q, ERROR_BAD_VALUE, "",
				  "a user name has 1 to %d bytes", USER_NAME_MAX);
	else
		change(q, USER_PUT, &u);
}

static void patch(struct request *q)
{
	struct subject u;
	if (find_existing(q, &u))
		change(q, USER_PATCH, &u);
}

static void erase(struct request *q)
{
	struct subject u;
	struct error err;
	uint8_t suppress[CRYPTO_SHA256_LEN];
	if (!find_existing(q, &u))
		return;
	id_suppress(&q->tenant->key, u.key, suppress);
	/* an import under way writes before, or sees it */
	pthread_mutex_lock(&q->tenant->change);
	pthread_rwlock_wrlock(&q->tenant->rows);
	q->tenant->erasures++;
	bool ok = erasure_note(q->tenant, &err) &&
		  sync_user_erase(q->tenant->db, u.key, suppress, q->now_ms, &err);
	pthread_rwlock_unlock(&q->tenant->rows);
	pthread_mutex_unlock(&q->tenant->change);
	if (!ok) {
		request_fail(q, &err);
		return;
	}
	metrics_add(q->mim->metrics, METRIC_ERASED, 1);
	log_info(q->mim->log, "user", "erased  tenant=%s by=%s", q->tenant->id,
		 q->who.id);
	request_reply_nothing(q);
}

/* Export -------------------------------------------------------------------------*/

static void put_variables(struct json_writer *w, const struct load_document *load,
			  const struct recipient_row *row)
{
	json_put_key(w, STR("variables"));
	json_put_object(w);
	for (size_t i = 0; i < row->n_values && i < load->n_columns; i++) {
		json_put_key(w, load->columns[i]);
		json_put_string(w, row->values[i]);
	}
	json_put_object_end(w);
}

static bool put_row(struct request *q, struct json_writer *w,
		    const struct recipient_row *row, struct error *err)
{
	char id[LOAD_ID_LEN + 1];
	struct store_document doc;
	struct load_document load;
	load_document_id(row->load, id);
	if (!sync_document_get(q->tenant->db, STORE_LOAD, str_of(id), q->arena, &doc,
			       err))
		return false;
	if (doc.revision == 0)
		return true; /* swept between the two reads */
	if (!load_document_parse(doc.body, q->arena, &load, err))
		return false;
	json_put_object(w);
	json_kv_string(w, "campaign", load.campaign);
	put_variables(w, &load, row);
	json_put_object_end(w);
	return true;
}

static void export(struct request *q)
{
	struct subject u;
	struct error err;
	struct json_writer w;
	bool ok = true;
	if (!find_existing(q, &u))
		return;
	json_writer_init(&w, &q->out);
	json_put_object(&w);
	json_kv_time(&w, "exportedAt", q->now_ms);
	json_put_key(&w, STR("user"));
	user_print(&w, profile_of(&u), &u.schema);
	json_put_key(&w, STR("recipientRows"));
	json_put_array(&w);
	for (size_t i = 0; ok && i < u.record.n_rows; i++)
		ok = put_row(q, &w, &u.record.rows[i], &err);
	json_put_array_end(&w);
	json_put_key(&w, STR("instances"));
	json_put_array(&w);
	for (size_t i = 0; i < u.record.n_assignments; i++)
		user_print_assignment(&w, &u.record.assignments[i], q->now_ms);
	json_put_array_end(&w);
	json_put_object_end(&w);
	if (ok)
		request_reply(q, 200);
	else
		request_fail(q, &err);
}

#define USER "/api/tenants/{tenantId}/users/{user}"
static const struct route rows[] = {
	{"GET", USER, ROUTE_READ, ROUTE_BLOCKING, get, 0},
	{"PUT", USER, ROUTE_TENANT, ROUTE_BLOCKING, put, 0},
	{"PATCH", USER, ROUTE_TENANT, ROUTE_BLOCKING, patch, 0},
	{"DELETE", USER, ROUTE_TENANT, ROUTE_BLOCKING, erase, 0},
	{"GET", USER "/export", ROUTE_TENANT, ROUTE_BLOCKING, export, 0},
};
const struct route_table user_routes = ROUTE_TABLE(rows);
