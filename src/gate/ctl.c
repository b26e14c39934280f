/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gate/ctl.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define SOCKET_MODE 0660
#define BACKLOG     CTL_CLIENTS_MAX
#define ROOM_FIRST  4096 /* bytes an answer begins with */
#define ROOM_LAST   256  /* bytes kept for its last lines */

struct ctl_reply {
	char *text;
	size_t len, room, sent;
	uint64_t more;             /* lines that found no room */
};

struct client {
	int fd;                    /* -1: free */
	char line[CTL_LINE_MAX];
	size_t len;
	uint64_t heard_ns;         /* when it last sent or took something */
	struct ctl_reply reply;
};

struct ctl {
	int fd;
	const struct ctl_ops *ops;
	void *arg;
	struct client client[CTL_CLIENTS_MAX];
};

/* --- answers --- */

static bool reply_grow(struct ctl_reply *r, size_t need)
{
	size_t room = r->room == 0 ? ROOM_FIRST : r->room;
	char *text;

	while (room < need)
		room *= 2;
	if (room == r->room)
		return true;
	text = realloc(r->text, room);
	if (text == NULL)
		return false;
	r->text = text;
	r->room = room;
	return true;
}

/* Names on the wire are hostile, and a terminal obeys what it is sent. */
static void make_harmless(char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		/* C0, DEL, and C1 as UTF-8 writes it */
		if (c < 0x20 || c == 0x7f || (i > 0 && (c & 0xe0) == 0x80 && (unsigned char)text[i - 1] == 0xc2))
			text[i] = '?';
	}
}

static bool reply_add(struct ctl_reply *r, const char *fmt, va_list args, size_t max)
{
	va_list again;
	int n;

	va_copy(again, args);
	n = vsnprintf(NULL, 0, fmt, args);
	if (n < 0 || r->len + (size_t)n + 2 > max || !reply_grow(r, r->len + (size_t)n + 2)) {
		va_end(again);
		r->more++;
		return false;
	}
	vsnprintf(r->text + r->len, (size_t)n + 1, fmt, again);
	va_end(again);
	make_harmless(r->text + r->len, (size_t)n);
	r->len += (size_t)n;
	r->text[r->len++] = '\n';
	return true;
}

bool ctl_say(struct ctl_reply *r, const char *fmt, ...)
{
	va_list args;
	bool ok;

	va_start(args, fmt);
	ok = reply_add(r, fmt, args, CTL_ANSWER_MAX - ROOM_LAST);
	va_end(args);
	return ok;
}

__attribute__((format(printf, 2, 3)))
static void say_last(struct ctl_reply *r, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	reply_add(r, fmt, args, CTL_ANSWER_MAX);
	va_end(args);
}

/* --- commands --- */

static const char *run_help(struct ctl *, const char *rest, struct ctl_reply *);

static const char *run_kill(struct ctl *c, const char *rest, struct ctl_reply *r)
{
	if (*rest == '\0')
		return "kill what? calls and flows tell the ids";
	return c->ops->kill(c->arg, rest, r);
}

#define SIMPLE(name) \
	static const char *run_##name(struct ctl *c, const char *rest, struct ctl_reply *r) \
	{ \
		(void)rest; \
		return c->ops->name(c->arg, r); \
	} \
	struct ctl
SIMPLE(calls);
SIMPLE(flows);
SIMPLE(stats);
SIMPLE(reload);
#undef SIMPLE

#define OP(member) offsetof(struct ctl_ops, member)
#define NO_OP SIZE_MAX
static const struct command {
	const char *word;
	const char *(*run)(struct ctl *, const char *rest, struct ctl_reply *);
	size_t op;                 /* offset of what the owner must have for it */
	const char *arg, *help;
} commands[] = {
	{ "calls", run_calls, OP(calls), "", "calls that are alive" },
	{ "flows", run_flows, OP(flows), "", "flows that are alive" },
	{ "kill", run_kill, OP(kill), " ID", "cut one call or flow now" },
	{ "stats", run_stats, OP(stats), "", "counters since the start" },
	{ "reload", run_reload, OP(reload), "", "read the rules and open the file of events anew" },
	{ "help", run_help, NO_OP, "", "this list" },
};
#define N_COMMANDS (sizeof commands / sizeof *commands)

static bool command_there(const struct ctl *c, const struct command *cmd)
{
	static const void *const none;

	return cmd->op == NO_OP || memcmp((const char *)c->ops + cmd->op, &none, sizeof none) != 0;
}

static const char *run_help(struct ctl *c, const char *rest, struct ctl_reply *r)
{
	(void)rest;
	for (size_t i = 0; i < N_COMMANDS; i++)
		if (command_there(c, &commands[i]))
			ctl_say(r, "%s%s%*s%s", commands[i].word, commands[i].arg,
			    (int)(12 - strlen(commands[i].word) - strlen(commands[i].arg)), "", commands[i].help);
	return NULL;
}

static const char *run_line(struct ctl *c, char *line, struct ctl_reply *r)
{
	size_t len = strcspn(line, " \t");
	char *rest = line + len + strspn(line + len, " \t");

	for (size_t i = 0; i < N_COMMANDS; i++)
		if (strlen(commands[i].word) == len && strncmp(commands[i].word, line, len) == 0 &&
		    command_there(c, &commands[i]))
			return commands[i].run(c, rest, r);
	return "no such command; help lists them";
}

static void answer(struct ctl *c, char *line, struct ctl_reply *r)
{
	const char *wrong;

	r->len = r->sent = r->more = 0;
	line[strcspn(line, "\r")] = '\0';
	wrong = run_line(c, line, r);
	if (r->more != 0)
		say_last(r, "... and %llu more", (unsigned long long)r->more);
	if (wrong == NULL)
		say_last(r, ".");
	else
		say_last(r, "! %.200s", wrong);
}

/* --- clients --- */

static void client_close(struct client *k)
{
	if (k->fd >= 0)
		close(k->fd);
	free(k->reply.text);
	*k = (struct client){ .fd = -1 };
}

static bool would_block(ssize_t n)
{
	return n < 0 && (errno == EAGAIN || errno == EINTR);
}

/* True when the whole answer was taken. */
static bool client_write(struct client *k, uint64_t now_ns)
{
	struct ctl_reply *r = &k->reply;

	while (r->sent < r->len) {
		ssize_t n = send(k->fd, r->text + r->sent, r->len - r->sent, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n <= 0) {
			if (!would_block(n))
				client_close(k);
			return false;
		}
		r->sent += (size_t)n;
		k->heard_ns = now_ns;
	}
	free(r->text); /* between commands a client costs nothing */
	*r = (struct ctl_reply){ 0 };
	return true;
}

/* Runs the first whole line there is; false when there is none. */
static bool client_run(struct ctl *c, struct client *k)
{
	char *end = memchr(k->line, '\n', k->len), line[CTL_LINE_MAX];
	size_t used;

	if (end == NULL)
		return false;
	used = (size_t)(end + 1 - k->line);
	memcpy(line, k->line, used);
	line[used - 1] = '\0';
	k->len -= used;
	memmove(k->line, end + 1, k->len);
	answer(c, line, &k->reply);
	if (k->reply.len == 0) /* no memory to answer: an end is better than silence */
		client_close(k);
	return k->fd >= 0;
}

static bool client_read(struct client *k, uint64_t now_ns)
{
	ssize_t n;

	if (k->len == sizeof k->line) { /* no command is that long */
		client_close(k);
		return false;
	}
	n = recv(k->fd, k->line + k->len, sizeof k->line - k->len, MSG_DONTWAIT);
	if (n > 0) {
		k->len += (size_t)n;
		k->heard_ns = now_ns;
	} else if (!would_block(n)) {
		client_close(k);
	}
	return n > 0;
}

/* An answer goes out before the next command is looked at. */
static void client_step(struct ctl *c, struct client *k, uint64_t now_ns)
{
	do {
		if (k->reply.len != 0 && !client_write(k, now_ns))
			break;
	} while (client_run(c, k) || (k->fd >= 0 && client_read(k, now_ns)));
	if (k->fd >= 0 && now_ns - k->heard_ns > CTL_IDLE_NS)
		client_close(k);
}

static void accept_client(struct ctl *c, uint64_t now_ns)
{
	for (unsigned i = 0; i < CTL_CLIENTS_MAX; i++) {
		struct client *k = &c->client[i];

		if (k->fd >= 0)
			continue;
		k->fd = accept4(c->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (k->fd < 0)
			return;
		k->heard_ns = now_ns;
	}
}

/* --- the server --- */

struct ctl *ctl_new(int listen_fd, const struct ctl_ops *ops, void *arg)
{
	struct ctl *c = calloc(1, sizeof *c);

	if (c == NULL) {
		close(listen_fd);
		return NULL;
	}
	c->fd = listen_fd;
	c->ops = ops;
	c->arg = arg;
	for (unsigned i = 0; i < CTL_CLIENTS_MAX; i++)
		c->client[i].fd = -1;
	return c;
}

void ctl_free(struct ctl *c)
{
	if (c == NULL)
		return;
	for (unsigned i = 0; i < CTL_CLIENTS_MAX; i++)
		client_close(&c->client[i]);
	close(c->fd);
	free(c);
}

/* With all places taken nobody new is waited for: the kernel's queue holds them, and it is bounded. */
unsigned ctl_poll_fds(const struct ctl *c, struct pollfd fds[static CTL_POLL_MAX])
{
	unsigned n = 0;

	for (unsigned i = 0; i < CTL_CLIENTS_MAX; i++)
		if (c->client[i].fd >= 0)
			fds[n++] = (struct pollfd){ .fd = c->client[i].fd,
				.events = c->client[i].reply.len != 0 ? POLLOUT : POLLIN };
	if (n < CTL_CLIENTS_MAX)
		fds[n++] = (struct pollfd){ .fd = c->fd, .events = POLLIN };
	return n;
}

void ctl_step(struct ctl *c, uint64_t now_ns)
{
	accept_client(c, now_ns);
	for (unsigned i = 0; i < CTL_CLIENTS_MAX; i++)
		if (c->client[i].fd >= 0)
			client_step(c, &c->client[i], now_ns);
}

/* --- the socket --- */

static int socket_at(const char *path, struct sockaddr_un *to)
{
	*to = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof to->sun_path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(to->sun_path, path, strlen(path));
	return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/* Removes a socket nobody listens at any more; false when something else is there. */
static bool clear_way(const char *path)
{
	struct sockaddr_un to;
	struct stat st;
	bool dead;
	int fd;

	if (lstat(path, &st) != 0)
		return errno == ENOENT;
	errno = EADDRINUSE;
	if (!S_ISSOCK(st.st_mode) || (fd = socket_at(path, &to)) < 0)
		return false;
	dead = connect(fd, (struct sockaddr *)&to, sizeof to) != 0 && errno == ECONNREFUSED;
	close(fd);
	errno = EADDRINUSE;
	return dead && unlink(path) == 0;
}

int ctl_listen(const char *path)
{
	struct sockaddr_un to;
	int fd = socket_at(path, &to), e;
	mode_t before;
	bool ok;

	if (fd < 0)
		return -1;
	before = umask(0777 & ~SOCKET_MODE); /* nobody may connect between bind and chmod */
	ok = clear_way(path) && bind(fd, (struct sockaddr *)&to, sizeof to) == 0 && listen(fd, BACKLOG) == 0;
	e = errno;
	umask(before);
	if (ok)
		return fd;
	close(fd);
	errno = e;
	return -1;
}
