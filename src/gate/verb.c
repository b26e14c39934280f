/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gate/verb.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

bool verb_pair(int fd[static 2])
{
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fd) == 0;
}

bool verb_send(int fd, enum verb verb, const char *text, int passed)
{
	struct verb_message m = { .verb = verb };
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec iov = { &m, sizeof m };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *c;

	if (text != NULL)
		snprintf(m.text, sizeof m.text, "%s", text);
	if (passed >= 0) {
		msg.msg_control = control.bytes;
		msg.msg_controllen = sizeof control.bytes;
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof passed);
		memcpy(CMSG_DATA(c), &passed, sizeof passed);
	}
	return sendmsg(fd, &msg, MSG_NOSIGNAL) == sizeof m;
}

/* Takes the one descriptor; more cannot come, for there is room for one. */
static int passed_in(struct msghdr *msg)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(msg);
	int fd;

	if (c == NULL || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS ||
	    c->cmsg_len != CMSG_LEN(sizeof fd))
		return -1;
	memcpy(&fd, CMSG_DATA(c), sizeof fd);
	return fd;
}

int verb_receive(int fd, struct verb_message *m, int *passed)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec iov = { m, sizeof *m };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control.bytes, .msg_controllen = sizeof control.bytes,
	};
	ssize_t n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);

	*passed = -1;
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	*passed = passed_in(&msg);
	if (n != sizeof *m || m->verb >= VERBS) { /* the end of the connection too */
		if (*passed >= 0)
			close(*passed);
		return -1;
	}
	m->text[VERB_TEXT - 1] = '\0';
	return 1;
}
