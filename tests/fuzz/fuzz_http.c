/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Clear HTTP through its row: see call_pieces.h for what the first byte means. Then the search for links alone. */
#include "call_pieces.h"
#include "detect/http_parse.h"

/* The scanner must say the same in one piece and in two. */
static void links(const uint8_t *data, size_t size, size_t cut)
{
	struct http_links one = { 0 }, two = { 0 };
	bool whole = http_links_scan(&one, data, size);
	bool parts = http_links_scan(&two, data, cut);

	if (!parts)
		parts = http_links_scan(&two, data + cut, size - cut);
	if (whole != parts)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	links(data + 1, size - 1, data[0] < size - 1 ? data[0] : size - 1);
	return pieces_run("http", data, size);
}
