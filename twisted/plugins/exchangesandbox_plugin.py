from twisted.application.service import ServiceMaker

exchangesandbox = ServiceMaker(
    "exchangesandbox",
    "pexschedd.demo.sandbox_tap",
    "A sandbox Exchange server, on loopback only, for trying and testing.",
    "exchangesandbox",
)
