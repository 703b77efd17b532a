## The frame of every page
frame-skip = Skip to the content
frame-sections = Sections
frame-waiting = { $n } waiting
frame-menu = Your menu
frame-sign-out = Sign out
frame-language = Language
frame-copy = copy
frame-copied = copied
frame-pages = Pages of this list
frame-first = ← First page
frame-next = Next page →
frame-shown = { $n ->
    [one] one row on this page
   *[other] { $n } rows on this page
}
frame-problems = Please check:
frame-delete-digit = ⌫ Delete
frame-figures = Show the figures
frame-secured = Payments secured by Tillward
chart-usual = usual

## When a page cannot be shown
fault-title-not-found = This page does not exist
fault-text-not-found = The address may be mistyped, or what it led to is gone. No money has moved.
fault-title-not-allowed = Your role does not include this page
fault-text-not-allowed = Ask an owner of the shop if you need it for your work.
fault-title-bad-request = We could not read that
fault-text-bad-request = Something in the request was incomplete. Please go back and try again. No money has moved.
fault-title-wrong-method = That does not work here
fault-text-wrong-method = Please go back and use the buttons of the page.
fault-title-stale-form = This page was open for too long
fault-text-stale-form = To keep you safe it has expired. Go back, reload it and try again. No money has moved.
fault-title-too-many = A moment, please
fault-text-too-many = There were too many tries in a short time. Wait { $seconds ->
    [one] one second
   *[other] { $seconds } seconds
} and try again.
fault-title-internal = Something went wrong on our side
fault-text-internal = We have noted it. If you were paying, look at your payments before you try again: nothing is ever paid twice for one order.
fault-title-unavailable = We will be right back
fault-text-unavailable = Tillward cannot reach its books just now. Nothing is lost and nothing is paid twice. Please try again in a minute.
fault-title-offline = You are offline
fault-text-offline = Check your connection, then try again. No money has moved.
fault-request = If you ask for help, tell this number:
fault-retry = Try again
fault-home = Go to the start
