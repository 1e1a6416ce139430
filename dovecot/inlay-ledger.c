/* SPDX-License-Identifier: Apache-2.0 */
#include "inlay-ledger.h"

#include "inlay-lock.h"

#include "fdatasync-path.h"
#include "read-full.h"
#include "write-full.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static const unsigned char magic[4] = {'I', 'N', 'L', '1'};

static void put_u32(unsigned char *p, uint32_t value)
{
	for (int i = 3; i >= 0; i--, value >>= 8)
		p[i] = (unsigned char)(value & 0xff);
}

static uint32_t get_u32(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void put_id(unsigned char *p, const char *hex)
{
	for (unsigned int i = 0; i < 32; i++) {
		char c = hex[i];
		unsigned int digit = (unsigned int)(c <= '9' ? c - '0' : c - 'a' + 10);
		p[i / 2] = (unsigned char)(i % 2 == 0 ? digit << 4 : p[i / 2] | digit);
	}
}

static void get_id(const unsigned char *p, char hex[INLAY_ID_SIZE])
{
	static const char digits[] = "0123456789abcdef";
	for (unsigned int i = 0; i < 16; i++) {
		hex[2 * i] = digits[p[i] >> 4];
		hex[2 * i + 1] = digits[p[i] & 15];
	}
	hex[32] = '\0';
}

/* Layout: 0 magic, 4 state, 5 seen, 6 cause, 7 due, 8 acked, 9 again, 10 named, 11
 * zero, 12 instance, 28 guid, 44 uidvalidity, 48 uid, 52 time, 60 CRC-32 of what is
 * before it. */
void inlay_record_encode(const struct inlay_record *record,
			 unsigned char out[INLAY_RECORD_SIZE])
{
	memset(out, 0, INLAY_RECORD_SIZE);
	memcpy(out, magic, sizeof(magic));
	out[4] = record->state;
	out[5] = record->seen ? 1 : 0;
	out[6] = record->cause;
	out[7] = record->due;
	out[8] = record->acked;
	out[9] = record->again ? 1 : 0;
	out[10] = record->named ? 1 : 0;
	put_id(out + 12, record->instance);
	put_id(out + 28, record->guid);
	put_u32(out + 44, record->uid_validity);
	put_u32(out + 48, record->uid);
	put_u32(out + 52, (uint32_t)((uint64_t)record->time >> 32));
	put_u32(out + 56, (uint32_t)((uint64_t)record->time & 0xffffffff));
	put_u32(out + 60, crc32_data(out, 60));
}

bool inlay_record_decode(const unsigned char in[INLAY_RECORD_SIZE],
			 struct inlay_record *record_r)
{
	if (memcmp(in, magic, sizeof(magic)) != 0 ||
	    get_u32(in + 60) != crc32_data(in, 60))
		return FALSE;
	if (in[4] < INLAY_STATE_PREPARED || in[4] > INLAY_STATE_UNCERTAIN)
		return FALSE;
	i_zero(record_r);
	record_r->state = in[4];
	record_r->seen = in[5] != 0;
	record_r->cause = in[6];
	record_r->due = in[7];
	record_r->acked = in[8];
	record_r->again = in[9] != 0;
	record_r->named = in[10] != 0;
	get_id(in + 12, record_r->instance);
	get_id(in + 28, record_r->guid);
	record_r->uid_validity = get_u32(in + 44);
	record_r->uid = get_u32(in + 48);
	record_r->time = (int64_t)((uint64_t)get_u32(in + 52) << 32 | get_u32(in + 56));
	return TRUE;
}

void inlay_ledger_init(struct inlay_ledger *ledger)
{
	i_zero(ledger);
	i_array_init(&ledger->records, 8);
}

void inlay_ledger_free(struct inlay_ledger *ledger)
{
	array_free(&ledger->records);
}

struct inlay_record *inlay_ledger_by_instance(struct inlay_ledger *ledger,
					      const char *instance)
{
	struct inlay_record *record;
	array_foreach_modifiable (&ledger->records, record) {
		if (strcmp(record->instance, instance) == 0)
			return record;
	}
	return NULL;
}

struct inlay_record *inlay_ledger_by_guid(struct inlay_ledger *ledger, const char *guid)
{
	struct inlay_record *record;
	array_foreach_modifiable (&ledger->records, record) {
		if (strcmp(record->guid, guid) == 0)
			return record;
	}
	return NULL;
}

/* The newest change of an instance is at the end of the list. */
static void ledger_put(struct inlay_ledger *ledger, const struct inlay_record *record)
{
	struct inlay_record copy = *record;
	struct inlay_record *old = inlay_ledger_by_instance(ledger, copy.instance);
	if (old != NULL)
		array_delete(&ledger->records,
			     (unsigned int)(old - array_front(&ledger->records)), 1);
	array_push_back(&ledger->records, &copy);
}

/* How far the file is written, in bytes: what is behind are zeros. */
static size_t written_size(const unsigned char *p, size_t size)
{
	while (size > 0 && p[size - 1] == 0)
		size--;
	return size;
}

void inlay_ledger_fold(struct inlay_ledger *ledger, const void *bytes, size_t size)
{
	const unsigned char *p = bytes;
	size_t written = written_size(p, size);
	struct inlay_record record;

	ledger->room = (unsigned int)(size / INLAY_RECORD_SIZE);
	/* a checksum may end with zeros, the rest of it is then there */
	for (; ledger->lines < ledger->room &&
	       written > ledger->lines * INLAY_RECORD_SIZE;
	     ledger->lines++, p += INLAY_RECORD_SIZE) {
		if (inlay_record_decode(p, &record)) {
			ledger_put(ledger, &record);
			ledger->settled |= record.named;
		} else if (written > (ledger->lines + 1) * INLAY_RECORD_SIZE)
			ledger->bad++;
		else
			break; /* the last one, which may be half written */
	}
	ledger->torn = written > ledger->lines * INLAY_RECORD_SIZE;
}

int inlay_ledger_read_file(struct inlay_ledger *ledger, int fd, const char *path,
			   const char **error_r)
{
	struct stat st;

	if (fstat(fd, &st) < 0) {
		*error_r = t_strdup_printf("fstat(%s) failed: %m", path);
		return -1;
	}
	if (st.st_size > INLAY_LEDGER_MAX) {
		*error_r = t_strdup_printf("%s is %lld bytes long: not a ledger", path,
					   (long long)st.st_size);
		return -1;
	}
	size_t size = (size_t)st.st_size;
	unsigned char *bytes = i_malloc(size + 1);
	ssize_t ret = size == 0 ? 1 : pread_full(fd, bytes, size, 0);
	/* 0: somebody has made it shorter meanwhile, which is not done to a ledger */
	if (ret > 0)
		inlay_ledger_fold(ledger, bytes, size);
	else
		*error_r = t_strdup_printf("read(%s) failed: %s", path,
					   ret < 0 ? strerror(errno) : "too short");
	i_free(bytes);
	return ret > 0 ? 0 : -1;
}

int inlay_ledger_read(struct inlay_ledger *ledger, const char *path,
		      const char **error_r)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd == -1) {
		if (errno == ENOENT)
			return 0;
		*error_r = t_strdup_printf("open(%s) failed: %m", path);
		return -1;
	}
	int ret = inlay_ledger_read_file(ledger, fd, path, error_r);
	i_close_fd(&fd);
	return ret < 0 ? -1 : 1;
}

static int sync_directory_of(const char *path, const char **error_r)
{
	const char *slash = strrchr(path, '/');
	const char *directory = slash == NULL ? "." : t_strdup_until(path, slash);
	if (fdatasync_path(directory) == 0)
		return 0;
	*error_r = t_strdup_printf("fdatasync(%s) failed: %m", directory);
	return -1;
}

/* The bytes of the newest instances, and places up to the end of a block. The file that
 * they are for has no name yet that lasts. */
static buffer_t *newest(const struct inlay_ledger *ledger, unsigned int first)
{
	buffer_t *bytes = t_buffer_create((INLAY_LEDGER_KEEP + 1) * INLAY_RECORD_SIZE);

	for (unsigned int i = first; i < array_count(&ledger->records); i++) {
		struct inlay_record record = *array_idx(&ledger->records, i);
		record.named = FALSE;
		inlay_record_encode(
			&record, buffer_append_space_unsafe(bytes, INLAY_RECORD_SIZE));
	}
	buffer_append_zero(bytes,
			   INLAY_LEDGER_BLOCK - bytes->used % INLAY_LEDGER_BLOCK);
	return bytes;
}

/* Writes the newest instances into a new file and puts it, locked, in the old one's
 * place. */
int inlay_ledger_rewrite(struct inlay_ledger *ledger, int *fd, const char *path,
			 const struct mailbox_permissions *perm, const char **error_r)
{
	const char *new_path = t_strconcat(path, ".new", NULL);
	unsigned int count = array_count(&ledger->records);
	unsigned int first = count > INLAY_LEDGER_KEEP ? count - INLAY_LEDGER_KEEP : 0;
	const buffer_t *bytes = newest(ledger, first);
	int ret;
	int new_fd = inlay_lock_open(new_path, O_TRUNC, perm, error_r);
	if (new_fd == -1)
		return -1;
	ret = inlay_lock_file(new_fd, new_path, error_r);
	if (ret == 0)
		*error_r = t_strdup_printf("%s is locked", new_path);
	if (ret > 0 && (write_full(new_fd, bytes->data, bytes->used) < 0 ||
			fdatasync(new_fd) < 0)) {
		*error_r = t_strdup_printf("write(%s) failed: %m", new_path);
		ret = -1;
	}
	if (ret > 0 && rename(new_path, path) < 0) {
		*error_r = t_strdup_printf("rename(%s) failed: %m", new_path);
		ret = -1;
	}
	if (ret <= 0) {
		i_close_fd(&new_fd);
		i_unlink_if_exists(new_path);
		return -1;
	}
	i_close_fd(fd);
	*fd = new_fd;
	array_delete(&ledger->records, 0, first);
	ledger->lines = count - first;
	ledger->room = (unsigned int)(bytes->used / INLAY_RECORD_SIZE);
	ledger->bad = 0;
	ledger->torn = FALSE;
	ledger->unsynced = ledger->unnamed = TRUE;
	ledger->named = ledger->settled = FALSE;
	return inlay_ledger_sync(ledger, *fd, path, error_r);
}

/* Who made the file, or gave it its name, may have been killed before that was durable.
 * Nobody was if a record says that it was written later. */
static bool may_be_unnamed(const struct inlay_ledger *ledger)
{
	return ledger->unnamed || (!ledger->named && !ledger->settled);
}

/* Behind the last whole record, over what is torn there, which is no longer than one.
 * Where the file ends, a block is added. */
static int write_record(struct inlay_ledger *ledger, int fd, const char *path,
			const unsigned char record[INLAY_RECORD_SIZE],
			const char **error_r)
{
	unsigned char block[INLAY_LEDGER_BLOCK] = {0};
	size_t at = (size_t)ledger->lines * INLAY_RECORD_SIZE;

	size_t end = (size_t)ledger->room * INLAY_RECORD_SIZE;
	size_t size = at < end ? INLAY_RECORD_SIZE
			       : INLAY_LEDGER_BLOCK - at % INLAY_LEDGER_BLOCK;
	memcpy(block, record, INLAY_RECORD_SIZE);
	if (pwrite_full(fd, block, size, (off_t)at) < 0) {
		*error_r = t_strdup_printf("write(%s) failed: %m", path);
		/* no half of a block stays behind */
		if (ftruncate(fd, (off_t)end) < 0)
			*error_r =
				t_strdup_printf("%s, nor can it be cut: %m", *error_r);
		return -1;
	}
	ledger->torn = FALSE;
	ledger->room = (unsigned int)(I_MAX(end, at + size) / INLAY_RECORD_SIZE);
	return 0;
}

int inlay_ledger_append(struct inlay_ledger *ledger, int *fd, const char *path,
			const struct mailbox_permissions *perm,
			const struct inlay_record *record, const char **error_r)
{
	unsigned char bytes[INLAY_RECORD_SIZE];
	struct inlay_record copy = *record;

	if (ledger->lines >= INLAY_LEDGER_LONG) {
		ledger_put(ledger, record);
		return inlay_ledger_rewrite(ledger, fd, path, perm, error_r);
	}
	copy.named = !may_be_unnamed(ledger);
	inlay_record_encode(&copy, bytes);
	if (write_record(ledger, *fd, path, bytes, error_r) < 0)
		return -1;
	ledger->unsynced = TRUE;
	ledger->unnamed = !copy.named;
	ledger->lines++;
	ledger_put(ledger, &copy);
	return 0;
}

void inlay_ledger_start_sync(const struct inlay_ledger *ledger, int fd)
{
	if (ledger->unsynced)
		(void)sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
}

int inlay_ledger_sync(struct inlay_ledger *ledger, int fd, const char *path,
		      const char **error_r)
{
	if (ledger->unsynced && fdatasync(fd) < 0) {
		*error_r = t_strdup_printf("fdatasync(%s) failed: %m", path);
		return -1;
	}
	ledger->unsynced = FALSE;
	if (ledger->unnamed) {
		if (sync_directory_of(path, error_r) < 0)
			return -1;
		ledger->named = TRUE;
	}
	ledger->unnamed = FALSE;
	return 0;
}

int inlay_ledger_make_room(struct inlay_ledger *ledger, int fd, const char *path,
			   const char **error_r)
{
	static const unsigned char zeros[INLAY_LEDGER_BLOCK];

	if (ledger->lines > 0 || ledger->torn) {
		ledger->unsynced = ledger->unnamed = may_be_unnamed(ledger);
		return 0;
	}
	if (ledger->room == 0 && pwrite_full(fd, zeros, sizeof(zeros), 0) < 0) {
		*error_r = t_strdup_printf("write(%s) failed: %m", path);
		/* an empty one is as good; no half of a block stays behind */
		if (ftruncate(fd, 0) < 0)
			*error_r =
				t_strdup_printf("%s, nor can it be cut: %m", *error_r);
		return -1;
	}
	ledger->room = I_MAX(ledger->room, INLAY_LEDGER_BLOCK / INLAY_RECORD_SIZE);
	/* who made it may have been killed before it was durable */
	ledger->unsynced = ledger->unnamed = TRUE;
	return 0;
}
