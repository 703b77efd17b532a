pin-tip = Your PIN is yours alone. Nobody from Tillward or a shop will ever ask for it.
buyer-sign-in-title = Who is paying?
buyer-sign-in-contact = E-mail
buyer-sign-in-contact-hint = We send a code there. No password is needed.
buyer-sign-in-button = Send me a code
buyer-code-title = Enter the code
buyer-code-sent = If { $contact } has an account, six digits are on their way there. They are good for ten minutes.
buyer-code-label = Code
buyer-code-remember = Remember this device for 30 days
buyer-code-button = Continue
buyer-code-again = Send a new code
buyer-code-other = Use another one
buyer-new-title = Nice to meet you
buyer-new-text = It takes a minute, once.
buyer-new-name = Your name
buyer-new-name-hint = The shop sees it shortened, such as “Li H.”
buyer-new-pin = Choose a payment PIN
buyer-new-pin-hint = Six digits that you alone know. Not a birthday, not 123456.
buyer-new-pin-again = The same PIN again
buyer-new-button = Save and continue
pin-label = Payment PIN, six digits
pin-wrong = That PIN is not right. { $left ->
    [one] One try is left
   *[other] { $left } tries are left
}.
pin-locked-title = Your PIN is locked
pin-locked-text = There were too many wrong tries. No money has moved. Nobody can pay from your account now. You can set a new PIN yourself.
nav-api-keys = API keys
menu-overview = Overview
menu-payments = Payments
menu-codes = Codes
menu-risk = Risk
menu-customers = Customers
menu-people = People
menu-security = Security
menu-shop = Shop
menu-installation = Installation
role-owner = Owner
role-cashier = Cashier
role-risk = Risk
setup-title = Open your shop
setup-text = This link works once. You become the owner; others can be invited later.
setup-shop = Name of the shop
setup-shop-hint = Buyers see it before they pay.
setup-currency = Currency
setup-zone = Time zone
setup-name = Your name
setup-email = Your e-mail
setup-password = Password
setup-password-hint-kinds = At least 15 characters, with letters and digits. A sentence with a number is easy to remember.
setup-password-hint = At least 15 characters. A sentence is easier to remember than symbols.
setup-button = Open the shop
sign-in-title = Sign in
sign-in-email = E-mail
sign-in-password = Password
sign-in-button = Sign in
sign-in-failed = E-mail and password do not match.
sign-in-locked = Too many tries. Please wait { $minutes ->
    [one] one minute
   *[other] { $minutes } minutes
}.
col-state = State
keys-title = API keys
keys-text = A key lets your own system create payments and read them. It never sees a buyer’s PIN.
keys-name = Name
keys-name-hint = Where it is used, such as “web shop”.
keys-new = Make a key
keys-new-secret = Copy it now: it is shown this once
keys-id = Id, sent with each request
keys-secret = Secret, to sign requests with; keep it safe
keys-none-title = No keys yet
keys-none-text = Make one to connect your shop’s system.
keys-ends = Ends
keys-endless = Never: replace it
keys-created = Made
keys-revoke = Revoke
keys-revoke-named = Revoke { $name }
keys-state-active = active
keys-state-revoked = revoked
buyer-sign-in-new = New here?
buyer-sign-in-new-link = Make an account
buyer-new-contact-hint = We send a code there to make sure it is yours.
buyer-new-sign-in = I have an account already
wake-title = Welcome back
wake-text = You were away for a while. Your PIN shows your account again.
wake-button = Continue
me-not-you = Not you? Sign out
frozen-title = Your account is frozen
frozen-text = Nobody can pay from it. No money has moved. Ask whoever runs this service to unfreeze it.
link-gone-title = This link does not work any more
link-gone-text = It was used, or it is too old. Ask for a new one, or sign in.
changed-title = This has changed meanwhile
changed-text = What you asked for is not possible any more, and nothing was done. Look where it stands now.
request-over-title = This request is over
request-over-text = It was decided already, or waited for more than five minutes. Go back to the app and begin there again.
notice-go-on = Go on
buyer-known-title = You had an account already
buyer-known-text = This address or number belongs to an account, and you are signed in to it now. No second one was made.
buyer-known-pin = The payment PIN is the one you chose for it earlier. The name and PIN you have just typed were not kept.
problem-empty = Please fill this in.
problem-long = This is too long.
problem-characters = Please leave out line breaks and invisible characters.
problem-card-number = This looks like a card number. Please leave it out; if it is none, put a letter in front of it.
problem-email = Enter an e-mail address such as name@mail.example.
problem-phone = Enter a phone number with its country code, such as +86 138 0013 8000.
problem-pin = Enter six digits.
problem-pin-again = The two PINs are not the same.
problem-pin-weak = Choose a PIN that is harder to guess: no birthday, no sequence, no pattern, no part of your address.
problem-code = Enter the six digits from the mail.
problem-code-wrong = That code is not right. { $left ->
    [one] One try is left
   *[other] { $left } tries are left
}.
problem-code-gone = That code does not work any more. Ask for a new one.
device-on = { $browser } on { $system }
device-unknown = unknown device
buyer-code-sent-new = We sent six digits to { $contact }. They are good for ten minutes.
front-title = Pay with peace of mind
front-text = To pay, scan a shop’s code with your phone’s camera. You see shop and amount before anything happens.
front-own = My payments
front-desk = I work in a shop
setup-category = What do you sell?
setup-city = Town
setup-country = Country
category-5499 = Food and drink
category-5812 = Restaurant or café
category-5411 = Groceries
category-5651 = Clothes and shoes
category-5732 = Electronics
category-5977 = Cosmetics
category-5942 = Books
category-7230 = Hair and beauty
category-8999 = Services
category-5999 = Something else
country-CN = China
country-HK = Hong Kong
country-SG = Singapore
country-JP = Japan
country-GB = United Kingdom
country-DE = Germany
country-FR = France
country-US = United States
invited-title = Welcome to { $shop }
invited-text = Choose a password for { $email }. You sign in with both.
invited-button = Save and sign in
problem-password-short = At least { $n } characters, please. A few words are easy to keep in mind.
problem-password-long = At most 128 characters, please.
problem-password-repeats = Choose a password that does not repeat itself.
problem-password-kinds = Letters and digits, please: this service asks for both.
problem-password-common = Choose another password; this one is among the most common.
problem-password-context = Choose a password that is more than your name, address or shop.
problem-password-wrong = That password is not right.
problem-choice = Choose one of the list.
keys-role = It may
keys-role-integration = take payments and refund
keys-role-decisions = ask for decisions alone
keys-role-detokenise = keep and open customers' data
keys-full = A shop has at most 50 keys in force. Revoke one first.

role-manager = Manager
role-support = Support
role-finance = Finance
role-security = Security
role-auditor = Auditor
role-operator = Operator

## One's own account
security-title = Sign-in and security
security-verdict-none = One lock is missing: add a second one, so that a stolen password opens nothing
security-verdict-code = Locked with a code to your contact; a passkey makes it safer
security-verdict-no-codes = Well locked, but without recovery codes you could lock yourself out
security-verdict-good = Well locked
security-locks = What opens this account
security-password = Password
security-address = Address to sign in with
address-title = Change your address
address-follows = The address up to now is told as well, and you are signed out everywhere else.
address-set = Sign in with this from now on
problem-address-taken = A member signs in with this address already.
security-change = Change
security-add = Add another way
security-devices = { $n ->
    [one] Signed in on this device alone.
   *[other] Signed in on { $n } devices.
}
security-apps = Apps that act for you
security-apps-text = They do what you allowed, and never more than you may yourself.
security-apps-end = Disconnect { $app }
security-devices-see = See them
security-back = Back to sign-in and security
factor-passkey = Passkey
factor-totp = Authenticator app
factor-sms = Text message
factor-recovery = Recovery codes
factor-used = used
factor-is-contact = your account's own number: it adds no second lock
factor-since = since
factor-remove = Remove
factor-remove-named = Remove { $name }
factor-remove-title = Remove this way to sign in?
factor-remove-text = It opens nothing any more, at once. We tell you on every channel you have.
factor-remove-last = It is your last one: after that, a code to your contact is enough to sign in.
factor-last = This is your only second factor, and you need one to work here. Add another one first; then this one can go.
keep-it = Keep it
recovery-left = { $n ->
    [0] none left
    [one] one left
   *[other] { $n } left
}
recovery-new = Make new ones
devices-title = Devices
devices-text = Wherever you are signed in, and the network you signed in from. End what you do not know, and what you have lost.
devices-this = this device
devices-opened = signed in
devices-end = End it
devices-end-named = End the session on { $name }
devices-end-others = Sign out everywhere but here
password-title = Change your password
password-text = Every other device is signed out, and we tell you that it was changed.
password-old = Your password now
password-new = New password
password-hint = At least { $n } characters. A few words you like are better than signs you forget.
password-hint-kinds = At least { $n } characters, with letters and digits.
password-button = Change my password
meter-label = How hard it is to guess
meter-0 = Guessed at once
meter-1 = Guessed quickly
meter-2 = Could be better
meter-3 = Good
meter-4 = Very good
meter-advice-short = A longer one is better: add a word or two.
meter-advice-kinds = Letters and digits are asked for here: add what is missing.
meter-advice-known = This is on the lists that thieves try first.
meter-advice-words = Words that do not belong together are hard to guess.
account-title = Your account
account-good = Ready to pay
account-pin-locked = PIN locked: nobody can pay
account-frozen = Frozen by you: nobody can pay
account-held = Stopped: ask whoever runs this service
account-payments = Payments and balance
account-factors = { $n ->
    [0] add a second lock
    [one] one second lock
   *[other] { $n } second locks
}
account-sessions = { $n ->
    [one] this one alone
   *[other] { $n } signed in
}
account-pin = Payment PIN
account-pin-set = set
account-freeze = Freeze everything
account-thaw = Take the freeze back
account-back = Back to your account
pin-change-title = Change your PIN
pin-change-old = Your PIN now
pin-change-new = New PIN
pin-change-button = Change my PIN
pin-forgot = Forgot your PIN?
problem-pin-wrong = That PIN is not right. { $left ->
    [one] One try is left
   *[other] { $left } tries are left
}.
problem-pin-none-left = Too many wrong tries: the PIN is locked.
forgot-title = Set a new PIN
forgot-text = For a PIN that is locked or forgotten.
forgot-1 = A code goes to the address or number of your account. You type it here, with a PIN you choose.
forgot-2 = For 24 hours the new PIN does not pay, and after that five small amounts and no more, until a second lock has been on your account for 30 days or whoever runs this service confirms that it is you. With an authenticator app or a passkey that you have had for 30 days it pays a few small amounts at once, and all after a day.
forgot-3 = You are signed out everywhere else, and we write to you.
forgot-send = Send me a code
forgot-back = Not now
forgot-new-title = The code, and a new PIN
forgot-sent = The code is on its way to the address or number of your account.
forgot-set = Set my new PIN
forgot-again = Send another code
forgot-done-title = Your new PIN is set
forgot-done-few = { $n ->
    [one] For a day it pays one more small amount.
   *[other] For a day it pays { $n } small amounts at most.
}
forgot-done-none = Your new PIN pays nothing for a day, in case it was somebody else who set it.
forgot-done-alone = After that it pays five small amounts and no more, until a second lock has been on your account for 30 days or whoever runs this service confirms that it is you.
pin-alone = Your PIN was set anew with a code alone. { $n ->
    [0] It pays nothing more
    [one] It pays one more small amount
   *[other] It pays { $n } more small amounts
} until a second lock has been on your account for 30 days, or whoever runs this service confirms that it is you.
cooling-until = Until
pin-forgot-set = Set a new PIN
problem-forgot-frozen = The account is frozen; its PIN cannot be set anew now.
problem-forgot-wait = Too many codes were asked for. Try again in an hour.
problem-pin-cooling = This PIN was set anew and does not do this yet. Your account says until when.
cooling-title = Not yet with this PIN
cooling-text = Your PIN was set anew and pays nothing yet, or a few small amounts, in case it was somebody else who set it. Your account says until when. No money has moved. A passkey that you had before pays as always.
freeze-link-title = Was this not you?
freeze-link-text = Somebody set a new payment PIN for your account. If you did not, stop it here.
freeze-link-text-contact = Somebody changed the address or number of your account to another one. If you did not, stop it here.
freeze-link-1-contact = The new address or number opens your account no longer, the PIN is locked, and every device is signed out.
freeze-link-done-contact = Nobody can pay from it, the new address or number opens it no longer, and every device is signed out. Ask whoever runs this service to put your own back and to free the account.
freeze-link-1 = The new PIN is locked, and every device is signed out.
freeze-link-2 = Whoever runs this service frees your account with you again.
freeze-link-text-address = Somebody changed the address you sign in with to another one. If you did not, stop it here.
freeze-link-1-address = Your earlier address counts again, the password is void, and every device is signed out.
freeze-link-done-address = Your earlier address counts again, the password is void, and every device is signed out. A colleague who manages members lets you in again; then set a new password with “Forgotten password”. Are you the only owner? Set it at once; if your second step is not yours any more, whoever runs this service lets you begin anew.
freeze-link-2-address = Your shop’s security is told and lets you in again.
freeze-link-button = It was not me: freeze my account
freeze-link-else = If it was you, close this page. Nothing happens.
freeze-link-done = Nobody can pay from it, and every device is signed out. Somebody may read your mail or messages: change that password too, then ask whoever runs this service to free the account.
forgotten-link = Forgot your password?
forgotten-title = Set a new password
forgotten-text = We send a link to the address you sign in with.
forgotten-button = Send me a link
forgotten-back = Back to the sign-in
forgotten-sent-title = Look into your mail
forgotten-sent = If the address belongs to a member, a link is on its way. It works once and for { $minutes } minutes.
forgotten-none = Nothing came? Look at the address again, or ask whoever invited you.
reset-title = Choose a new password
reset-text = For { $email }
reset-after = You are signed out everywhere. Sign in with the new password then; your second step is asked for as always.
sign-in-password-set = Your new password is set. Sign in with it.
password-due = Your password is on the lists that thieves try first. Choose another one before you go on.
may-own-password = change one's own password
buyer-contact-any = E-mail or mobile number
account-methods = Payment methods
contact-title = Address or number
contact-now = Now { $contact }
contact-new = New e-mail
contact-new-any = New e-mail or mobile number
contact-new-any-hint = We send a code there. Type a number with its country, such as +86 138 0013 8000.
contact-send = Send a code there
contact-sent = Six digits are on their way to { $contact }.
contact-set = Use this from now on
contact-follows = The one up to now is told as well, and you are signed out everywhere else.
problem-contact = Enter an e-mail address, or a mobile number with its country code, such as +86 138 0013 8000.
problem-contact-factor = Your second step sends its codes to this number. Take another one, or remove that step first.
problem-contact-taken = There is an account with this already.
freeze-title = Freeze everything?
freeze-text = When a phone is lost or something is wrong, this stops it all, at once:
freeze-1 = Nobody can pay from your account, you included.
freeze-2 = { $n ->
    [0] No other device is signed in; a new one needs a code.
    [one] The other device is signed out.
   *[other] The { $n } other devices are signed out.
}
freeze-3 = Payments that wait for your answer are not paid.
freeze-undo = You can take it back with your PIN and a fresh proof that it is you.
freeze-button = Freeze everything
freeze-no = No, leave it
frozen-own-text = Nobody can pay from it, and no other device is signed in. Your money is where it was.
frozen-look = Worth a look
thaw-proof = To take the freeze back, first show that it is you.
thaw-proof-button = Show that it is me
thaw-pin = To pay again, your payment PIN
thaw-button = Take the freeze back
activity-title = What happened lately
activity-text = Something here you do not know? Freeze everything first, ask later.
activity-not-me = This was not me: freeze everything
activity-not-me-short = Not me
activity-not-me-named = { $what }: this was not me
activity-signed-in = Signed in
activity-session-ended = Signed out, or a session was ended
activity-device-added = A new device
activity-factor-added = A second lock was added
activity-factor-removed = A second lock was removed
activity-passkey-copied = A passkey was refused, it may have been copied
activity-recovery-used = A recovery code was used
activity-pin-changed = The PIN was set
activity-pin-reset = The PIN was set without the old one
activity-pin-locked = The PIN was locked after wrong tries
activity-contact-changed = The address or number was changed
activity-sim-changed = The SIM card of your number was changed; codes to it open nothing for seven days
activity-wrong-tries = Somebody tried many wrong codes
activity-stopped-at-second-step = Somebody gave the right code and was stopped at the second step
activity-frozen = The account was frozen
activity-unfrozen = The account was freed

## Members and roles
nav-members = Members
member-invite = Invite a member
member-name = Name
member-roles = Roles
member-factor = Second factor
member-factor-yes = set up
member-factor-no = missing
member-last = Last sign-in
member-never = never
member-you = you
member-since = Member since
member-invited = invited
member-active = active
member-removed = removed
member-suspended = suspended
member-lost = Lost every second step?
member-lost-text = { $name } gets a link by mail, chooses a new password and sets up a new second step. A second person must approve it first.
member-lost-button = Reset the second step
member-lost-waits = This waits for a second person under “Approvals”. Press the button again once it was approved.
member-lost-done = Done. The link is on its way and works for 24 hours.
member-lost-nobody = Nobody else here can approve this. Ask whoever runs this service.
member-lost-own = Somebody else must ask for this.
nav-buyer-policy = Asked of buyers
policy-above = Above { $amount } a buyer pays with a passkey, or gives a second step before the PIN.
policy-none = Buyers pay every amount with their PIN or a passkey.
policy-field = Ask for more than the PIN above ({ $currency })
policy-hint = Empty for never, 0 for every payment.
policy-button = Save
policy-what = Buyers read this on the pay page before they confirm. It holds from the next payment on.
problem-policy-amount = Enter an amount such as 500 or 500.00, or leave it empty.
member-waits = A second person must approve this. It waits under “Approvals”; save again once it is approved.
member-restore = Let { $name } in again
role-own = A role of this shop: { $n ->
    [one] one thing it may do
   *[other] { $n } things it may do
}
member-more = You can only give and take what you may do yourself.
member-back = Back to the members
member-new-title = Invite a member
member-new-text = They get a link by mail, good for { $days } days, and choose a password and a second factor themselves.
member-new-button = Send the invitation
member-taken = Somebody with this address is a member already, here or in another shop.
member-full = The shop has as many members as it may have. Remove one first.
problem-roles = Tick at least one role.
member-roles-button = Save the roles of { $name }
member-sessions = { $n ->
    [0] not signed in
    [one] signed in on one device
   *[other] signed in on { $n } devices
}
members-sign-out = Sign everybody else out
members-sign-out-hint = All members of this shop sign in again, on every device. You stay signed in here.
members-signed-out = { $n ->
    [0] Nobody else was signed in.
    [one] One session was ended.
   *[other] { $n } sessions were ended.
}
member-sessions-end = Sign { $name } out everywhere
member-remove-ask = Remove { $name } …
member-last-owner = Nobody else here may do everything. Give somebody else the same role first.
member-remove-title = Remove { $name } from { $shop }?
member-remove-1 = { $n ->
    [0] They can no longer sign in, from now on.
    [one] They are signed out of their device now and cannot sign in again.
   *[other] They are signed out of { $n } devices now and cannot sign in again.
}
member-remove-2 = Links and invitations sent to them do not work any more.
member-remove-3 = What they did stays in the log under their name. To come back, they need a new invitation.
member-remove-button = Remove { $name } from { $shop }
member-remove-no = Keep them
member-resend = Send the invitation again
member-resend-text = A new link goes to their address; the one sent before does not work any more.
member-withdraw = Withdraw the invitation …
role-does-operator = Runs the installation: keys, shops, operators; sees no payment and no customer.
roles-own = Roles of your own
roles-own-none = None yet. Make one where the built-in roles allow too much or too little.
role-new = Make a role
role-new-title = A role of your own
role-new-button = Make the role
role-edit-text = You can tick what you may do yourself. A change holds for everybody who has the role from their next click.
role-name = Name
role-name-hint = Such as “evening shift”.
role-none = Tick at least one thing.
role-save = Save the role
role-taken = A role of this name is there already.
role-full = The shop has as many roles as it may have. Delete one first.
role-holders = Who has it
role-nobody = Nobody.
role-in-use = Give them another role before you delete this one.
role-delete = Delete the role { $name }
role-back = Back to the roles
role-allows = { $n ->
    [one] allows one thing
   *[other] allows { $n } things
}
role-held = { $n ->
    [0] nobody has it
    [one] one member has it
   *[other] { $n } members have it
}
roles-title = Roles
roles-text = What each role may do, and how many hold it. A member can hold several.
roles-may = May
roles-fresh = asks again
roles-fresh-long = Asks for the second factor again when it was given more than a few minutes ago
roles-yes = yes
roles-no = no
role-does-owner = Everything in the shop.
role-does-manager = Runs the shop: payments, refunds, members at the till.
role-does-cashier = Makes codes and takes payments; sees them.
role-does-support = Helps customers: sees payments, opens a customer's data for a purpose.
role-does-finance = Books, refunds, payouts, exports.
role-does-risk = Reviews payments, keeps the rules.
role-does-security = Members, keys, certificates, policy; sells nothing.
role-does-auditor = Reads everything, changes nothing.
may-enter = sign in
may-own-account = see the own account
may-pay = pay
may-own-security = keep the own sign-in safe
may-view-shop = read the shop's settings
may-manage-shop = change the shop's settings
may-view-payments = see payments, codes and refunds
may-take-payments = make codes and payments
may-manage-codes = make printed codes
may-settle-payments = capture or cancel a payment
may-refund = give money back
may-top-up = top up a buyer's balance
may-view-ledger = read the books
may-manage-payouts = change where money is paid out to
may-request-decision = ask for a decision
may-view-decisions = see why a payment was stopped
may-review = decide paused payments
may-work-cases = see and work cases
may-manage-rules = change the rules
may-view-customers = see customers, masked
may-manage-customers = make and change customers
may-open-customers = open a customer's data
may-create-tokens = keep cards
may-open-tokens = open a card's number
may-export-customers = ask for an export of customers
may-view-members = see the members
may-manage-members = invite, change and remove members
may-manage-roles = make roles of the shop's own
may-approve = approve what others propose
may-review-access = decide in an access review
may-manage-api-keys = make and revoke API keys
may-manage-certificates = issue and revoke certificates
may-manage-security = set the security policy, sign others out
may-manage-terminals = manage terminals
may-view-audit = read the log
may-manage-keys = rotate the keys of the installation
may-operate = run the installation

## Two people for one thing, and access reviews
nav-approvals = Approvals
nav-emergency = Emergency access
may-emergency-access = take other power for a time in an emergency
approvals-emergencies = { $n ->
    [one] An emergency access waits for your review.
   *[other] { $n } emergency accesses wait for your review.
}
emergency-text = When nobody is there who may, you take another role for some minutes, in this browser alone. Everybody who owns the shop or looks after its security is told at once, and somebody else reviews it afterwards.
emergency-taken = What was taken
emergency-running = running
emergency-unreviewed = to be reviewed
emergency-reviewed = reviewed
emergency-reviewed-by = reviewed by { $who }
emergency-note = What did you find that { $who } did?
emergency-review = Sign off
emergency-review-named = Sign off what { $who } did
emergency-end = End it
emergency-end-named = End the emergency access of { $who }
emergency-none-title = Nothing to take
emergency-none-text = You have all that is lent in an emergency.
emergency-take = Take another role
emergency-role = Role
emergency-minutes = Minutes
emergency-minutes-hint = At most { $max }.
emergency-reason = Why
emergency-reason-hint = One line that a colleague can judge, such as “till 3 charges twice, the owner is on a flight”.
emergency-button = Take it and tell everybody
emergency-what = What would outlast it is not lent: keys, certificates, roles, accounts for payouts, approvals. Everything you do meanwhile names it in the log.
problem-emergency-minutes = Enter 1 to { $max } minutes.
problem-emergency-reason = Say why, in at least ten characters on one line.
problem-emergency-note = Say what you found, in at least ten characters on one line.
problem-emergency-running = You hold such power already. End it first.
problem-emergency-unreviewed = Somebody else must review your last three first.
problem-emergency-nothing = That role gives you nothing here.
approvals-text = Some things take two people. What a colleague asks for waits here; your own requests wait for somebody else.
approvals-none-title = Nothing waits
approvals-none-text = When somebody asks for something that takes two people, it appears here.
approvals-until = until
approval-invited = { $who }, who is to be invited
approval-gains = May then:
approval-loses = May no longer:
approval-yours = waits for you
approval-own = waits for somebody else
approval-approved = approved, good once
approve = Approve
approve-look = Look at it first
refuse = Refuse
approve-named = Approve: { $what }
refuse-named = Refuse: { $what }
nav-access-review = Access review
review-done = { $done } of { $total } decided
review-due = due
review-overdue = overdue since
review-text = Each quarter, one question for everybody and everything with access: is it still needed? Every decision counts at once.
review-move = move
review-keep = keeps
review-remove = removes
review-question = Does { $name } still need { $grants }?
review-used = Last used
review-unused = Never used
review-own = Your own line: a colleague decides it.
review-keep-button = Still needed
review-remove-button = Remove
review-keep-named = Keep { $grants } for { $name }
review-remove-named = Remove { $grants } from { $name }
review-none-title = No review is due
review-none-text = Every quarter you are asked here who still needs what.
review-past = Reviews so far
review-closed = closed
flag-unused = unused for 90 days
flag-old-key = old key
flag-single-factor = no second factor
review-certificate = Certificate of { $holder }
decision-confirmed = still needed
decision-removed = removed
decision-suspended = suspended

## Keys of the installation
nav-keys = Keys
keys-tree-text = Each key wraps the ones below it; the lowest seal every name, number and contact. Rotating one never stops a payment.
level-root = Root key
level-kek = Wrapping keys
level-data = Data keys
level-seed = Seed of the keys for PINs, look-ups and codes
level-uses-root = { $n ->
    [one] one key below
   *[other] { $n } keys below
}
level-uses-kek = { $n ->
    [0] nothing below
    [one] one data key below
   *[other] { $n } data keys below
}
level-uses-data = { $n ->
    [one] one data key
   *[other] { $n } data keys
}
level-uses-seed = { $n ->
    [0] nothing below
    [one] one below
   *[other] { $n } below
}
key-version = Version { $n }
key-active = in use
key-coming = being handed out
key-retired = retired
key-destroyed = destroyed
key-made = made
key-due = { $n ->
    [one] one day left
   *[other] { $n } days left
}
key-over = { $n ->
    [0] replace it today
    [one] overdue by one day
   *[other] overdue by { $n } days
}
key-destroy = Destroy …
rotate-root = Replace the root key …
rotate-kek = Replace the wrapping key …
rotate-data = Replace the data keys …
rotate-seed = Replace the seed …
rotate-root-title = Replace the root key?
rotate-root-text = A new root key is taken from your key source, and the { $n } keys below it are wrapped by it in one step. Nothing that is sealed changes. Keep the old one until your backups are older than today.
rotate-root-button = Replace the root key
rotate-kek-title = Replace the wrapping key?
rotate-kek-text = New data keys are wrapped by a new key at once; the { $n } that are there are moved to it in the background. The old one can be destroyed when nothing hangs from it.
rotate-kek-button = Replace the wrapping key
rotate-data-title = Replace the data keys?
rotate-data-text = Every customer, member and shop gets a new data key: { $n } in all, and all their values are sealed anew, some at a time.
rotate-data-button = Replace the data keys
rotate-seed-title = Replace the seed?
rotate-seed-text = New keys for PINs, look-ups and codes are made from a new seed. What customers are found by is made anew in the background; PINs get a layer at once and a new verifier when they are next typed right. Fingerprints of cards change. Printed codes stay good until you destroy the old seed.
rotate-seed-button = Replace the seed
rotate-no = Not now
rotate-root-waits = Replacing the root key waits for a second person.
key-destroy-waits = its destruction waits
destroy-root-title = Destroy version { $n } of the root key?
destroy-root-lost = Every backup of the database from the time of this key, and every copy of it, opens no more. Nobody can bring the key back, not even you. Go on only if you have a newer backup that you tried.
destroy-kek-title = Destroy version { $n } of the wrapping key?
destroy-kek-lost = Backups in which data keys still hang from this key lose those values: names, contacts, cards. Nobody can bring the key back, not even you. Go on only if you have a newer backup that you tried.
destroy-two = A second person who looks after the keys has to approve this. The key is destroyed with their yes.
destroy-button = Ask a colleague to destroy it
destroy-no = Keep the key
destroy-alone = Nobody else can approve this. Destroy the key at the machine: tillward keys destroy
destroy-in-use = Keys still hang from it, or a key is being replaced. Wait until it is done.
rotation-running = Being replaced: { $level }
rotation-done = { $done } of { $total } moved
rotation-since = since
rotation-problem = It stands still:
rotation-leave = You can leave this page; it goes on by itself, also after a restart. Payments go on.
rotation-past = Replaced so far
held-form = Your entries are still here. Look them over and press again. Secrets are typed again.
step-title = One more step
step-again-title = Confirm that it is you
step-totp-text = Open your authenticator app and type the six digits it shows.
step-sms-text = We send six digits to your telephone.
step-recovery-text = Type one of your recovery codes. It works once.
step-passkey-text = Use your passkey.
step-contact-text = We send six digits to your e-mail.
step-code-label = Six digits
step-recovery-label = Recovery code
step-button = Continue
step-send = Send me a code
step-other = Another way
step-by-totp = Authenticator app
step-by-passkey = Passkey
step-by-sms = Text message
step-by-recovery = Recovery code
step-begin-again = Begin again
problem-step-code = Type the code as it is shown.
problem-step-sim = The SIM card of your number was changed lately, so codes to it open nothing for seven days. Use another way.
problem-step-wrong = That code is not right, or was used already. Try the next one.
problem-step-wait = Too many wrong codes. Wait half an hour, or use another way.
enrol-title = Set up a second step
enrol-text-first = A password alone is not enough to look after other people's money. Set this up once; it takes a minute.
enrol-text = With a second step nobody gets in with your password or mailbox alone.
enrol-text-buyer = Codes to your address or telephone open your account. With a second step nobody who reads them gets in.
enrol-passkey-title = Passkey
enrol-passkey-text = Your device's fingerprint, face or PIN, or a security key. The safest: there is no code that somebody could coax out of you.
enrol-passkey-button = Use a passkey
enrol-app-title = Authenticator app
enrol-app-text = An app on your telephone shows a new six-digit code every half minute. It works without a network.
enrol-app-button = Use an app
enrol-app-scan = Scan this with your authenticator app. It is shown this once.
enrol-app-qr = Key for the authenticator app
enrol-app-key = No camera at hand? Type this key into the app:
enrol-app-open = Open the app on this device
enrol-app-code = The six digits the app shows now
enrol-confirm = Confirm
enrol-back = Back
problem-app-wrong = That code is not right. Is the clock of your telephone set by the network?
enrol-phone-title = Text message
enrol-phone-text = A code comes to your telephone. Numbers can be taken over by thieves: the app or a passkey is safer.
enrol-phone-label = Number with its country
enrol-phone-button = Send me a code
enrol-phone-sent = Six digits are on their way to your telephone. They are good for ten minutes.
problem-number = Type the number with its country, such as +86 138 0013 8000.
problem-number-contact = This number opens your account already, so it cannot be the second step too. Take another number, an app or a passkey.
enrol-codes-title = Recovery codes
enrol-codes-text = Ten codes for the day your telephone is gone. New ones end the old ones.
enrol-codes-button = Make ten new codes
enrol-not-now = Not now
recovery-title = Keep these codes
recovery-text = Each one lets you in once when your telephone is gone. Print them, or keep them in a password manager.
recovery-once = They are not shown again.
recovery-go-on = I have kept them
passkey-sign-in = Sign in with a passkey
passkey-wait = Follow your device: it asks for your finger, face or code.
passkey-cancelled = Nothing was confirmed. Try again when you are ready.
passkey-known = This device has a passkey for your account already.
passkey-unsupported = This browser or device offers no passkeys. Use another way.
passkey-failed = That did not work. Load the page again and try once more.
passkey-refused = That passkey does not open an account here. Use another one, or another way.
passkey-new-title = Add a passkey
passkey-new-text = Your phone, computer or security key signs you in and confirms payments by finger, face or code. Nothing secret leaves it.
passkey-no-script = Passkeys need JavaScript. Switch it on for this page, or use another way.
passkey-label = Name
passkey-label-hint = So that you know it again, such as “phone”.
passkey-new-button = Add passkey
passkey-new-refused = The passkey was not added: your device’s answer was not accepted. Try again.
passkey-new-maker = This device is not one that your organisation takes. Use a security key that it hands out.
passkey-new-makers = Your organisation takes only security keys that it hands out, and asks the key who made it.
passkey-new-taken = This passkey is in use already.
passkey-new-limit = You have as many passkeys as an account may have. Remove one first.
passkey-back = Back to security


## Shops of the installation
nav-shops = Shops
shops-since = Since
shops-none-title = No shops yet
shops-none-text = The link printed at the first start opens one.
shops-unlocked = { $n ->
    [one] one without second factor
   *[other] { $n } without second factor
}

## Sign-in at the operator's provider
sign-in-outside = Sign in with { $name }
sign-in-outside-failed = That sign-in was not completed. Please try again.
sign-in-outside-stranger = Nobody here has the address you signed in with there. Ask the owner of the shop for an invitation.
sign-in-outside-away = The other sign-in does not answer. Try again later, or sign in with your password.

nav-apps = Connected apps
apps-text = Somebody else’s software, such as bookkeeping, may use your shop’s API here without a key of yours. Register it first; a member then allows it, and you disconnect it at any time.
apps-none-title = No apps yet
apps-none-text = Register one to let its maker connect it.
apps-name = Name
apps-name-hint = As your members know it, such as “Bookkeeping”.
apps-redirects = Addresses that members are sent back to
apps-redirects-hint = From the app’s maker, one a line, to the letter.
apps-keys = Public keys of the app
apps-keys-hint = From the app’s maker, as a JWK or JWK set (ES256, PS256 or EdDSA). Never a private key.
apps-most = At most, it may
apps-client-id = Id for the app’s maker (client_id)
apps-new = Register an app
apps-connections = Allowed by
apps-nobody = Nobody has allowed it yet.
apps-since = since
apps-used = last used
apps-unused = not used yet
apps-ends = ends
apps-disconnect = Disconnect { $app } for { $who }
apps-remove = Remove { $app }
apps-full = A shop has at most 50 apps. Remove one first.
apps-problem-redirects = Enter 1 to 10 addresses, one a line, that begin with https:// and hold no #.
apps-problem-keys = Enter 1 to 5 public keys as a JWK or JWK set: ES256, PS256 (2048 to 4096 bits) or EdDSA, without a private part.
consent-title = Allow { $app }?
consent-text = { $app } wants to act for you in { $shop }.
consent-may = It could
consent-days = This ends by itself after { $count } days, or sooner when you leave or an owner disconnects it. It can never do more than you.
consent-nothing = It asks for things that you may not do yourself, so there is nothing to allow.
consent-back = Afterwards you go back to { $site }.
consent-allow = Allow
consent-decline = Decline
consent-doubt = Did you not begin this in the app yourself a moment ago? Then decline.
leaving-title = Back to { $site }
leaving-text = Your browser goes on by itself. If it does not, press the button.
