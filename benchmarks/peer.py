"""The same work done by a plain script with exchangelib, one message at a time.

    python -m benchmarks.peer SANDBOX_URL MESSAGES

Accepts so many waiting requests and prints how long that took. It decides nothing and
stores nothing: a lower bound for a program that asks Exchange message by message.
"""

import json
import sys
from resource import RUSAGE_SELF, getrusage
from time import perf_counter, process_time

from exchangelib import IMPERSONATION, Account, Configuration, Credentials
from exchangelib.version import EXCHANGE_2016, Version

from benchmarks.servers import EQUIPMENT


def main(url: str, messages: int) -> None:
    account = Account(
        primary_smtp_address=EQUIPMENT,
        autodiscover=False,
        access_type=IMPERSONATION,
        config=Configuration(
            service_endpoint=f"{url}/EWS/Exchange.asmx",
            credentials=Credentials("svc@example.test", "svc"),
            auth_type="basic",
            version=Version(EXCHANGE_2016),
        ),
    )
    found = list(account.inbox.all().only("id", "changekey")[:messages])
    started, processor = perf_counter(), process_time()
    for each in found:
        request = account.inbox.get(id=each.id, changekey=each.changekey)
        request.accept(body="This meeting has been scheduled.")
    print(
        json.dumps(
            {
                "seconds": perf_counter() - started,
                "processor": process_time() - processor,
                "memory_mb": getrusage(RUSAGE_SELF).ru_maxrss / 1024,
            }
        )
    )
    account.protocol.close()


main(sys.argv[1], int(sys.argv[2]))
