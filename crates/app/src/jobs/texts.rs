//! Delivering text messages: to an HTTP gateway (docs/sms-gateway.md), or into a folder for trying things out. The gateway's
//! answer may say that the SIM card of the number was changed.

use std::path::PathBuf;
use std::time::Duration;

use identity::limits::SIM_CHANGE_SECONDS;
use identity::{Channel, DueMail, Fault, Means, SimChange};
use store::Tx;

use crate::config::TextMessages;
use crate::installation::Installation;
use crate::key_source::install_tls;

/// Messages taken in one round.
const TEXTS_MAX: usize = 20;
/// How long the gateway may take for one message.
const WAIT: Duration = Duration::from_secs(10);
/// Longest answer that is read, in bytes; of a longer one the status counts alone.
const ANSWER_BYTES_MAX: usize = 16 * 1024;
/// How far back the gateway looks for a change of the SIM card, in hours.
const MAX_AGE_HOURS: i64 = SIM_CHANGE_SECONDS / 3600;

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
            Way::Folder(folder) => super::post::write(folder, text).map(|()| None).map_err(Refusal::Later),
            Way::Gateway { client, url, token, runtime } => runtime.block_on(send(client, url, token, text)),
        };
        let text = text.clone();
        let noted = self.at.write_if_due(move |tx, means| note(tx, means, &text, &sent));
        if let Err(problem) = noted {
            tracing::warn!(%problem, "a delivery could not be noted; the message may go out twice");
        }
    }
}

/// Writes down what became of a message, and what its gateway said of the number.
fn note(
    tx: &mut Tx<'_>,
    means: &Means<'_>,
    text: &DueMail,
    sent: &Result<Option<SimChange>, Refusal>,
) -> Result<(), Fault> {
    match sent {
        Ok(change) => {
            identity::mark_sent(tx, text.shop, &text.id)?;
            change.map_or(Ok(()), |change| identity::note_sim_change(tx, means, text, change))
        }
        Err(Refusal::Later(why)) => identity::mark_failed(tx, text.shop, &text.id, why, means.now),
        Err(Refusal::Never(why)) => identity::mark_refused(tx, text.shop, &text.id, why),
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
) -> Result<Option<SimChange>, Refusal> {
    let body = serde_json::json!({
        "id": text.id, "to": text.recipient.expose(), "text": text.body.expose(), "kind": text.template,
        "maxAge": MAX_AGE_HOURS,
    });
    let request = client
        .post(url)
        .bearer_auth(token.expose())
        .header("idempotency-key", &text.id)
        .header("content-type", "application/json")
        .body(body.to_string());
    let answer =
        request.send().await.map_err(|_| Refusal::Later("the text gateway was not reached".to_owned()))?;
    judge(answer.status().as_u16())?;
    Ok(read_answer(answer).await.and_then(|body| read_sim_change(&body)))
}

/// The body of an answer; `None` for one that is too long or breaks off.
async fn read_answer(mut answer: reqwest::Response) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(part) = answer.chunk().await.ok()? {
        body.extend_from_slice(&part);
        if body.len() > ANSWER_BYTES_MAX {
            return None;
        }
    }
    Some(body)
}

/// What an answer says of the number's SIM card, in the terms of CAMARA's SIM Swap: `latestSimChange` is a time or null,
/// `swapped` is true or false for the last `maxAge` hours. Other fields, and answers that are no JSON, say nothing; a time
/// that cannot be read does not go by unseen.
fn read_sim_change(body: &[u8]) -> Option<SimChange> {
    let answer: serde_json::Value = serde_json::from_slice(body).ok()?;
    match answer.get("latestSimChange") {
        None | Some(serde_json::Value::Null) => {}
        Some(said) => match said.as_str().and_then(base::Timestamp::parse_rfc3339) {
            Some(at) => return Some(SimChange::At(at)),
            None => {
                tracing::warn!("the text gateway's `latestSimChange` is no time by RFC 3339 and was ignored")
            }
        },
    }
    (answer.get("swapped") == Some(&serde_json::Value::Bool(true))).then_some(SimChange::Lately)
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
    fn otp_5_an_answer_says_when_the_sim_card_was_changed_in_camaras_terms_or_nothing() {
        let at = base::Timestamp(1_772_357_400_000);
        for (body, expect) in [
            (r#"{"latestSimChange":"2026-03-01T09:30:00Z"}"#, Some(SimChange::At(at))),
            (
                r#"{"latestSimChange":"2026-03-01T17:30:00.000+08:00","swapped":false}"#,
                Some(SimChange::At(at)),
            ),
            (r#"{"latestSimChange":null,"monitoredPeriod":120}"#, None),
            (r#"{"latestSimChange":null,"swapped":true}"#, Some(SimChange::Lately)),
            (r#"{"latestSimChange":"last week","swapped":true}"#, Some(SimChange::Lately)),
            (r#"{"latestSimChange":"last week"}"#, None),
            (r#"{"latestSimChange":1772357400}"#, None),
            (r#"{"swapped":true}"#, Some(SimChange::Lately)),
            (r#"{"swapped":false}"#, None),
            (r#"{"swapped":"true"}"#, None),
            (r#"{"status":"queued"}"#, None),
            (r#"["swapped"]"#, None),
            ("OK", None),
            ("", None),
        ] {
            assert_eq!(read_sim_change(body.as_bytes()), expect, "{body}");
        }
    }

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
