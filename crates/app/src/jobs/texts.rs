//! Delivering text messages: to an HTTP gateway (docs/sms-gateway.md), or into a folder for trying things out.

use std::path::PathBuf;
use std::time::Duration;

use identity::{Channel, DueMail, Means};
use store::Tx;

use crate::config::TextMessages;
use crate::installation::Installation;
use crate::key_source::install_tls;

/// Messages taken in one round.
const TEXTS_MAX: usize = 20;
/// How long the gateway may take for one message.
const WAIT: Duration = Duration::from_secs(10);

enum Way {
    Folder(PathBuf),
    Gateway {
        client: reqwest::Client,
        url: String,
        token: base::Secret<String>,
        runtime: tokio::runtime::Runtime,
    },
}

/// The sender of text messages of this node.
pub(super) struct Texts {
    at: Installation,
    way: Way,
}

impl Texts {
    pub(super) fn new(at: Installation, messages: TextMessages) -> Result<Texts, String> {
        let way = match messages {
            TextMessages::Nowhere => return Err("no gateway is set".to_owned()),
            TextMessages::Folder(folder) => Way::Folder(folder),
            TextMessages::Gateway { url, token } => gateway(url, token)?,
        };
        Ok(Texts { at, way })
    }

    /// Takes what is due and delivers it.
    pub(super) fn deliver(&self) {
        let due =
            |tx: &mut Tx<'_>, means: &Means<'_>| identity::take_due_on(tx, means, Channel::Sms, TEXTS_MAX);
        match self.at.write_if_due(due) {
            Ok(due) => due.iter().for_each(|text| self.deliver_one(text)),
            Err(problem) => tracing::warn!(%problem, "text messages could not be read"),
        }
    }

    fn deliver_one(&self, text: &DueMail) {
        let sent = match &self.way {
            Way::Folder(folder) => super::post::write(folder, text).map_err(Refusal::Later),
            Way::Gateway { client, url, token, runtime } => runtime.block_on(send(client, url, token, text)),
        };
        let (shop, id, now) = (text.shop, text.id.clone(), self.at.clock.now());
        let noted = self.at.db.write_blocking(move |tx| match &sent {
            Ok(()) => identity::mark_sent(tx, shop, &id),
            Err(Refusal::Later(why)) => identity::mark_failed(tx, shop, &id, why, now),
            Err(Refusal::Never(why)) => identity::mark_refused(tx, shop, &id, why),
        });
        if let Err(problem) = noted {
            tracing::warn!(%problem, "a delivery could not be noted; the message may go out twice");
        }
    }
}

fn gateway(url: String, token: base::Secret<String>) -> Result<Way, String> {
    install_tls();
    // A redirect would carry the token and the number to somebody else.
    let client = reqwest::Client::builder().timeout(WAIT).redirect(reqwest::redirect::Policy::none()).build();
    let client = client.map_err(|_| "the client of the gateway cannot be made".to_owned())?;
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| e.to_string())?;
    Ok(Way::Gateway { client, url, token, runtime })
}

/// Why a message did not go out. The text is kept for the operator and names no number.
#[derive(Debug, PartialEq, Eq)]
enum Refusal {
    /// Worth another try.
    Later(String),
    /// The gateway will never take it.
    Never(String),
}

async fn send(
    client: &reqwest::Client,
    url: &str,
    token: &base::Secret<String>,
    text: &DueMail,
) -> Result<(), Refusal> {
    let body = serde_json::json!({
        "id": text.id, "to": text.recipient.expose(), "text": text.body.expose(), "kind": text.template,
    });
    let request = client
        .post(url)
        .bearer_auth(token.expose())
        .header("idempotency-key", &text.id)
        .header("content-type", "application/json")
        .body(body.to_string());
    let answer =
        request.send().await.map_err(|_| Refusal::Later("the text gateway was not reached".to_owned()))?;
    judge(answer.status().as_u16())
}

/// What the status of an answer means.
fn judge(status: u16) -> Result<(), Refusal> {
    let why = || format!("the text gateway answered {status}");
    match status {
        200..=299 => Ok(()),
        401 | 403 | 404 | 408 | 425 | 429 | 500..=599 => Err(Refusal::Later(why())),
        _ => Err(Refusal::Never(why())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_gateway_refuses_for_good_is_not_tried_again() {
        assert_eq!(judge(202), Ok(()));
        for later in [401, 403, 404, 408, 429, 500, 503] {
            assert!(matches!(judge(later), Err(Refusal::Later(_))), "{later}");
        }
        for never in [301, 400, 409, 410, 422] {
            assert!(matches!(judge(never), Err(Refusal::Never(_))), "{never}");
        }
    }
}
