/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/app.h"

#include <assert.h>
#include <stddef.h>

#define ROWS(table) (sizeof(table) / sizeof *(table))

/* A row of the public list of applications. */
struct app_row {
	const char *name;
	const char *what;
	enum app_kind kind;
	enum category category;
};

static const char *const class_names[] = {
	[CLASS_NONE] = NULL,
	[CLASS_CONTROL] = "control",
	[CLASS_STREAMING] = "streaming",
	[CLASS_ICE] = "ice",
	[CLASS_SIGNALLING] = "signalling",
	[CLASS_MEDIA] = "media",
};
static_assert(ROWS(class_names) == CLASS_COUNT, "name every class");

static const struct app_row apps[] = {
	[APP_NONE] = { NULL, NULL, APP_KIND_CARRIER, CATEGORY_NONE },
#define X(id, name, kind, category, what) \
	[APP_##id] = { name, what, APP_KIND_##kind, CATEGORY_##category },
	APPS(X)
#undef X
};
static_assert(ROWS(apps) == APP_COUNT, "name every application");

static const char *const category_names[] = {
	[CATEGORY_NONE] = NULL,
#define X(id, name) [CATEGORY_##id] = name,
	CATEGORIES(X)
#undef X
};
static_assert(ROWS(category_names) == CATEGORY_COUNT, "name every category");

static const char *const role_names[] = {
	[ROLE_NONE] = NULL,
	[ROLE_CLIENT] = "client",
	[ROLE_SUPERNODE] = "supernode",
	[ROLE_RELAY] = "relay",
};
static_assert(ROWS(role_names) == ROLE_COUNT, "name every role");

/* Values come from our own code, yet an event must never read past a table. */
static const char *name_at(const char *const *names, size_t n, unsigned i)
{
	return i < n ? names[i] : NULL;
}

static const struct app_row *app_row(enum app app)
{
	return (unsigned)app < APP_COUNT ? &apps[app] : &apps[APP_NONE];
}

const char *class_name(enum voip_class cls)
{
	return name_at(class_names, CLASS_COUNT, cls);
}

const char *app_name(enum app app)
{
	return app_row(app)->name;
}

const char *app_what(enum app app)
{
	return app_row(app)->what;
}

enum app_kind app_kind(enum app app)
{
	return app_row(app)->kind;
}

enum category app_category(enum app app)
{
	return app_row(app)->category;
}

const char *category_name(enum category category)
{
	return name_at(category_names, CATEGORY_COUNT, category);
}

const char *role_name(enum role role)
{
	return name_at(role_names, ROLE_COUNT, role);
}
