/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who reads which queue. */
#include "doctor/look.h"

#include <dirent.h>
#include <inttypes.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAME_LEN    32 /* the kernel's names of programs have 16 bytes */
#define PATH_LENGTH 320

/* --- the program that holds a netlink port --- */

/* The socket of a port: /proc/net/netlink has its number in the second column and the inode in the last. 0: none. */
static unsigned long socket_of(const struct doctor *d, unsigned port)
{
	FILE *f = doctor_open(d, "/proc/net/netlink");
	unsigned long inode, found = 0;
	unsigned protocol, number;
	char line[256];

	if (f == NULL)
		return 0;
	while (found == 0 && fgets(line, sizeof line, f) != NULL)
		if (sscanf(line, "%*s %u %u %*s %*s %*s %*s %*s %*s %lu", &protocol, &number, &inode) == 3 &&
		    protocol == NETLINK_NETFILTER && number == port)
			found = inode;
	fclose(f);
	return found;
}

static bool holds(const char *folder, const char *wanted)
{
	DIR *dir = opendir(folder);
	char to[64];
	bool found = false;
	struct dirent *e;
	ssize_t n;

	if (dir == NULL)
		return false;
	while (!found && (e = readdir(dir)) != NULL) {
		n = readlinkat(dirfd(dir), e->d_name, to, sizeof to - 1);
		if (n > 0) {
			to[n] = '\0';
			found = strcmp(to, wanted) == 0;
		}
	}
	closedir(dir);
	return found;
}

/* The process that has a socket open; 0 none. */
static unsigned process_of(const struct doctor *d, unsigned long inode)
{
	char path[PATH_LENGTH], wanted[64];
	unsigned found = 0;
	struct dirent *e;
	DIR *dir;

	snprintf(path, sizeof path, "%s/proc", d->root);
	snprintf(wanted, sizeof wanted, "socket:[%lu]", inode);
	dir = opendir(path);
	if (dir == NULL)
		return 0;
	while (found == 0 && (e = readdir(dir)) != NULL) {
		unsigned pid = (unsigned)strtoul(e->d_name, NULL, 10);

		snprintf(path, sizeof path, "%s/proc/%u/fd", d->root, pid);
		if (pid != 0 && holds(path, wanted))
			found = pid;
	}
	closedir(dir);
	return found;
}

static bool name_of(const struct doctor *d, unsigned pid, char name[static NAME_LEN])
{
	char path[64];
	FILE *f;
	bool ok;

	snprintf(path, sizeof path, "/proc/%u/comm", pid);
	f = pid == 0 ? NULL : doctor_open(d, path);
	ok = f != NULL && fscanf(f, "%31s", name) == 1;
	if (f != NULL)
		fclose(f);
	return ok;
}

/* A program's first netlink port is its process number, by the kernel's habit; others say nothing. */
static void holder(const struct doctor *d, unsigned port, char name[static NAME_LEN])
{
	unsigned long inode = socket_of(d, port);

	if (!name_of(d, inode == 0 ? 0 : process_of(d, inode), name) && !name_of(d, port, name))
		snprintf(name, NAME_LEN, "port %u", port);
}

/* --- the check --- */

/* Columns: number, port, waiting, copy mode, copy range, dropped by the queue, dropped for the program. */
void look_queues(const struct doctor *d, struct finding *f)
{
	FILE *in = doctor_open(d, "/proc/net/netfilter/nfnetlink_queue");
	struct names taken = { 0 };
	uint64_t lost = 0, dropped, unread;
	unsigned number, port;
	char line[256], name[NAME_LEN], entry[64];

	if (in == NULL) {
		finding_say(f, HEALTH_WARN, "cannot tell: nfnetlink_queue is not loaded, or this is not root");
		return;
	}
	while (fgets(line, sizeof line, in) != NULL) {
		if (sscanf(line, "%u %u %*u %*u %*u %" SCNu64 " %" SCNu64, &number, &port, &dropped, &unread) != 4)
			continue;
		holder(d, port, name);
		snprintf(entry, sizeof entry, "%u (%s)", number, name);
		names_add(&taken, entry);
		lost += dropped + unread;
	}
	fclose(in);
	if (taken.n == 0) {
		finding_say(f, HEALTH_OK, "none: all are free");
		return;
	}
	finding_say(f, lost == 0 ? HEALTH_OK : HEALTH_WARN, "%s; packets lost at a full queue: %" PRIu64,
	            names_text(&taken), lost);
	finding_advise(f, lost == 0 ? "a queue serves one program: choose others for a second one"
	                            : "more queues (--udp-queue 0:3) or longer ones (--queue-length)");
}
