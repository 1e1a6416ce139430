/* SPDX-License-Identifier: Apache-2.0 */
#include "inlay-lock.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

int inlay_lock_open(const char *path, int flags, const struct mailbox_permissions *perm,
		    const char **error_r)
{
	int fd = open(path, flags | O_RDWR | O_CREAT | O_CLOEXEC,
		      perm->file_create_mode);
	if (fd == -1) {
		*error_r = errno == EACCES
				   ? eacces_error_get_creating("open", path)
				   : t_strdup_printf("open(%s) failed: %m", path);
		return -1;
	}
	struct stat st;
	if (perm->file_create_gid != (gid_t)-1 && fstat(fd, &st) == 0 &&
	    st.st_gid != perm->file_create_gid &&
	    fchown(fd, (uid_t)-1, perm->file_create_gid) < 0 && errno != EPERM)
		i_debug("inlay: fchown(%s) failed: %m", path);
	return fd;
}

int inlay_lock_file(int fd, const char *path, const char **error_r)
{
	/* of the open file, not of the process: a process may have two sessions */
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
		return 1;
	if (errno == EAGAIN || errno == EACCES)
		return 0;
	*error_r = t_strdup_printf("fcntl(%s, F_OFD_SETLK) failed: %m", path);
	return -1;
}

void inlay_lock_release(int fd)
{
	struct flock lock = {.l_type = F_UNLCK, .l_whence = SEEK_SET};
	(void)fcntl(fd, F_OFD_SETLK, &lock);
}

bool inlay_lock_is_at(int fd, const char *path)
{
	struct stat ours, there;
	return fstat(fd, &ours) == 0 && stat(path, &there) == 0 &&
	       ours.st_ino == there.st_ino && ours.st_dev == there.st_dev;
}

int inlay_lock_take(int fd, const char *path, const char **error_r)
{
	int ret = inlay_lock_file(fd, path, error_r);
	return ret > 0 && !inlay_lock_is_at(fd, path) ? 0 : ret;
}

int inlay_lock_try(const char *path, const struct mailbox_permissions *perm, int *fd_r,
		   const char **error_r)
{
	int fd = inlay_lock_open(path, 0, perm, error_r);
	if (fd == -1)
		return -1;
	int ret = inlay_lock_take(fd, path, error_r);
	if (ret > 0)
		*fd_r = fd;
	else
		i_close_fd(&fd);
	return ret;
}
