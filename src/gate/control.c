/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gate/control.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"

#define CONTROL_MODE   0660
#define FOLDER_MODE    0755
#define CONTROL_WAITING 8   /* clients not yet let in */

/* The folder of the path, one level: /run/squelch is ours. */
static void make_folder(const char *path)
{
	char folder[sizeof ((struct sockaddr_un *)0)->sun_path];
	const char *slash = strrchr(path, '/');

	if (slash == NULL || slash == path)
		return;
	memcpy(folder, path, (size_t)(slash - path));
	folder[slash - path] = '\0';
	(void)mkdir(folder, FOLDER_MODE);
}

static bool open_for(const char *path, gid_t group)
{
	return chmod(path, CONTROL_MODE) == 0 && chown(path, 0, group) == 0;
}

int control_listen(const char *path, gid_t group)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	mode_t before;
	int fd;
	bool ok;

	if (path == NULL || path[0] == '\0')
		return -1;
	if (strlen(path) >= sizeof at.sun_path) {
		log_warnx("control", "%s: the path is too long", path);
		return -1;
	}
	memcpy(at.sun_path, path, strlen(path));
	make_folder(path);
	(void)unlink(path); /* of a run that was killed */
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	before = umask(0177);
	ok = fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof at) == 0;
	umask(before);
	if (ok && open_for(path, group) && listen(fd, CONTROL_WAITING) == 0)
		return fd;
	log_warn("control", "%s", path);
	if (fd >= 0)
		close(fd);
	return -1;
}

void control_close(const char *path, int fd)
{
	if (fd < 0)
		return;
	close(fd);
	(void)unlink(path);
}
