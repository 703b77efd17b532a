//! Looking after who has what: opening the quarter's access reviews, reminding of them, suspending what nobody decided and who
//! was idle.

use store::Tx;

use crate::installation::Installation;

type Step = fn(&mut Tx<'_>, &identity::Means<'_>) -> Result<usize, identity::Fault>;

/// Each in a transaction of its own. Every node runs them: a step looks at the rows it would change, so the second node
/// finds the work done.
const STEPS: [(&str, Step); 4] = [
    ("access reviews opened", identity::open_due_reviews),
    ("access reviews reminded of", identity::remind_of_open_reviews),
    ("access reviews closed", identity::close_due_reviews),
    ("idle members suspended", identity::suspend_idle_members),
];

pub(super) fn look(at: &Installation) {
    for (what, step) in STEPS {
        match at.write_if_due(step) {
            Ok(0) => {}
            Ok(count) => tracing::info!(count, "{what}"),
            Err(problem) => tracing::warn!(%problem, what, "who has what could not be looked after"),
        }
    }
}
