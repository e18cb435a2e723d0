"""The operations of Exchange Web Services that the sandbox knows."""

from collections.abc import Callable

from pexschedd.sandbox.markup import Element
from pexschedd.sandbox.operations import folders, lookups, subscribe
from pexschedd.sandbox.operations.call import OperationCall
from pexschedd.sandbox.operations.create_item import create_item
from pexschedd.sandbox.operations.delete_item import delete_item, move_item
from pexschedd.sandbox.operations.find_item import find_item
from pexschedd.sandbox.operations.get_item import get_item
from pexschedd.sandbox.operations.sync_folder_items import sync_folder_items
from pexschedd.sandbox.operations.update_folder import update_folder
from pexschedd.sandbox.operations.update_item import update_item

OPERATIONS: dict[str, Callable[[OperationCall], Element]] = {
    "ConvertId": lookups.convert_id,
    "CreateItem": create_item,
    "DeleteItem": delete_item,
    "FindFolder": folders.find_folder,
    "FindItem": find_item,
    "GetEvents": subscribe.get_events,
    "GetFolder": folders.get_folder,
    "GetItem": get_item,
    "GetServerTimeZones": lookups.get_server_time_zones,
    "GetStreamingEvents": subscribe.get_streaming_events,
    "GetUserConfiguration": lookups.get_user_configuration,
    "MoveItem": move_item,
    "ResolveNames": lookups.resolve_names,
    "Subscribe": subscribe.subscribe,
    "SyncFolderItems": sync_folder_items,
    "Unsubscribe": subscribe.unsubscribe,
    "UpdateFolder": update_folder,
    "UpdateItem": update_item,
}
"""Each takes a call and returns the response element, or raises `RequestFault`."""

UNSUPPORTED = frozenset(
    {"SendItem", "CopyItem", "CreateFolder", "DeleteFolder", "MoveFolder"}
    | {"EmptyFolder", "SyncFolderHierarchy", "CreateAttachment", "GetAttachment"}
    | {"DeleteAttachment", "GetUserAvailability", "GetRoomLists", "GetRooms"}
    | {"GetDelegate", "ExpandDL", "ExportItems", "UploadItems", "GetMailTips"}
    | {"GetUserOofSettings", "SetUserOofSettings", "GetInboxRules", "ArchiveItem"}
    | {"GetServiceConfiguration", "FindPeople", "GetPersona", "MarkAsJunk"}
)
"""Exchange has these, the sandbox does not."""
