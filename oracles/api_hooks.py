"""For schemathesis: sends each generated request as a shop, a buyer or a member would."""

import os

import schemathesis

from client import Signed

KEY_ID = os.environ.get("TILLWARD_KEY_ID")
KEY = os.environ.get("TILLWARD_KEY")
BEARER = os.environ.get("TILLWARD_BEARER")
COOKIE = os.environ.get("TILLWARD_COOKIE")


@schemathesis.hook
def before_call(context, case, kwargs):
    """Signs what schemathesis is about to send; a session goes in as it is."""
    if KEY_ID and KEY:
        kwargs["auth"] = Signed(KEY_ID, KEY.encode())
    if BEARER or COOKIE:
        case.headers = case.headers or {}
        if BEARER:
            case.headers["Authorization"] = f"Bearer {BEARER}"
        if COOKIE:
            case.headers["Cookie"] = COOKIE
