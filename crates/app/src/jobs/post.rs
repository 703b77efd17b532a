//! Delivering mails: to a server, or into a folder for trying things out.

use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use identity::{DueMail, Means};
use lettre::message::header::ContentType;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use store::Tx;

use crate::config::Mail;
use crate::installation::Installation;

/// Mails taken in one round.
const MAILS_MAX: usize = 20;

enum Way {
    Nowhere,
    Folder(PathBuf),
    Smtp {
        transport: Box<AsyncSmtpTransport<Tokio1Executor>>,
        from: String,
        runtime: tokio::runtime::Runtime,
    },
}

/// The post office of this node.
pub(super) struct Post {
    at: Installation,
    way: Way,
}

impl Post {
    pub(super) fn new(at: Installation, mail: Mail) -> Result<Post, String> {
        let way = match mail {
            Mail::Nowhere => {
                tracing::warn!(
                    "no mail server is set: codes and notices wait; set --smtp-url or --mail-folder"
                );
                Way::Nowhere
            }
            Mail::Folder(folder) => {
                std::fs::create_dir_all(&folder)
                    .map_err(|e| format!("cannot make `{}`: {e}", folder.display()))?;
                Way::Folder(folder)
            }
            Mail::Smtp { url, from, authority } => smtp(url.expose(), from, authority.as_deref())?,
        };
        Ok(Post { at, way })
    }

    /// Takes what is due and delivers it.
    pub(super) fn deliver(&mut self) {
        if matches!(self.way, Way::Nowhere) {
            return;
        }
        let due = |tx: &mut Tx<'_>, means: &Means<'_>| identity::take_due(tx, means, MAILS_MAX);
        match self.at.write_if_due(due) {
            Ok(due) => due.iter().for_each(|mail| self.deliver_one(mail)),
            Err(problem) => tracing::warn!(%problem, "mails could not be read"),
        }
    }

    fn deliver_one(&self, mail: &DueMail) {
        let sent = match &self.way {
            Way::Nowhere => return,
            Way::Folder(folder) => write(folder, mail),
            Way::Smtp { transport, from, runtime } => send(transport, from, runtime, mail),
        };
        let (shop, id, now) = (mail.shop, mail.id.clone(), self.at.clock.now());
        let noted = self.at.db.write_blocking(move |tx| match &sent {
            Ok(()) => identity::mark_sent(tx, shop, &id),
            Err(why) => identity::mark_failed(tx, shop, &id, why, now),
        });
        if let Err(problem) = noted {
            tracing::warn!(%problem, "a delivery could not be noted; the mail may go out twice");
        }
    }
}

/// The address with `tls=required` where it says nothing of TLS; without it the transport would send in the clear.
fn with_tls(url: &str) -> Option<String> {
    let mut url = reqwest::Url::parse(url).ok()?;
    if url.scheme() == "smtp" && !url.query_pairs().any(|(name, _)| name == "tls") {
        url.query_pairs_mut().append_pair("tls", "required");
    }
    Some(url.into())
}

fn smtp(url: &str, from: String, authority: Option<&Path>) -> Result<Way, String> {
    // The transport's own message may repeat the password.
    let refused = || "smtp_url must look like smtps://user:password@mail.example".to_owned();
    let joined = with_tls(url).ok_or_else(refused)?;
    let mut builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(&joined).map_err(|_| refused())?;
    if let Some(path) = authority {
        let host = reqwest::Url::parse(&joined).ok().and_then(|url| url.host_str().map(str::to_owned));
        let trust = trust_alone(host.ok_or_else(refused)?, path)?;
        let wrapped = joined.starts_with("smtps://");
        builder = builder.tls(if wrapped { Tls::Wrapper(trust) } else { Tls::Required(trust) });
    }
    let transport = builder.build();
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| e.to_string())?;
    Ok(Way::Smtp { transport: Box::new(transport), from, runtime })
}

/// TLS with a host whose certificate is of the authority in a file, and of no other.
fn trust_alone(host: String, path: &Path) -> Result<TlsParameters, String> {
    let refused = |why: String| format!("smtp_ca: `{}`: {why}", path.display());
    let pem = std::fs::read(path).map_err(|e| refused(e.to_string()))?;
    let authority =
        Certificate::from_pem(&pem).map_err(|_| refused("not a certificate in PEM".to_owned()))?;
    let trust = TlsParameters::builder(host).certificate_store(CertificateStore::None);
    trust.add_root_certificate(authority).build().map_err(|e| refused(e.to_string()))
}

fn send(
    transport: &AsyncSmtpTransport<Tokio1Executor>,
    from: &str,
    runtime: &tokio::runtime::Runtime,
    mail: &DueMail,
) -> Result<(), String> {
    // Errors name no address: they are kept for the operator.
    let from = from.parse().map_err(|_| "mail_from is not an address".to_owned())?;
    let to = mail.recipient.expose().parse().map_err(|_| "the recipient is not an address".to_owned())?;
    let message = Message::builder()
        .from(from)
        .to(to)
        .subject(&mail.subject)
        .message_id(Some(format!("<{}@tillward>", mail.id)))
        .header(ContentType::TEXT_PLAIN)
        .body(mail.body.expose().clone())
        .map_err(|_| "the mail cannot be written".to_owned())?;
    runtime.block_on(transport.send(message)).map(drop).map_err(|e| {
        let kind = if e.is_permanent() { "refused" } else { "not reached" };
        format!("the mail server was {kind}: status {:?}", e.status().map(|s| s.to_string()))
    })
}

pub(super) fn write(folder: &Path, mail: &DueMail) -> Result<(), String> {
    use std::io::Write;
    let path = folder.join(format!("{}.txt", mail.id));
    let file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
    let text =
        format!("To: {}\nSubject: {}\n\n{}\n", mail.recipient.expose(), mail.subject, mail.body.expose());
    file.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|e| format!("the mail folder: {e}"))
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::net::TcpListener;
    use std::sync::{Arc, Mutex};

    use base::ShopId;
    use identity::Channel;

    use super::*;

    /// A mail server that offers no TLS; what it was told, a line each.
    fn plain_server() -> (u16, Arc<Mutex<Vec<String>>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let told = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&told);
        std::thread::spawn(move || {
            let (mut client, _) = listener.accept().unwrap();
            client.write_all(b"220 mail.example ESMTP\r\n").unwrap();
            for line in BufReader::new(client.try_clone().unwrap()).lines().map_while(Result::ok) {
                let hello = line.starts_with("EHLO");
                heard.lock().unwrap().push(line);
                let answer = if hello { "250-mail.example\r\n250 AUTH PLAIN\r\n" } else { "250 OK\r\n" };
                if client.write_all(answer.as_bytes()).is_err() {
                    break;
                }
            }
        });
        (port, told)
    }

    #[test]
    fn asvs_12_3_1_mail_asks_for_tls_whatever_else_its_address_says() {
        let given = |url: &str| with_tls(url).unwrap();
        assert_eq!(given("smtp://u:p@mail.example"), "smtp://u:p@mail.example?tls=required");
        assert_eq!(given("smtp://mail.example?x=y"), "smtp://mail.example?x=y&tls=required");
        assert!(given("smtp://u:tls=1@mail.example").ends_with("?tls=required"));
        assert_eq!(given("smtp://127.0.0.1:2525?tls=none"), "smtp://127.0.0.1:2525?tls=none");
        assert_eq!(given("smtps://mail.example"), "smtps://mail.example");
        assert_eq!(with_tls("mail.example"), None);
    }

    #[test]
    fn tls_4_a_mail_server_without_tls_gets_neither_password_nor_mail() {
        let (port, told) = plain_server();
        let url = format!("smtp://till:a%20password@localhost:{port}");
        let Way::Smtp { transport, from, runtime } =
            smtp(&url, "shop@shop.example".to_owned(), None).unwrap()
        else {
            panic!("no server");
        };
        let mail = DueMail {
            owner: "somebody".to_owned(),
            channel: Channel::Mail,
            shop: ShopId::HOUSE,
            id: "1".to_owned(),
            template: "code".to_owned(),
            recipient: base::Secret::new("li@mail.example".to_owned()),
            subject: "Your code".to_owned(),
            body: base::Secret::new("482916".to_owned()),
            attempts: 0,
        };
        let refused = send(&transport, &from, &runtime, &mail).unwrap_err();
        assert!(refused.starts_with("the mail server was "), "{refused}");
        let told = told.lock().unwrap().join("\n");
        assert!(told.starts_with("EHLO "), "{told}");
        assert!(
            !["AUTH", "MAIL", "RCPT", "DATA", "li@", "482916"].iter().any(|word| told.contains(word)),
            "{told}"
        );
    }
}
