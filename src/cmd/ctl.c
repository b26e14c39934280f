/* SPDX-License-Identifier: GPL-3.0-or-later */
/* squelch ctl: asks and steers a running watch or block. */
#include "cmd/cmd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/exit.h"
#include "base/log.h"
#include "cmd/options.h"
#include "gate/ctl.h"

#define ANSWER_S 30 /* a reload with large rules and many flows takes seconds */

struct ctl_conf {
	const char *socket;
};

static const struct option_row rows[] = {
	{ "socket", 's', OPTION_TEXT, "PATH", offsetof(struct ctl_conf, socket), "of the program (" CTL_PATH ")" },
	{ 0 },
};

static const char usage[] =
    "ctl [--socket PATH] COMMAND\n"
    "\n"
    "Asks and steers a running squelch watch or squelch block:\n"
    "\n"
    "  calls      calls that are alive\n"
    "  flows      flows that are alive\n"
    "  kill ID    cut one call or flow now\n"
    "  stats      counters since the start\n"
    "  reload     read the rules and open the file of events anew\n"
    "  help       the commands of the program that runs";

/* The words of the command as one line; false when it is too long or would be two. */
static bool make_line(char line[static CTL_LINE_MAX], char **words, int n)
{
	size_t len = 0;

	for (int i = 0; i < n; i++) {
		int more = snprintf(line + len, CTL_LINE_MAX - len, "%s%s", words[i], i + 1 < n ? " " : "\n");

		if (more < 0 || (size_t)more >= CTL_LINE_MAX - len || strchr(words[i], '\n') != NULL)
			return false;
		len += (size_t)more;
	}
	return true;
}

static int connect_to(const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	struct timeval wait = { .tv_sec = ANSWER_S };
	int fd;

	if (strlen(path) >= sizeof to.sun_path) {
		log_warnx("ctl", "%s: too long for a socket", path);
		return -1;
	}
	memcpy(to.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait) == 0 &&
	    connect(fd, (struct sockaddr *)&to, sizeof to) == 0)
		return fd;
	log_warn("ctl", "%s", path);
	if (fd >= 0)
		close(fd);
	return -1;
}

/* Prints lines up to the last, which says how it went. */
static int print_answer(FILE *from)
{
	char *line = NULL;
	size_t room = 0;
	int code = EXIT_SOURCE;

	while (code == EXIT_SOURCE && getline(&line, &room, from) > 0) {
		if (strcmp(line, ".\n") == 0) {
			code = EXIT_OK;
		} else if (strncmp(line, "! ", 2) == 0) {
			fprintf(stderr, "squelch: ctl: %s", line + 2);
			code = EXIT_OTHER;
		} else {
			fputs(line, stdout);
		}
	}
	if (code == EXIT_SOURCE)
		log_warnx("ctl", "the program did not answer to the end");
	if (fflush(stdout) != 0) {
		log_warn("ctl", "writing");
		code = EXIT_FILE;
	}
	free(line);
	return code;
}

static int ask(const char *path, const char *line)
{
	int fd = connect_to(path), code = EXIT_SOURCE;
	FILE *from;

	if (fd < 0)
		return EXIT_SOURCE;
	if (send(fd, line, strlen(line), MSG_NOSIGNAL) != (ssize_t)strlen(line) || (from = fdopen(fd, "r")) == NULL) {
		log_warn("ctl", "%s", path);
		close(fd);
		return EXIT_SOURCE;
	}
	code = print_answer(from);
	fclose(from);
	return code;
}

int cmd_ctl(int argc, char **argv)
{
	struct ctl_conf c = { .socket = CTL_PATH };
	const struct option_table tables[] = { { rows, &c }, { 0 } };
	char line[CTL_LINE_MAX];
	int first = options_parse(tables, argc, argv, usage);

	if (first < 0)
		return first == OPTIONS_HELP ? EXIT_OK : EXIT_USAGE;
	if (first == argc || !make_line(line, argv + first, argc - first)) {
		log_warnx("ctl", "%s", first == argc ? "which command?" : "that is no command");
		return EXIT_USAGE;
	}
	return ask(c.socket, line);
}
