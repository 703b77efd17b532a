//! Which PostgreSQL is taken, and which is told nothing. A server tells its version when a connection begins, so one that is
//! too old is played here by its greeting alone.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use base::{Secret, Timestamp};
use store::testing::{POSTGRES_VARIABLE, Scratch};
use store::{Config, Db, Error};

/// A message of the server: its kind, its length with itself, its body.
fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap();
    [&[kind][..], &length.to_be_bytes(), body].concat()
}

/// Reads what a client sends first, which has no kind.
fn read_startup(client: &mut TcpStream) {
    let mut length = [0; 4];
    client.read_exact(&mut length).unwrap();
    let mut body = vec![0; u32::from_be_bytes(length) as usize - 4];
    client.read_exact(&mut body).unwrap();
}

/// A server that greets as one of this version, answers two questions with `off`, and is gone.
fn server_of(version: &'static str) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        read_startup(&mut client);
        let said = [b"server_version\0", version.as_bytes(), b"\0"].concat();
        let ready = message(b'Z', b"I");
        let greeting = [message(b'R', &[0; 4]), message(b'S', &said), ready.clone()].concat();
        client.write_all(&greeting).unwrap();
        let column = [
            b"transaction_read_only\0".as_slice(),
            &[0; 4],
            &[0, 0],
            &25u32.to_be_bytes(),
            &[255; 6],
            &[0, 0],
        ];
        let columns = [&[0u8, 1][..], &column.concat()].concat();
        let row = [&[0u8, 1, 0, 0, 0, 3][..], b"off"].concat();
        let answer = [message(b'T', &columns), message(b'D', &row), message(b'C', b"SHOW\0"), ready].concat();
        // The question whether it takes writes, and the first that the program itself sends.
        for _ in 0..2 {
            let mut head = [0; 5];
            if client.read_exact(&mut head).is_err() {
                return;
            }
            let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
            let mut body = vec![0; length - 4];
            if client.read_exact(&mut body).is_err() || client.write_all(&answer).is_err() {
                return;
            }
        }
    });
    address
}

fn open(url: String) -> Result<Db, Error> {
    Db::open(&Config::Postgres { url: Secret::new(url), ca_file: None }, &[], Timestamp(0))
}

#[test]
fn a_postgresql_older_than_15_is_refused_at_the_start_and_says_why() {
    let old = open(format!("postgres://nobody@{}/x", server_of("14.19 (Debian 14.19-1)")));
    let why =
        "the database server is PostgreSQL 14.19 (Debian 14.19-1); 15 or newer is needed, upgrade the server";
    assert_eq!(old.err(), Some(Error::Refused(why.into())));
    // The same greeting of a newer one gets as far as this server goes.
    let newer = open(format!("postgres://nobody@{}/x", server_of("15.0")));
    assert!(!matches!(newer.as_ref().err(), None | Some(Error::Refused(_))), "{:?}", newer.err());
}

#[test]
fn the_postgresql_of_the_tests_is_taken() {
    if std::env::var_os(POSTGRES_VARIABLE).is_some() {
        let scratch = Scratch::each().pop().unwrap();
        assert!(scratch.open(&[]).is_ok());
    }
}

#[test]
fn tls_4_a_server_that_refuses_tls_is_told_neither_name_nor_password() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let told = std::thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        let mut asked = [0; 8];
        client.read_exact(&mut asked).unwrap();
        // No TLS here.
        client.write_all(b"N").unwrap();
        let mut rest = Vec::new();
        client.read_to_end(&mut rest).unwrap();
        (asked, rest)
    });
    // Of a server elsewhere TLS is demanded anyhow; of one on this machine where the operator says so.
    let refused = open(format!("postgres://till:a-password@{address}/x?sslmode=require"));
    assert!(matches!(refused.as_ref().err(), Some(Error::Unavailable(_))), "{:?}", refused.err());
    let (asked, rest) = told.join().unwrap();
    assert_eq!(asked, [0, 0, 0, 8, 4, 210, 22, 47], "the question for TLS");
    assert_eq!(rest, Vec::<u8>::new());
}
