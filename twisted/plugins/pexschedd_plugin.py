from twisted.application.service import ServiceMaker

pexschedd = ServiceMaker(
    "pexschedd",
    "pexschedd.tap",
    "Meeting-room scheduling for Microsoft Exchange.",
    "pexschedd",
)
