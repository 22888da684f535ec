"""One candidate of the Python client's leader election, on the Lease `job`.

candidate.py NAMESPACE IDENTITY DURATION AHEAD

KUBECONFIG says where. AHEAD is a file with the seconds by which its wall clock is ahead, read at each look at the clock: changing it
sets the clock. Says `leads` and `stopped`, and all that the client logs, on stdout, a line each.
"""

import logging
import sys
import time

from kubernetes import config
from kubernetes.leaderelection import electionconfig, leaderelection
from kubernetes.leaderelection.resourcelock.leaselock import LeaseLock

namespace, identity, duration, ahead = sys.argv[1:]
right_time = time.time


def wrong_time():
    with open(ahead) as file:
        return right_time() + float(file.read())


def say(word):
    print(word, flush=True)


time.time = wrong_time
logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(message)s")
config.load_kube_config()
seconds = int(duration)
leaderelection.LeaderElection(
    electionconfig.Config(
        LeaseLock("job", namespace, identity),
        lease_duration=seconds,
        # It wants its deadline to be shorter than the duration, and longer than 1.2 periods of at least 1 s.
        renew_deadline=seconds - 1,
        retry_period=1,
        onstarted_leading=lambda: say("leads"),
        onstopped_leading=lambda: say("stopped"),
    )
).run()
