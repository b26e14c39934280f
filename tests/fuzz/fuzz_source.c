/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "source/pcap_file.h"

/* The input is a capture file, also compressed. Every byte that is delivered is read. */

#define FRAMES_MAX 10000 /* a small compressed input may hold very many */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile uint8_t sink;

static void frame_touch(const struct frame *f)
{
	for (uint32_t i = 0; i < f->caplen; i++)
		sink ^= f->data[i];
	if (f->len < f->caplen || f->wall_ns > INT64_MAX || f->mono_ns != f->wall_ns)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char error[SOURCE_ERROR_LEN];
	struct source *s;
	struct frame f;
	enum source_next r;
	int fd = memfd_create("input", MFD_CLOEXEC);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size || lseek(fd, 0, SEEK_SET) != 0)
		abort();
	if ((s = pcap_file_fd(fd, "input", "udp or tcp port 5060", error)) == NULL)
		abort();
	for (unsigned i = 0; i < FRAMES_MAX && (r = source_next(s, &f)) != SOURCE_END; i++)
		if (r == SOURCE_FRAME)
			frame_touch(&f);
	source_close(s);
	return 0;
}
