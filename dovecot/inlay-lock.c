/* SPDX-License-Identifier: Apache-2.0 */
#include "inlay-lock.h"

#include <fcntl.h>
#include <unistd.h>

int inlay_lock_try(const char *path, const struct mailbox_permissions *perm, int *fd_r,
		   const char **error_r)
{
	/* the file stays: removing a lock file races with those who open it */
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, perm->file_create_mode);
	if (fd == -1) {
		*error_r = errno == EACCES
				   ? eacces_error_get_creating("open", path)
				   : t_strdup_printf("open(%s) failed: %m", path);
		return -1;
	}
	/* of the open file, not of the process: a process may have two sessions */
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	if (fcntl(fd, F_OFD_SETLK, &lock) == 0) {
		*fd_r = fd;
		return 1;
	}
	int ret = errno == EAGAIN || errno == EACCES ? 0 : -1;
	if (ret < 0)
		*error_r = t_strdup_printf("fcntl(%s, F_OFD_SETLK) failed: %m", path);
	i_close_fd(&fd);
	return ret;
}

void inlay_unlock(int *fd)
{
	i_close_fd(fd);
}
