/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stddef.h>

#include "source/source.h"

void source_close(struct source *s)
{
	if (s != NULL)
		s->ops->close(s);
}
