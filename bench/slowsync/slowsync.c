/* Makes each flush to disk take SLOWSYNC_US microseconds longer, as a model of slower disks. For LD_PRELOAD:
   cc -shared -fPIC -O2 -o slowsync.so slowsync.c -ldl */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

static void slower(void)
{
	const char *text = getenv("SLOWSYNC_US");
	if (text)
		usleep((useconds_t)atol(text));
}

int fdatasync(int fd)
{
	int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
	int result = real(fd);
	slower();
	return result;
}

int fsync(int fd)
{
	int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
	int result = real(fd);
	slower();
	return result;
}
