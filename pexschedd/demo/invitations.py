"""Invitations of other conferencing services, to put into a meeting at the desk.

The texts are made up, in the words that such invitations have; so are all numbers.
"""

from typing import NamedTuple


class SampleInvitation(NamedTuple):
    """A text of a conferencing service."""

    service: str
    html: str


INVITATIONS = (
    SampleInvitation(
        "Microsoft Teams",
        """<p><b>Microsoft Teams meeting</b></p>
<p>Join: <a href="https://teams.microsoft.com/meet/3300000012345?p=aaBBcc11">\
https://teams.microsoft.com/meet/3300000012345?p=aaBBcc11</a><br>
Meeting ID: 330 000 001 234 5<br>
Passcode: aaBBcc11</p>
<p>Join on a video conferencing device<br>
Tenant key: teams@rooms.example.test<br>
Video ID: 118 220 331 4</p>""",
    ),
    SampleInvitation(
        "Zoom",
        """<p>Join Zoom Meeting<br>
<a href="https://us05web.zoom.us/j/84400000051?pwd=QWJjZGVm.1">\
https://us05web.zoom.us/j/84400000051?pwd=QWJjZGVm.1</a></p>
<p>Meeting ID: 844 0000 0051<br>
Passcode: 998877</p>""",
    ),
    SampleInvitation(
        "Google Meet",
        """<p>Join with Google Meet: <a href="https://meet.google.com/xyz-abcd-efg">\
https://meet.google.com/xyz-abcd-efg</a></p>""",
    ),
    SampleInvitation(
        "Webex",
        """<p>Join the Webex meeting<br>
<a href="https://northwind.webex.com/northwind/j.php?MTID=m0123456789abcdef01234567">\
https://northwind.webex.com/northwind/j.php?MTID=m0123456789abcdef01234567</a></p>
<p>Meeting number (access code): 2550 111 2222<br>
Meeting password: aBcDeF (22334455 from phones and video systems)</p>""",
    ),
)
