"""The one check of what an administrator's role allows, made for every request."""

from twisted.logger import Logger
from twisted.web.server import Request

from pexschedd.management.access.permissions import may, needed_role, needs_password
from pexschedd.model.accounts.administrator import role_name
from pexschedd.model.accounts.principal import Principal
from pexschedd.web.routes import Forbidden, client_address, correlation_id_of

_log = Logger(namespace="administrator.permission")


def require_permission(request: Request, principal: Principal, subject: str) -> None:
    """Raise `Forbidden`, which names the role that is needed, and log the refusal.

    `subject` is one of `management.access.permissions`.
    """
    method = request.method.decode("latin-1")
    if not may(principal.level, method, subject):
        needed = role_name(needed_role(method, subject))
        reason = f"This takes the role {needed}; yours is {role_name(principal.level)}."
    elif needs_password(method, subject) and not principal.has_password:
        needed = "password"
        reason = (
            "Accounts and tokens are changed by an administrator who signs in with a "
            "name and a password, not with a token."
        )
    else:
        return
    _log.warn(
        "request denied address={address} administrator={administrator} "
        "method={method} resource={resource} needed={needed}",
        user=principal.name,
        address=client_address(request) or "-",
        administrator=principal.name,
        method=method[:20],
        resource=subject[:200],
        needed=needed,
        correlation_id=correlation_id_of(request),
    )
    raise Forbidden(reason)
