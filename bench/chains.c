/* chains N [vm]: N chains of processes, each of which starts the next in a session of its own and exits, for ever. With
 * `vm` those of a chain share their memory (clone(2), CLONE_VM). To be run under `kubectl lease hold` only, which ends it. */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

enum { STACKS = 8, SIZE = 16384 };

static _Alignas(16) char stacks[STACKS][SIZE];

static int next(void *number)
{
	size_t mine = (size_t)number;

	setsid();
	/* Whoever used that stack before has long ended. */
	clone(next, stacks[(mine + 1) % STACKS] + SIZE, CLONE_VM | SIGCHLD, (void *)(mine + 1));
	_exit(0);
}

int main(int count, char **words)
{
	for (int chains = count > 1 ? atoi(words[1]) : 1; chains > 0; chains--) {
		if (fork() != 0)
			continue;
		if (count > 2)
			next(0);
		for (;;) {
			setsid();
			if (fork() != 0)
				_exit(0);
		}
	}
	pause();
	return 0;
}
