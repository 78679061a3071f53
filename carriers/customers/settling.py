"""From what a customer wrote by SMPP to a message that can be sent, through the same intake as the REST API's."""

from collections.abc import Mapping, Sequence

from carriers.customers.reading import Fault, Submission
from router.record import Body
from router.settings import SmppAccount, Tenant
from router.terms import Terms


def check(submission: Submission, account: SmppAccount, tenant: Tenant, terms: Terms, now_ms: int) -> Fault | None:
    """What stands against a part before its siblings are known: everything but what hangs on the whole text."""
    raise NotImplementedError


def settle_parts(
    parts: Sequence[Submission],
    account: SmppAccount,
    tenant: Tenant,
    terms: Terms,
    now_ms: int,
    *,
    message_id: str,
    first_ms: int,
) -> Body | Fault:
    """Settle a message: one submission that is whole, or all parts of it in order.

    ``message_id``: as answered, without the number of a part; ``first_ms``: when its first part came, from which relative times
    count.
    """
    raise NotImplementedError


def incomplete(
    parts: Mapping[int, Submission],
    total: int,
    account: SmppAccount,
    tenant: Tenant,
    terms: Terms,
    now_ms: int,
    *,
    message_id: str,
    first_ms: int,
) -> Body:
    """The body of parts (by number) that cannot become a message: siblings never came, or their whole was refused.

    Its ``fault`` says which, so that it ends REJECTED and receipts follow for the parts that came.
    """
    raise NotImplementedError
