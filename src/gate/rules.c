/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gate/rules.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/log.h"

#define RULES_BYTES_MAX (16u << 20) /* more is no rules file */

static char *read_all(int fd)
{
	char *text = malloc(RULES_BYTES_MAX + 1), *fit;
	size_t len = 0;
	ssize_t n = -1;

	while (text != NULL && len < RULES_BYTES_MAX && (n = read(fd, text + len, RULES_BYTES_MAX - len)) > 0)
		len += (size_t)n;
	if (n != 0 || text == NULL) {
		if (n > 0)
			errno = EFBIG;
		free(text);
		return NULL;
	}
	text[len] = '\0';
	if (memchr(text, '\0', len) != NULL) {
		errno = EILSEQ;
		free(text);
		return NULL;
	}
	fit = realloc(text, len + 1);
	return fit != NULL ? fit : text;
}

char *rules_read(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *text = fd < 0 ? NULL : read_all(fd);

	if (text == NULL)
		log_warn("rules", "%s", path);
	if (fd >= 0)
		close(fd);
	return text;
}

char *rules_receive(int fd)
{
	char *text = lseek(fd, 0, SEEK_SET) < 0 ? NULL : read_all(fd);

	if (text == NULL)
		log_warn("rules", "reading them");
	close(fd);
	return text;
}

int rules_pack(const char *text)
{
	size_t len = strlen(text), done = 0;
	int fd = memfd_create("rules", MFD_CLOEXEC);

	while (fd >= 0 && done < len) {
		ssize_t n = write(fd, text + done, len - done);

		if (n < 0) {
			close(fd);
			return -1;
		}
		done += (size_t)n;
	}
	return fd;
}

struct policy *rules_parse(const struct gate_conf *conf, const char *text, char *first, size_t size)
{
	struct policy *policy;
	char *errors = NULL;
	size_t len = 0;
	FILE *to = open_memstream(&errors, &len);

	policy = text == NULL ? policy_default() : policy_parse(text, conf->rules, to != NULL ? to : stderr);
	if (to != NULL)
		fclose(to);
	if (errors != NULL)
		fputs(errors, stderr);
	if (first != NULL)
		snprintf(first, size, "%.*s", errors == NULL ? 0 : (int)strcspn(errors, "\n"), errors == NULL ? "" : errors);
	free(errors);
	if (policy != NULL)
		policy_set_act_bits(policy, conf->act_bits);
	return policy;
}
