//! Codes: the list, making one, showing it large with its live state, and the page to print.

use askama::Template;
use base::{Money, Timestamp};
use webkit::page::form::Choice;
use webkit::page::{Frame, Html, Pager, Problems};

use super::shown::{CodeKindShown, CodeShown};

/// One code as a row.
#[derive(Clone, Debug)]
pub struct CodeRow {
    /// The code's id.
    pub id: String,
    /// Its page.
    pub href: String,
    /// What it is for.
    pub kind: CodeKindShown,
    /// Order line or till.
    pub label: String,
    /// The amount; absent when the buyer types it.
    pub amount: Option<Money>,
    /// Its state.
    pub state: CodeShown,
    /// When it was made.
    pub at: Timestamp,
    /// Payments made with it.
    pub payments: u64,
}

/// All codes. Template `codes.html`.
#[derive(Template)]
#[template(path = "codes.html")]
pub struct CodesPage {
    /// The frame.
    pub page: Frame,
    /// The rows, newest first.
    pub rows: Vec<CodeRow>,
    /// The neighbouring pages.
    pub pager: Pager,
    /// Where a code is made; empty when the member may not.
    pub new_href: String,
}

/// Making a code. Template `code_new.html`. Fields `kind` (`dynamic`, `static`), `amount`, `order_line`,
/// `order_reference`, `terminal`, `minutes`.
#[derive(Template)]
#[template(path = "code_new.html")]
pub struct CodeNewPage {
    /// The frame.
    pub page: Frame,
    /// The chosen kind: `dynamic` or `static`.
    pub kind: String,
    /// The currency's code.
    pub currency: String,
    /// What was typed as the amount.
    pub amount_typed: String,
    /// What was typed as the order line.
    pub order_line_typed: String,
    /// What was typed as the order number.
    pub order_reference_typed: String,
    /// The chosen till's id.
    pub terminal: String,
    /// Tills to choose from; empty to leave the field out.
    pub terminals: Vec<Choice>,
    /// The chosen number of minutes.
    pub minutes: u32,
    /// What is wrong, by field.
    pub problems: Problems,
    /// Where the form posts to.
    pub action_href: String,
}

impl CodeNewPage {
    /// How long a code can last.
    pub fn minute_choices(&self) -> Vec<Choice> {
        let choice = |n: u32| Choice::new(&n.to_string(), self.page.t1("code-new-minutes-choice", "n", n));
        [5, 15, 60, 240].map(choice).to_vec()
    }

    /// The kinds to choose from.
    pub fn kind_choices(&self) -> Vec<Choice> {
        ["dynamic", "static"]
            .map(|kind| Choice::new(kind, self.page.t(format!("code-new-kind-{kind}"))))
            .to_vec()
    }

    /// The chosen number of minutes as a field's value.
    pub fn minutes_value(&self) -> String {
        self.minutes.to_string()
    }
}

/// A code, large, for a counter or a screen. Template `code.html`. The frame's `live` names an event stream that sends
/// `code` ([`CodeStatePart`]).
#[derive(Template)]
#[template(path = "code.html")]
pub struct CodePage {
    /// The frame.
    pub page: Frame,
    /// The code's id.
    pub id: String,
    /// What it is for.
    pub kind: CodeKindShown,
    /// The code as SVG, made by us.
    pub qr: Html,
    /// The address in the code.
    pub url: String,
    /// The shop's name.
    pub shop: String,
    /// Order line or till.
    pub label: String,
    /// The amount; absent when the buyer types it.
    pub amount: Option<Money>,
    /// Its state, part of the page that the stream replaces.
    pub state: CodeState,
    /// The EMVCo merchant-presented text; empty to leave it out.
    pub emv: String,
    /// The image as SVG.
    pub svg_href: String,
    /// The image as PNG.
    pub png_href: String,
    /// The page to print.
    pub print_href: String,
    /// Where "withdraw" posts to; empty when it cannot be.
    pub withdraw_href: String,
}

/// What changes while a code is shown.
#[derive(Clone, Debug)]
pub struct CodeState {
    /// Its state.
    pub state: CodeShown,
    /// Whether a buyer has opened it and not yet paid.
    pub scanned: bool,
    /// When it ends; absent for one that does not.
    pub expires_at: Option<Timestamp>,
    /// Who paid, shortened; empty for nobody.
    pub payer: String,
    /// The page of the payment; empty for none.
    pub payment_href: String,
}

/// The part of [`CodePage`] that the event stream replaces. Template `code_state_part.html`.
#[derive(Template)]
#[template(path = "code_state_part.html")]
pub struct CodeStatePart {
    /// The frame.
    pub page: Frame,
    /// The state.
    pub state: CodeState,
}

/// A code on a sheet of paper. Template `code_print.html`.
#[derive(Template)]
#[template(path = "code_print.html")]
pub struct CodePrintPage {
    /// The frame, without desk.
    pub page: Frame,
    /// The code as SVG at level H, made by us.
    pub qr: Html,
    /// The shop's name.
    pub shop: String,
    /// Whether the shop's identity was verified.
    pub verified: bool,
    /// Order line or till.
    pub label: String,
    /// The amount; absent when the buyer types it.
    pub amount: Option<Money>,
    /// The code's id, small below.
    pub id: String,
}
