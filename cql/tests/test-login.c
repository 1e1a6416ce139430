/* SPDX-License-Identifier: Apache-2.0 */
/* A server with users, that speaks TLS and asks for the client's certificate. */
#include "cql-unit.h"

/* The files that test_cql.py made. */
static char *pem(const char *name)
{
	char path[4096];
	snprintf(path, sizeof path, "%s/%s", given("INLAY_CQL_PEM"), name);
	FILE *file = fopen(path, "r");
	if (file == NULL)
		fail_msg("no file %s", path);
	static char texts[4][65536];
	static int next;
	char *text = texts[next++ % 4];
	size_t length = fread(text, 1, sizeof texts[0] - 1, file);
	text[length] = '\0';
	fclose(file);
	return text;
}

/* What a client shows and asks for; NULL: nothing. */
struct client {
	const char *ca, *certificate, *key, *password_of_key;
	int flags;
	bool plain; /* no TLS */
	const char *user, *password;
	const char *host; /* another one */
	int port;
};

static const struct client good = {.ca = "ca.pem",
				   .certificate = "client.pem",
				   .key = "client.key",
				   .flags = CASS_SSL_VERIFY_PEER_CERT |
					    CASS_SSL_VERIFY_PEER_IDENTITY,
				   .user = "cassandra",
				   .password = "cassandra"};

static CassCluster *cluster_of(const struct client *client)
{
	CassCluster *cluster = cluster_new();
	if (client->host != NULL) {
		assert_ok(cass_cluster_set_contact_points(cluster, ""));
		assert_ok(cass_cluster_set_contact_points(cluster, client->host));
		assert_ok(cass_cluster_set_port(cluster, client->port));
	}
	if (client->user != NULL)
		cass_cluster_set_credentials(cluster, client->user, client->password);
	if (client->plain)
		return cluster;
	CassSsl *ssl = cass_ssl_new();
	if (client->ca != NULL)
		assert_ok(cass_ssl_add_trusted_cert(ssl, pem(client->ca)));
	if (client->certificate != NULL) {
		assert_ok(cass_ssl_set_cert(ssl, pem(client->certificate)));
		assert_ok(cass_ssl_set_private_key(ssl, pem(client->key),
						   client->password_of_key));
	}
	cass_ssl_set_verify_flags(ssl, client->flags);
	cass_cluster_set_ssl(cluster, ssl);
	/* the cluster keeps what it needs of it */
	cass_ssl_free(ssl);
	return cluster;
}

static void assert_connect(struct client client, CassError want)
{
	CassCluster *cluster = cluster_of(&client);
	CassSession *session = cass_session_new();
	assert_future(cass_session_connect(session, cluster), want);
	cass_session_free(session);
	cass_cluster_free(cluster);
}

static void a_user_with_the_right_password_and_certificate_is_let_in(void **unused)
{
	(void)unused;
	assert_connect(good, CASS_OK);
	struct client client = good;
	client.key = "client-encrypted.key";
	client.password_of_key = "secret of the key";
	assert_connect(client, CASS_OK);
}

static void a_wrong_password_is_told_from_a_host_that_is_away(void **unused)
{
	(void)unused;
	struct client client = good;
	client.password = "wrong";
	assert_connect(client, CASS_ERROR_SERVER_BAD_CREDENTIALS);
	client.user = "nobody";
	assert_connect(client, CASS_ERROR_SERVER_BAD_CREDENTIALS);
	client.user = NULL;
	assert_connect(client, CASS_ERROR_SERVER_BAD_CREDENTIALS);
}

static void a_user_may_do_only_what_was_granted(void **unused)
{
	(void)unused;
	CassCluster *cluster = cluster_of(&good);
	CassSession *session = session_new(cluster);
	run(session,
	    "CREATE ROLE IF NOT EXISTS reader WITH LOGIN = true AND PASSWORD = 'r'");
	cass_session_free(session);
	cass_cluster_free(cluster);

	struct client client = good;
	client.user = "reader";
	client.password = "r";
	cluster = cluster_of(&client);
	session = session_new(cluster);
	CassStatement *s = cass_statement_new(
		"CREATE KEYSPACE x WITH replication = "
		"{'class': 'SimpleStrategy', 'replication_factor': 1}",
		0);
	assert_future(cass_session_execute(session, s), CASS_ERROR_SERVER_UNAUTHORIZED);
	cass_statement_free(s);
	cass_session_free(session);
	cass_cluster_free(cluster);
}

static void a_server_that_nobody_vouches_for_is_refused(void **unused)
{
	(void)unused;
	struct client client = good;
	client.ca = NULL;
	assert_connect(client, CASS_ERROR_SSL_INVALID_PEER_CERT);
	client.ca = "other-ca.pem";
	assert_connect(client, CASS_ERROR_SSL_INVALID_PEER_CERT);
	client.flags = CASS_SSL_VERIFY_PEER_CERT;
	assert_connect(client, CASS_ERROR_SSL_INVALID_PEER_CERT);
	client.flags = CASS_SSL_VERIFY_PEER_IDENTITY;
	assert_connect(client, CASS_ERROR_SSL_INVALID_PEER_CERT);
	client.flags = CASS_SSL_VERIFY_NONE;
	assert_connect(client, CASS_OK);
}

static void a_certificate_of_another_host_is_refused_if_asked_for(void **unused)
{
	(void)unused;
	struct client client = good;
	client.host = "127.0.0.1";
	client.port = (int)strtol(given("INLAY_CQL_OTHER_PORT"), NULL, 10);
	assert_connect(client, CASS_ERROR_SSL_IDENTITY_MISMATCH);
	/* trusted it is: then only what it says is no CQL */
	client.flags = CASS_SSL_VERIFY_PEER_CERT;
	assert_connect(client, CASS_ERROR_LIB_NO_HOSTS_AVAILABLE);
}

static void names_cannot_be_verified_and_are_not_passed_over(void **unused)
{
	(void)unused;
	struct client client = good;
	client.flags = CASS_SSL_VERIFY_PEER_CERT | CASS_SSL_VERIFY_PEER_IDENTITY_DNS;
	assert_connect(client, CASS_ERROR_LIB_NOT_IMPLEMENTED);
}

static void a_client_without_a_certificate_is_not_let_in(void **unused)
{
	(void)unused;
	struct client client = good;
	client.certificate = NULL;
	/* in TLS 1.3 the server says so only after the handshake */
	assert_connect(client, CASS_ERROR_LIB_NO_HOSTS_AVAILABLE);
	client = good;
	client.plain = true;
	assert_connect(client, CASS_ERROR_LIB_NO_HOSTS_AVAILABLE);
}

static void a_key_is_read_with_its_password_only(void **unused)
{
	(void)unused;
	CassSsl *ssl = cass_ssl_new();
	const char *key = pem("client-encrypted.key");
	assert_error(cass_ssl_set_private_key(ssl, key, "wrong"),
		     CASS_ERROR_SSL_INVALID_PRIVATE_KEY);
	/* and nobody is asked at the terminal */
	assert_error(cass_ssl_set_private_key(ssl, key, NULL),
		     CASS_ERROR_SSL_INVALID_PRIVATE_KEY);
	assert_ok(cass_ssl_set_private_key(ssl, key, "secret of the key"));
	cass_ssl_free(ssl);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_user_with_the_right_password_and_certificate_is_let_in),
		cmocka_unit_test(a_wrong_password_is_told_from_a_host_that_is_away),
		cmocka_unit_test(a_user_may_do_only_what_was_granted),
		cmocka_unit_test(a_server_that_nobody_vouches_for_is_refused),
		cmocka_unit_test(a_certificate_of_another_host_is_refused_if_asked_for),
		cmocka_unit_test(names_cannot_be_verified_and_are_not_passed_over),
		cmocka_unit_test(a_client_without_a_certificate_is_not_let_in),
		cmocka_unit_test(a_key_is_read_with_its_password_only),
	};
	return cmocka_run_group_tests_name("cql login", tests, NULL, NULL);
}
