/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "doctor/look.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

void finding_say(struct finding *f, enum health health, const char *fmt, ...)
{
	va_list ap;

	f->health = health;
	va_start(ap, fmt);
	vsnprintf(f->text, sizeof f->text, fmt, ap);
	va_end(ap);
}

void finding_advise(struct finding *f, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(f->advice, sizeof f->advice, fmt, ap);
	va_end(ap);
}

FILE *doctor_open(const struct doctor *d, const char *path)
{
	char full[512];

	if (snprintf(full, sizeof full, "%s%s", d->root, path) >= (int)sizeof full)
		return NULL;
	return fopen(full, "re");
}

bool doctor_number(const struct doctor *d, const char *path, uint64_t *n)
{
	FILE *f = doctor_open(d, path);
	bool ok;

	if (f == NULL)
		return false;
	ok = fscanf(f, "%" SCNu64, n) == 1;
	fclose(f);
	return ok;
}

#define MORE_ROOM 24 /* bytes of " and N more" */

void names_add(struct names *l, const char *name)
{
	size_t used = strlen(l->text), room = sizeof l->text - used;

	l->n++;
	/* Once one is left out, all that follow are: the text stays in order. */
	if (l->shown + 1 < l->n || strlen(name) + MORE_ROOM > room)
		return;
	snprintf(l->text + used, room, "%s%s", used == 0 ? "" : ", ", name);
	l->shown++;
}

const char *names_text(struct names *l)
{
	size_t used = strlen(l->text);

	if (l->shown < l->n)
		snprintf(l->text + used, sizeof l->text - used, " and %u more", l->n - l->shown);
	return l->text;
}

void doctor_interfaces(const struct doctor *d, void (*each)(const struct doctor *, const char *, void *), void *arg)
{
	char path[512];
	struct dirent *e;
	DIR *dir;

	snprintf(path, sizeof path, "%s/sys/class/net", d->root);
	dir = opendir(path);
	if (dir == NULL)
		return;
	while ((e = readdir(dir)) != NULL)
		if (e->d_name[0] != '.' && strcmp(e->d_name, "lo") != 0)
			each(d, e->d_name, arg);
	closedir(dir);
}
