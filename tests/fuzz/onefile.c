/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Feeds files, or all files of folders, to a fuzz target, without libFuzzer:
 * the seeds as a test, and one input that broke something once more.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerInitialize(int *argc, char ***argv) __attribute__((weak));

#define INPUT_MAX (16u << 20) /* bytes; a larger file is not a fuzz input */

static unsigned inputs;

static int feed_file(const char *path, size_t len)
{
	FILE *f = fopen(path, "rb");
	/* Exactly as long as the input: a read past it is seen by the sanitizer. */
	uint8_t *data = malloc(len > 0 ? len : 1);
	int rc = -1;

	if (f == NULL || data == NULL || len > INPUT_MAX || fread(data, 1, len, f) != len) {
		perror(path);
		goto out;
	}
	inputs++;
	LLVMFuzzerTestOneInput(data, len);
	rc = 0;
out:
	free(data);
	if (f != NULL)
		fclose(f);
	return rc;
}

static int feed(const char *path);

static int feed_folder(const char *path)
{
	struct dirent **names;
	int n = scandir(path, &names, NULL, alphasort);
	int rc = 0;

	if (n < 0) {
		perror(path);
		return -1;
	}
	for (int i = 0; i < n; i++) {
		char *child = NULL;

		if (names[i]->d_name[0] != '.') {
			if (asprintf(&child, "%s/%s", path, names[i]->d_name) < 0 || feed(child) != 0)
				rc = -1;
			free(child);
		}
		free(names[i]);
	}
	free(names);
	return rc;
}

static int feed(const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0) {
		perror(path);
		return -1;
	}
	return S_ISDIR(st.st_mode) ? feed_folder(path) : feed_file(path, (size_t)st.st_size);
}

int main(int argc, char **argv)
{
	int rc = 0;

	if (argc < 2) {
		fprintf(stderr, "usage: %s FILE|DIR...\n", argv[0]);
		return 1;
	}
	if (LLVMFuzzerInitialize != NULL)
		LLVMFuzzerInitialize(&argc, &argv);
	for (int i = 1; i < argc; i++)
		if (feed(argv[i]) != 0)
			rc = 1;
	printf("%u inputs\n", inputs);
	return inputs == 0 ? 1 : rc;
}
