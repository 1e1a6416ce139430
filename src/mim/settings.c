/* SPDX-License-Identifier: Apache-2.0 */
#include "mim/settings.h"

#include "base/clock.h"
#include "base/log.h"
#include "model/bundle-check.h"
#include "net/address.h"

#include <stdio.h>

#define KIB INT64_C(1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)
#define TIB (1024 * GIB)

#define NUMBER_TEXT(n) NUMBER_TEXT_OF(n)
#define NUMBER_TEXT_OF(n) #n

#define NO_CASSANDRA "Apache Cassandra is not built into this version"
#define NO_REPOSITORIES "it configures Spring's repositories, which are not used here"

/* Names as in Spring Boot 1.5's common application properties. */
#define CASSANDRA(name, why)                                                           \
	{                                                                              \
		"spring.data.cassandra." name, SETTING_STRING, NULL, 0, 0, NULL, why,  \
			"As in the original."                                          \
	}

static const struct setting table[] = {
	{"server.address", SETTING_STRING, "127.0.0.1", 0, 0, NULL, NULL,
	 "Address that the API listens on."},
	{"server.port", SETTING_INT, "8080", 0, 65535, NULL, NULL,
	 "Port of the API; 0 takes a free one, which the log names."},
	{"logging.file", SETTING_PATH, NULL, 0, 0, NULL, NULL,
	 "File to log to, opened anew at SIGHUP; standard error if unset."},
	{"logging.level.*", SETTING_ENUM, NULL, 0, 0, "OFF|ERROR|WARN|INFO|DEBUG|TRACE",
	 NULL,
	 "Level of root, or of one area: mim, http, tenant, token, user, import, "
	 "decision, points, store."},

	{"inlay.store", SETTING_ENUM, NULL, 0, 0, "lmdb|cassandra", NULL,
	 "Where data are kept: lmdb (embedded, one machine) or cassandra. If unset: "
	 "cassandra if spring.data.cassandra.contact-points is set, else lmdb."},
	{"inlay.data.directory", SETTING_PATH, "/var/lib/mail-injection-middleware", 0,
	 0, NULL, NULL, "Directory of the embedded store."},
	{"inlay.data.map-size", SETTING_SIZE, "64GiB", 16 * MIB, 16 * TIB, NULL, NULL,
	 "Most that one database of the embedded store may take."},
	{"inlay.secrets.key-file", SETTING_PATH, NULL, 0, 0, NULL, NULL,
	 "File of the master key that seals secrets in the store; master.key in "
	 "inlay.data.directory if unset. Made at the first start. Back it up."},
	{"inlay.tokens.first-file", SETTING_PATH, NULL, 0, 0, NULL, NULL,
	 "File that the first start writes an admin token to; admin-token in "
	 "inlay.data.directory if unset."},
	{"inlay.datasource.root", SETTING_PATH, NULL, 0, 0, NULL, NULL,
	 "Directory below which data sources of type directory lie, in one directory "
	 "per tenant; datasource in inlay.data.directory if unset."},
	{"inlay.datasource.timeout", SETTING_DURATION, "PT30S", 100, 10 * CLOCK_MINUTE,
	 NULL, NULL,
	 "How long an S3 store may take to be connected to, and be silent after that."},
	{"inlay.datasource.ca-file", SETTING_PATH, NULL, 0, 0, NULL, NULL,
	 "Certificates (PEM) that vouch for S3 stores; the system's if unset."},
	{"inlay.import.temp-directory", SETTING_PATH, NULL, 0, 0, NULL, NULL,
	 "Directory for an import's temporary files; tmp in inlay.data.directory if "
	 "unset."},
	{"inlay.import.threads", SETTING_INT, "1", 1, 16, NULL, NULL,
	 "How many imports run at once."},
	{"inlay.import.memory", SETTING_SIZE, "64MiB", 1 * MIB, 64 * GIB, NULL, NULL,
	 "Memory that the sort of one import may take before it uses files."},
	{"inlay.import.max-rejected-percent", SETTING_INT,
	 NUMBER_TEXT(BUNDLE_REJECTED_PERCENT), 0, 100, NULL, NULL,
	 "Share of rejected rows above which an import fails as a whole."},
	{"inlay.net.allow", SETTING_LIST, NULL, 0, 0, NULL, NULL,
	 "Networks (10.0.0.0/8) that addresses set with a tenant's token may lie in, "
	 "beside public ones."},
	{"inlay.points.timeout", SETTING_DURATION, "PT15S", 100, 10 * CLOCK_MINUTE,
	 NULL, NULL, "Time for a call of a conversion point, answer included."},
	{"inlay.points.requests", SETTING_INT, "4", 1, 64, NULL, NULL,
	 "Calls of one conversion point that may be under way."},
	{"inlay.points.retry-for", SETTING_DURATION, "P7D", CLOCK_SECOND, 7 * CLOCK_DAY,
	 NULL, NULL,
	 "How long an event is tried again before it becomes a dead letter."},
	{"inlay.points.warn-after", SETTING_DURATION, "PT1H", CLOCK_SECOND, CLOCK_DAY,
	 NULL, NULL,
	 "How long a conversion point may fail before /health/ready warns."},
	{"inlay.points.ca-file", SETTING_PATH, NULL, 0, 0, NULL, NULL,
	 "Certificates (PEM) that vouch for conversion points; the system's if unset."},
	{"inlay.public.address", SETTING_STRING, NULL, 0, 0, NULL, NULL,
	 "Address of the public listener, which serves /u/ (unsubscribe) only; off if "
	 "unset."},
	{"inlay.public.port", SETTING_INT, "8081", 0, 65535, NULL, NULL,
	 "Port of the public listener; 0 takes a free one."},
	{"inlay.public.max-connections-per-address", SETTING_INT, "1024", 0, 1000000,
	 NULL, NULL,
	 "Connections at once from one address to the public listener; 0: no limit. "
	 "Behind a proxy all come from the proxy's."},
	{"inlay.http.threads", SETTING_INT, "0", 0, 256, NULL, NULL,
	 "Threads that serve HTTP; 0: one per core."},
	{"inlay.http.max-connections", SETTING_INT, "4096", 16, 1000000, NULL, NULL,
	 "Connections at once, of each listener, as far as the limit of open files "
	 "allows. When there are more, the oldest that is idle or slow is closed; when "
	 "all are busy, the new one gets 503."},
	{"inlay.http.max-connections-per-address", SETTING_INT, "0", 0, 1000000, NULL,
	 NULL, "Connections at once from one address to the API; 0: no limit."},
	{"inlay.http.request-timeout", SETTING_DURATION, "PT30S", CLOCK_SECOND,
	 10 * CLOCK_MINUTE, NULL, NULL,
	 "Time for a whole request to come in and to be answered."},
	{"inlay.http.idle-timeout", SETTING_DURATION, "PT2M", CLOCK_SECOND, CLOCK_HOUR,
	 NULL, NULL, "How long a connection stays open without a request."},
	{"inlay.overload.max-wait", SETTING_DURATION, "10ms", 1, CLOCK_MINUTE, NULL,
	 NULL,
	 "When requests lie unread for longer than this, agents' questions are "
	 "answered "
	 "with 503 until they do not. An agent's session waits 50 ms in all."},
	{"inlay.overload.decisions", SETTING_INT, "1024", 1, 1000000, NULL, NULL,
	 "How many questions of agents may be under way; more are answered with 503."},
	{"inlay.overload.events", SETTING_INT, "16", 1, 10000, NULL, NULL,
	 "How many batches of events may be under way; more are answered with 503."},
	{"inlay.workers.threads", SETTING_INT, "4", 1, 256, NULL, NULL,
	 "Threads for calls of the administration, which may wait."},
	{"inlay.workers.queue", SETTING_INT, "256", 1, 100000, NULL, NULL,
	 "How many such calls may wait; more are answered with 503."},

	{"spring.data.cassandra.contact-points", SETTING_LIST, NULL, 0, 0, NULL, NULL,
	 "Hosts of Cassandra. If set, and inlay.store is not, the store is "
	 "cassandra."},
	CASSANDRA("cluster-name", NO_CASSANDRA),
	CASSANDRA("compression", NO_CASSANDRA),
	CASSANDRA("connect-timeout-millis", NO_CASSANDRA),
	CASSANDRA("consistency-level", NO_CASSANDRA),
	CASSANDRA("fetch-size", NO_CASSANDRA),
	CASSANDRA("keyspace-name", NO_CASSANDRA),
	CASSANDRA("load-balancing-policy", NO_CASSANDRA),
	CASSANDRA("password", NO_CASSANDRA),
	CASSANDRA("port", NO_CASSANDRA),
	CASSANDRA("read-timeout-millis", NO_CASSANDRA),
	CASSANDRA("reconnection-policy", NO_CASSANDRA),
	CASSANDRA("repositories.enabled", NO_REPOSITORIES),
	CASSANDRA("retry-policy", NO_CASSANDRA),
	CASSANDRA("schema-action", NO_CASSANDRA),
	CASSANDRA("serial-consistency-level", NO_CASSANDRA),
	CASSANDRA("ssl", NO_CASSANDRA),
	CASSANDRA("username", NO_CASSANDRA),
};

/* Default places below inlay.data.directory. */
static const struct {
	const char *setting, *name;
} places[] = {
	{"inlay.secrets.key-file", "master.key"},
	{"inlay.tokens.first-file", "admin-token"},
	{"inlay.datasource.root", "datasource"},
	{"inlay.import.temp-directory", "tmp"},
};

const struct setting *mim_settings_table(size_t *n)
{
	*n = sizeof table / sizeof table[0];
	return table;
}

bool mim_settings_path(const struct settings *s, const char *name, char *out,
		       size_t size)
{
	struct str path = settings_str(s, name);
	struct str base = settings_str(s, "inlay.data.directory");
	int n = -1;
	if (path.p != NULL)
		n = snprintf(out, size, "%.*s", STR_ARG(path));
	for (size_t i = 0; n < 0 && i < sizeof places / sizeof places[0]; i++)
		if (strcmp(places[i].setting, name) == 0)
			n = snprintf(out, size, "%.*s/%s", STR_ARG(base),
				     places[i].name);
	return n >= 0 && (size_t)n < size;
}

struct str mim_settings_store(const struct settings *s)
{
	struct str store = settings_str(s, "inlay.store");
	if (store.p != NULL)
		return store;
	return settings_is_set(s, "spring.data.cassandra.contact-points")
		       ? STR("cassandra")
		       : STR("lmdb");
}

bool mim_settings_networks(const struct settings *s, struct address_networks *out,
			   struct error_list *errors)
{
	static const char name[] = "inlay.net.allow";
	struct str list[ADDRESS_NETWORKS_MAX];
	struct error err;
	size_t n = settings_list(s, name, list, ADDRESS_NETWORKS_MAX);
	bool ok = n <= ADDRESS_NETWORKS_MAX;
	out->n = ok ? n : ADDRESS_NETWORKS_MAX;
	if (!ok)
		error_list_add(errors, ERROR_BAD_VALUE, settings_where(s, name).p,
			       "%s: over %d networks", name, ADDRESS_NETWORKS_MAX);
	for (size_t i = 0; i < out->n; i++)
		if (!address_network_parse(list[i], &out->items[i], &err))
			ok = error_list_add(errors, ERROR_BAD_VALUE,
					    settings_where(s, name).p, "%s: %s", name,
					    err.message);
	return ok;
}

bool mim_settings_check(const struct settings *s, struct error_list *errors,
			struct error_list *warnings)
{
	static const char contact[] = "spring.data.cassandra.contact-points";
	struct address_networks networks;
	struct str contact_at = settings_where(s, contact);
	struct str store_at = settings_where(s, "inlay.store");
	bool cassandra = str_eqz(mim_settings_store(s), "cassandra");
	if (cassandra && settings_str(s, "inlay.store").p == NULL)
		error_list_add(
			errors, ERROR_NOT_BUILT, contact_at.p,
			"contact-points asks for the store cassandra, but " NO_CASSANDRA
			": set inlay.store=lmdb to keep the data here");
	else if (cassandra)
		error_list_add(errors, ERROR_NOT_BUILT, store_at.p,
			       "inlay.store: " NO_CASSANDRA ": allowed is lmdb");
	else if (settings_is_set(s, contact))
		error_list_add(warnings, ERROR_NOT_BUILT, contact_at.p,
			       "%s has no effect, as inlay.store is lmdb", contact);
	mim_settings_networks(s, &networks, errors);
	return error_list_empty(errors);
}
