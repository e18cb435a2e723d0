"""The folders of the messages that are still to be answered, as steps. Pure.

A message that lies neither in the inbox nor in Deleted Items is gone: it was answered,
or a person has taken it. Folders are known by their ids, which are not immutable: the
move of a mailbox may change them. So the ids that are known are asked for once more
before anything counts as gone because of its folder.
"""

from pexschedd.graph.answering.answer_lookup import Steps, look_up_folder
from pexschedd.graph.mailbox_profile import MailboxProfile
from pexschedd.graph.problems import GraphProblem
from pexschedd.graph.requests import ApiRequest

FOLDERS = ("inbox", "deleteditems")
"""The well-known names of the folders."""


def is_within_reach(
    address: str, folder: str, profile: MailboxProfile
) -> Steps[bool | GraphProblem]:
    """Return whether a folder is one of the two; one that is not told counts as such,
    as it does when messages are read. A problem says that it cannot be found out."""
    if not folder or folder in profile.folders:
        return True
    ids = set()
    for name in FOLDERS:
        found = yield from folder_id(look_up_folder(address, name))
        if isinstance(found, GraphProblem):
            return found
        ids.add(found)
    profile.folders = frozenset(ids)
    return folder in ids


def folder_id(request: ApiRequest) -> Steps[str | GraphProblem]:
    """Return the id of the folder that a request asks for."""
    result = yield request
    return result if isinstance(result, GraphProblem) else result.id
