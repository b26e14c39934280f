/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "source/paths.h"

#define PATHS_FIRST 16 /* entries; doubled when full */

static bool path_add(struct paths *p, const char *name, bool named, int error)
{
	char *copy;

	if (p->n == p->room) {
		size_t room = p->room == 0 ? PATHS_FIRST : p->room * 2;
		struct path *list = reallocarray(p->list, room, sizeof *list);

		if (list == NULL)
			return false;
		p->list = list;
		p->room = room;
	}
	if ((copy = strdup(name)) == NULL)
		return false;
	p->list[p->n++] = (struct path){ copy, named, error };
	return true;
}

static bool path_add_file(struct paths *p, const char *name, const struct stat *st, bool named)
{
	if (S_ISREG(st->st_mode))
		p->bytes += (uint64_t)st->st_size;
	else
		p->endless = true;
	return path_add(p, name, named, 0);
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

/*
 * One entry of a folder. Links to files are followed, links to folders are not
 * (they may lead in circles); devices, sockets and pipes are no captures, and
 * opening one could wait for ever.
 */
static bool walk_entry(struct paths *p, const FTSENT *e)
{
	struct stat st;

	switch (e->fts_info) {
	case FTS_F:
		return path_add_file(p, e->fts_path, e->fts_statp, false);
	case FTS_SL:
		return stat(e->fts_path, &st) != 0 || !S_ISREG(st.st_mode) ||
		    path_add_file(p, e->fts_path, &st, false);
	case FTS_DNR:
	case FTS_ERR:
	case FTS_NS:
		return path_add(p, e->fts_path, false, e->fts_errno);
	default:
		return true;
	}
}

static bool walk(struct paths *p, const char *folder)
{
	char *name = strdup(folder);
	char *const roots[] = { name, NULL };
	FTS *fts = name == NULL ? NULL
	    : fts_open(roots, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, by_name);
	const FTSENT *e;
	bool ok = fts != NULL;

	while (ok && (e = fts_read(fts)) != NULL)
		ok = walk_entry(p, e);
	if (fts != NULL)
		fts_close(fts);
	free(name);
	return ok;
}

bool paths_add_endless(struct paths *p, const char *name)
{
	p->endless = true;
	return path_add(p, name, true, 0);
}

bool paths_add(struct paths *p, const char *name)
{
	struct stat st;

	if (strcmp(name, "-") == 0)
		return paths_add_endless(p, name);
	if (stat(name, &st) != 0)
		return path_add(p, name, true, errno);
	if (S_ISDIR(st.st_mode))
		return walk(p, name);
	return path_add_file(p, name, &st, true);
}

void paths_free(struct paths *p)
{
	for (size_t i = 0; i < p->n; i++)
		free(p->list[i].name);
	free(p->list);
	*p = (struct paths){ 0 };
}
