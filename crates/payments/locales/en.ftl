## States of a payment
state-created = waiting for the buyer
state-held = held
state-paid = paid
state-challenged = paused
state-review = under review
state-declined = declined
state-part-refunded = partly refunded
state-refunded = refunded
state-cancelled = cancelled
state-expired = expired

## States and kinds of a code
code-open = open
code-used = used
code-expired = expired
code-withdrawn = withdrawn
code-kind-dynamic = one order
code-kind-static = fixed

## Outcomes of screening
outcome-allow = allowed
outcome-challenge = asked the payer
outcome-review = sent to review
outcome-block = declined

## What buyers read everywhere
shop-verified = identity verified
pay-order = Order
pay-terminal = Till
pay-method = Pay with
pay-payer = Payer
pay-shop = Shop
pay-amount = Amount
pay-time = Time
pay-state = State
pay-reference = Reference
pay-balance-left = { $amount } available

## Pay page
pay-title = Pay { $shop }
pay-button = Pay { $amount } to { $shop }
pay-open-until = This code is good for { $minutes ->
    [one] one more minute
   *[other] { $minutes } more minutes
}.
pay-open-hours = This code is good for { $hours } more hours.
pay-cancel = Do not pay
pay-amount-title = How much do you pay?
pay-amount-label = Amount in { $currency }
pay-amount-note = What is it for?
pay-amount-note-hint = The shop sees this. You may leave it empty.
pay-amount-button = Continue

## Buyer sign-in

## PIN
pin-title = Enter your payment PIN
pin-specimen-shop = Specimen
pin-specimen = This is a specimen of the page on which payers give their PIN. There is nothing to pay, and nothing can be typed.
pin-button = Pay { $amount }

## Challenge
challenge-title = Is this you?
challenge-text = We paused this payment to check it is you. No money has moved.
challenge-device = Device
challenge-place = Place
challenge-pin = If it is you, your payment PIN
challenge-yes = Yes, pay { $amount } to { $shop }
challenge-no = No, stop this payment

## Waiting for review
wait-title = One moment, please
wait-text = { $shop } is taking a quick look at this payment. No money has moved. You can keep this page open or come back later.
wait-since = Waiting since
wait-cancel = Cancel this payment

## Result and receipt
receipt-title-paid = Paid
receipt-text-paid = { $shop } has your payment.
receipt-title-held = Reserved
receipt-text-held = { $shop } takes the amount when your order ships.
receipt-title-challenged = Paused
receipt-text-challenged = We wait for your answer. No money has moved.
receipt-title-review = Under review
receipt-text-review = { $shop } is taking a quick look. No money has moved.
receipt-title-declined = Not paid
receipt-text-declined = This payment could not be completed. No money has moved.
receipt-title-part-refunded = Partly refunded
receipt-text-part-refunded = { $shop } gave part of the money back.
receipt-title-refunded = Refunded
receipt-text-refunded = { $shop } gave the money back.
receipt-title-cancelled = Cancelled
receipt-text-cancelled = This payment was cancelled. No money has moved.
receipt-title-expired = Expired
receipt-text-expired = The time to pay ran out. No money has moved.
receipt-title-created = Not paid yet
receipt-text-created = No money has moved.
receipt-refunded = Given back
receipt-not-me = This was not me
receipt-try-again = Try again
receipt-done = Done
receipt-proof = Proof of this receipt
receipt-proof-pending = Entered in a log that cannot be changed unseen. The proof is ready within seconds; reload this page.
receipt-proof-ready = Entry { $entry } of a log that cannot be changed unseen, sealed with { $size } entries.
receipt-proof-leaf = Fingerprint
receipt-proof-root = Seal
receipt-proof-download = Download the proof

## A code that cannot be paid
code-used-title = This code is already paid
code-used-text = Each code is good for one payment, and this one has been used. You have not been charged again. If you want to pay once more, ask for a new code.
code-expired-title = This code is too old
code-expired-text = Codes end after a while to keep you safe. No money has moved. Please ask the shop for a new one.
code-altered-title = This code is not from us
code-altered-text = It was changed after the shop made it, or it is not a Tillward code at all. No money has moved. Please do not pay with it, and tell the shop.
code-other-shop-title = This code belongs to another shop
code-other-shop-text = It was not made by the shop you are paying. No money has moved. Please ask for the right code.
code-withdrawn-title = The shop took this code back
code-withdrawn-text = No money has moved. Please ask the shop for a new one.
code-own-shop-title = This is your own shop
code-own-shop-text = A shop cannot pay itself. No money has moved.
short-balance-title = Your balance is too small
short-balance-text = No money has moved. Top up and scan the code again.
notice-receipt = See the receipt

## The desk
nav-overview = Overview
nav-payments = Payments
nav-codes = Codes
nav-reviews = Reviews
nav-refunds = Refunds

overview-title = Overview
overview-today = Taken today
overview-count = { $n ->
    [0] no payments yet
    [one] one payment
   *[other] { $n } payments
}
overview-than-before = { $amount } by this time a week ago
overview-first-week = nothing to compare with yet
overview-needs = Needs you now
overview-needs-nothing = Nothing needs you. Enjoy your tea.
overview-live = Payments, live
overview-live-word = live
overview-live-none-title = No payments yet
overview-live-none-text = Show a code; the first payment appears here by itself.
overview-show-code = Show a code
overview-all = All payments
overview-trust = Can it be trusted?
overview-books-balanced = The books balance to the last unit
overview-books-broken = The books do not balance: call support now
overview-log-sealed = { $n } log entries, last sealed
overview-log-never = The log has not been sealed yet
overview-need-reviews = { $n ->
    [one] one payment waits for your review
   *[other] { $n } payments wait for your review
}
overview-need-risk = { $amount } at stake
chart-outcomes-note = Payments by the hour over the last 24 hours, in the time of { $zone }
chart-hour = Hour
chart-quiet = No payments in the last 24 hours
chart-all-well = { $n ->
    [one] One payment went through, none was stopped
   *[other] { $n } payments went through, none was stopped
}
chart-some-stopped = { $paid } payments went through, { $stopped } were stopped
chart-burst = A burst was stopped at { $hour }: { $n } payments declined within the hour
chart-paid = paid
chart-waiting = asked or under review
chart-declined = declined

payments-title = Payments
payments-search = Search
payments-search-hint = id, order or amount
payments-state = State
payments-any = any
payments-from = From
payments-to = To
payments-filter = Show
payments-clear = Clear
payments-export = Export as CSV
payments-none-title = No payment matches
payments-none-text = Try another word or a longer time.
col-time = Time
col-amount = Amount
col-payer = Payer
col-order = Order
col-id = Id
col-reason = Reason

payment-title = Payment of { $amount }
payment-timeline = What happened
payment-decision = Decision
payment-score = Chance of fraud
payment-reasons = Strongest reasons
payment-no-reasons = Nothing stood out.
payment-buyer-was-told = The buyer was told
payment-rules = Rules { $rules } · model { $model }
payment-features = Against this payer’s usual
payment-no-features = This payer is new here, so there is no usual yet.
payment-similar = Similar payments
payment-ledger = Ledger entries
payment-ledger-none = No money has moved, so there are no entries.
payment-ledger-account = Account
payment-ledger-debit = Debit
payment-ledger-credit = Credit
payment-ledger-sum = Sum
payment-proof = Proof in the log
payment-proof-entry = Entry
payment-proof-pending = Written; the next seal covers it within seconds.
payment-details = Details
payment-device = Device
payment-address = Address
payment-code = Code
payment-refund-title = Refund
payment-refund-amount = Amount to give back
payment-refund-left = { $amount } can still be refunded.
payment-refund-reason = Reason
payment-refund-password = Your password, to confirm
payment-refund-button = Refund …
refund-title = Refund { $amount } to { $payer }?
refund-button = Refund { $amount } to { $payer }
refund-keep = Keep the money
refund-left-after = Left of this payment
payment-refund-consequence = The amount goes back to { $payer } at once and leaves your balance. This cannot be undone.
payment-cancel = Cancel this payment
payment-cancel-consequence = The buyer can no longer pay it. No money moves.

refunds-title = Refunds
refunds-none-title = No refunds yet
refunds-none-text = To refund, open a payment and choose the amount.
refunds-by = By
refunds-limit = One person gives back up to { $amount } of a payment; above that a second person approves it.
refund-over = This is above the { $amount } that one person gives back. Where somebody else in your shop may refund, it waits for a second person: the money goes back when they approve.
refund-limit-title = How much one person refunds
refund-limit-change = Change the limit …
refund-limit-text = Up to { $amount } of one payment is given back by one person. Above that, all refunds of the payment counted together, a second person has to approve.
refund-limit-amount = New limit
refund-limit-hint = 0: every refund takes two people.
refund-limit-button = Set the limit
refund-limit-back = Back to refunds
refund-limit-waits = A higher limit waits for a second person. It is set when they approve.
refunds-payment = Payment

codes-title = Codes
codes-new = New code
codes-see-pin = What payers see when they give their PIN
codes-none-title = No codes yet
codes-none-text = Make one for an order, or a fixed one for the counter.
codes-kind = Kind
codes-label = For
codes-payments = Payments
code-new-title = New code
code-new-kind = What for?
code-new-kind-dynamic = One order: amount fixed, one payment, ends by itself
code-new-kind-static = The counter: the buyer types the amount, good for many payments
code-new-amount = Amount in { $currency }
code-new-amount-hint = Leave empty for a fixed code.
code-new-line = Order line
code-new-line-hint = What the buyer sees, such as “Two tins of Longjing”.
code-new-order = Your order number
code-new-minutes = Ends after
code-new-minutes-choice = { $n } minutes
code-new-button = Make the code
code-title = Scan to pay { $shop }
code-scan = Scan with the phone’s camera
code-any-amount = You type the amount
code-ends = Ends
code-print = Print
code-print-page = Page to print
code-svg = Image as SVG
code-png = Image as PNG
code-link = Link in the code
code-emv = EMVCo text
code-withdraw = Withdraw this code
code-withdraw-consequence = Nobody can pay with it any more.
code-paid-by = Paid by { $payer }
code-open-payment = Open the payment
code-waiting = Waiting for the buyer
code-scanned = The buyer is looking at it
code-print-tip = Check now and then that nobody glued another code over this one.

reviews-title = Reviews
reviews-none-title = Nothing to review
reviews-none-text = When a payment needs a second look, it appears here by itself.
reviews-choose-title = Choose a payment
reviews-choose-text = Its reasons and history appear here.
reviews-due = decide by
reviews-late = overdue since
reviews-approve = Approve: { $payer } pays { $amount }
reviews-decline = Decline: no money moves
reviews-note = Note for the log
reviews-note-hint = Why you decide so. Colleagues and auditors read it.
reviews-keys-move = move
reviews-keys-decide = press twice to approve or decline
reviews-open = Open the payment

## Buyers: more pages
me-title = Your payments
me-none-title = No payments yet
me-none-text = Scan a shop’s code to pay; receipts are kept here.
not-me-title = This was not you?
not-me-text = Freeze your account now: nobody can pay from it until you have spoken with us. Then tell the shop; it can give the money back.
not-me-button = Freeze my account
not-me-back = It was me, go back
receipt-proof-promise = Signed promise
receipt-short-balance = Your balance does not cover this. No money has moved. Top up, then ask the shop for a new code.
receipt-stopped = You stopped this payment. No money has moved.
code-unreadable-title = We cannot read this code
code-unreadable-text = Part of the address is missing or mistyped. No money has moved. Please scan the code again.
day-limit-title = That is more than today allows
day-limit-text = For codes of this kind the law limits what can be paid in one day. No money has moved.
frozen-now-title = Your account is frozen
frozen-now-text = Nobody can pay from it any more. Please tell the shop about this payment; it can give the money back.
problem-amount = Enter an amount above zero such as 12.50.
method-balance = Tillward balance

## The desk: more words
problem-code-name = A fixed code needs a name, such as “Counter 1”.
problem-refund-much = More than can still be refunded.
problem-refund-funds = Your shop’s balance does not cover this refund.
problem-refund-state = This payment cannot be refunded any more.
problem-note = Say why; it is kept with the payment.
code-over = Nobody can pay with this code any more.
step-created = Made
step-scanned = Code opened
step-confirmed = Confirmed with PIN
step-screened = Screened: { $outcome }
step-paid = Paid, posted to the ledger
step-paused = Paused: the payer is asked
step-review = Waits for review
step-reviewed = Reviewed by { $who }
step-declined = Declined
step-declined-funds = Declined: the balance is too small
step-declined-payer = Stopped by the payer
step-declined-review = Declined in review
step-refunded = Refunded { $amount }
step-refund-waits = Refund of { $amount } waits for a second person
step-cancelled = Cancelled by the shop
step-expired = Time ran out
step-waits = Waits for the buyer
step-logged = Entered in the log
account-buyer = Balance of { $who }
account-shop = Balance of { $who }
account-reserve = Reserve of { $who }
account-house = Tillward: { $purpose }
feature-amount = Amount
feature-count-1h = Payments within an hour
feature-count-10m = Payments within ten minutes
feature-up-to = up to { $high }
feature-from-to = { $low } to { $high }
by-key = API key { $id }
by-system = the system
reason-funds = The balance was too small

passkey-pay = Confirm with passkey
passkey-challenge = Yes, it is me: continue with passkey
passkey-or-pin = Or with your PIN:
passkey-pay-refused = The passkey was not accepted, and nothing was paid. Try again, or use your PIN.
passkey-pay-locked = Too many passkeys were refused. Use your PIN, or wait an hour.
## Certificates of terminals and API clients
nav-certificates = Certificates
certificates-text = With a certificate a till or the shop's own system shows who it is. Make a code, type it in there once, and revoke what is lost.
certificates-new = Make an enrolment code
certificates-new-code = Code for { $name }, shown this once
certificates-code-until = It works once, until
certificates-none-title = No certificates yet
certificates-none-text = Make a code for a till or an API key. The till enrols with it and renews by itself from then on.
certificates-no-holder = Set up a till or an API key first.
certificates-holder = Till or API key
certificates-purpose = For
certificates-ends = Ends
certificates-minutes = The code can be used for
certificates-minutes-10 = 10 minutes
certificates-minutes-60 = one hour
certificates-minutes-1440 = one day
certificates-revoke = Revoke
certificates-revoke-named = Revoke { $name }
certificates-active = in force
certificates-ends-soon = ends soon
certificates-renewed = renewed
certificates-ended = ended
certificates-revoked = revoked
certificates-for-terminal = till
certificates-for-api_client = API client
certificates-for-listener = our own listener
certificates-for-authority = built-in authority
certificates-for-operator_authority = own authority
pin-factor-above = { $shop } asks for a passkey or your second step for amounts above { $amount }.
pin-factor-give = Give the second step, then the PIN
pin-factor-add = Set up a second step, then pay
methods-title = Payment methods
methods-balance = Stored balance
methods-balance-none = Nothing is stored yet.
methods-balance-text = Every payment here is paid from it. Whoever runs this service fills it up.
methods-held = { $amount } held for payments under way
methods-confirm = What confirms a payment
methods-no-cards = No card and no bank account is kept with your account.
## Where the shop and its tills are
nav-places = Places
places-text = Where the shop and its tills stand. Payments that come from far away, or from two far places within minutes, are then noticed. To about a kilometre is enough.
places-shop = { $shop } itself
places-of = Shop or till
places-degrees = Degrees north and east
places-unknown = not said
places-change = Set a place
places-change-named = Change { $name }
places-latitude = Degrees north
places-latitude-hint = As maps show it, such as 30.25; south is below zero. Leave both empty if it is not to be known.
places-longitude = Degrees east
places-longitude-hint = Such as 120.15; west is below zero.
places-button = Save the place
problem-place-half = Give both numbers, or leave both empty.
problem-place-range = Degrees north are -90 to 90, degrees east -180 to 180.
pin-place = Your approximate location helps the shop notice copied codes. It is rounded to about a kilometre before it is sent. You can pay without it.
pin-place-button = Share my approximate location
pin-place-done = Your approximate location goes with this payment.
pin-place-without = No location is sent. You can pay as usual.
## Reviews that end otherwise
reviews-fraud = Decline as fraud
step-approved-unpaid = Approved by { $who }, but it could not be paid any more
step-fraud-payer = The payer says that it was not them
step-fraud-review = Remembered as fraud
step-fraud-member = { $who } says that it was fraud
step-genuine = { $who } says that it was genuine
label-title = Was it fraud?
label-is-none = Nobody has said. It counts as genuine once it is a week old.
label-is-fraud = Known as fraud.
label-is-genuine = Known as genuine.
label-note = Why
label-hint = Kept with the payment and in the log. Screening learns from it at once, and forgets it when it is taken back.
label-fraud = It was fraud
label-genuine = It was genuine
label-none = Take back what was said
payment-watched = Rules on watch
reviews-over = This cannot be approved now: the payer’s legal limit for one day would be passed by { $amount }.
reviews-over-wait = Decline it, or leave it in the queue: a new day begins, and with it a new limit,
reviews-over-never = Decline it: it cannot be paid before the time to decide is over. The payer can pay again on another day.
nav-rules = Rules
rules-text = What makes a payment stand out. A rule that is on asks, holds or declines; one on watch is noted with the payment and changes nothing, which shows what it would do; one that is off is not noted. A change counts from the next payment on.
rules-rule = Rule
rules-outcome = What it asks for
rules-fired = Fired, of the last { $count }
rule-mode-on = on
rule-mode-watch = on watch
rule-mode-off = off
rule-fixed = Protects buyers at every shop; stays on.
rule-change = Change
rule-title = Rule { $name }
rule-when = Fires when
rule-buyer = The buyer is told
rule-mode = What it does in this shop
rule-mode-hint = On watch it is noted with each payment and changes nothing.
rule-note-hint = Kept in the log with your name.
rule-button = Change the rule
rule-back = Leave it as it is
rule-changed = { $name } is { $mode } now.
rule-undo = Undo
rule-undone = taken back at once
problem-rule-note = Say why; it is kept in the log.
