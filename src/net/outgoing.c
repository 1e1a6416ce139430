/* SPDX-License-Identifier: Apache-2.0 */
#include "net/outgoing.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

static bool may_connect(struct outgoing *o, const struct sockaddr *a)
{
	if (!o->restricted || address_is_public(a) || address_is_in(o->allowed, a))
		return true;
	o->refused = true;
	return false;
}

static curl_socket_t open_socket(void *ctx, curlsocktype purpose,
				 struct curl_sockaddr *a)
{
	(void)purpose;
	if (!may_connect(ctx, &a->addr))
		return CURL_SOCKET_BAD;
	return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

/* Also for a connection that another request, which may go anywhere, has opened. */
static int before_request(void *ctx, char *peer, char *local, int peer_port,
			  int local_port)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	struct sockaddr_storage a = {0};
	(void)local;
	(void)peer_port;
	(void)local_port;
	if (inet_pton(AF_INET, peer, &v4.sin_addr) == 1)
		memcpy(&a, &v4, sizeof v4);
	else if (inet_pton(AF_INET6, peer, &v6.sin6_addr) == 1)
		memcpy(&a, &v6, sizeof v6);
	return may_connect(ctx, (struct sockaddr *)&a) ? CURL_PREREQFUNC_OK
						       : CURL_PREREQFUNC_ABORT;
}

void outgoing_prepare(CURL *easy, struct outgoing *o)
{
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, o->error);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	/* a name that nobody resolves holds up its own request only */
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_PROXY, ""); /* not that of the environment */
	curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "Inlay");
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
	if (o->ca_file != NULL)
		curl_easy_setopt(easy, CURLOPT_CAINFO, o->ca_file);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, o);
	curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, before_request);
	curl_easy_setopt(easy, CURLOPT_PREREQDATA, o);
}

bool outgoing_add_line(struct curl_slist **headers, const char *line)
{
	struct curl_slist *longer = curl_slist_append(*headers, line);
	if (longer != NULL)
		*headers = longer;
	return longer != NULL;
}

bool outgoing_add_header(struct curl_slist **headers, const char *name,
			 struct str value)
{
	char line[OUTGOING_HEADER_MAX];
	int n = snprintf(line, sizeof line, "%s: %.*s", name, STR_ARG(value));
	return n > 0 && (size_t)n < sizeof line && outgoing_add_line(headers, line);
}

const char *outgoing_why(const struct outgoing *o, CURLcode code)
{
	return o->error[0] != '\0' ? o->error : curl_easy_strerror(code);
}
